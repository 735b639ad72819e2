import Router from '@koa/router'
import type { z } from 'zod'
import type { Change } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { readBody } from '../http/body.ts'
import type { Handler, RequestContext, RequestState } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { scopeDatabase, type TenantScope } from '../tenancy/scoped-database.ts'
import type { Caller, IdentifyCaller } from './caller.ts'
import { createChallenges, schemeOf } from './challenge.ts'
import type { Operation, OperationNeeds } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { presentedBy } from './presented-credential.ts'
import type { Workloads } from './workloads.ts'

interface Needs {
  mode: Mode
  issuer: string
  identifyCaller: IdentifyCaller
  database: Database
  change: Change
  digests: Digests
  clock: Clock
  workloads: Workloads
}

/** Bytes. The largest body of the API is a few hundred scopes. */
const BODY_LIMIT = 64 * 1024

const RECORD_ID = /^[a-z]{2,8}_[a-z2-7]{8,32}$/

/** `/v1`: authenticate, authorize, parse, run, answer; the same for every operation, so that none can forget a step. */
export function createManagementApi(needs: Needs): Handler {
  const router = new Router<RequestState>({ strict: true })
  for (const operation of OPERATIONS) {
    router.register(operation.path, [operation.method], (ctx) => run(operation, ctx as RequestContext, needs))
  }
  const routes = router.routes()
  const { insufficientScope } = createChallenges(needs.issuer)
  return async (ctx) => {
    try {
      await routes(ctx as never, async () => {
        throw new ApiError('not_found')
      })
    } catch (error) {
      const isScope = error instanceof ApiError && error.code === 'insufficient_scope'
      throw isScope ? insufficientScope(schemeOf(ctx.headers.authorization), error) : error
    }
  }
}

async function run(operation: Operation, ctx: RequestContext, needs: Needs): Promise<void> {
  ctx.state.route = operation.path
  const caller = await needs.identifyCaller(presentedBy(ctx, needs.issuer))
  ctx.state.client = caller.actor.id
  ctx.state.tenant = caller.tenant.id
  authorize(caller, operation)

  const { id = '' } = (ctx as unknown as { params: { id?: string } }).params
  if (operation.path.includes(':id') && !RECORD_ID.test(id)) throw new ApiError('not_found')
  const query = operation.query ? parse(operation.query, { ...ctx.query }, '?') : {}
  const body = operation.body ? parse(operation.body, await readJson(ctx), '/') : undefined

  const answer = await operation.handle({ caller, id, query, body }, needsOf(caller, ctx, needs))
  ctx.status = operation.status
  ctx.set('Cache-Control', 'no-store')
  if (operation.status !== 204) ctx.body = answer
}

function authorize(caller: Caller, { requires }: Operation): void {
  if (requires !== undefined && !caller.scopes.has(requires)) {
    throw new ApiError('insufficient_scope', { scope: requires, detail: `this needs the scope ${requires}` })
  }
}

function parse<T>(schema: z.ZodType<T>, input: unknown, root: '/' | '?'): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const fields = result.error.issues.flatMap(({ path, message, ...issue }) => {
    const names = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path]
    const detail = issue.code === 'unrecognized_keys' ? 'no such field' : message
    return names.slice(0, 20).map((segments) => ({ pointer: pointerTo(segments, root), detail }))
  })
  throw new ApiError('validation_failed', { fields })
}

/** RFC 6901 §3: `~` and `/` are escaped. Names are the caller's own and may be long. */
const pointerTo = (path: PropertyKey[], root: '/' | '?'): string => {
  const segments = path.map((part) => String(part).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1'))
  return path.length ? root + segments.join('/') : ''
}

const BODY_FAILURES = {
  too_large: ['the body is too large', 413],
  encoded: ['the body must not be compressed', 415],
  aborted: ['the body did not arrive', 400],
} as const

async function readJson(ctx: RequestContext): Promise<unknown> {
  const wrong = (detail: string, status?: number) =>
    new ApiError('validation_failed', { detail, ...(status && { status }), fields: [{ pointer: '', detail }] })
  if (!ctx.is('json')) throw wrong('the body must be application/json', 415)
  const body = await readBody(ctx.req, BODY_LIMIT)
  if (!body.ok) {
    const [detail, status] = BODY_FAILURES[body.failure]
    throw wrong(detail, status)
  }
  try {
    return JSON.parse(body.text)
  } catch {
    throw wrong('the body is not JSON')
  }
}

function needsOf(caller: Caller, ctx: RequestContext, needs: Needs): OperationNeeds {
  const { mode, issuer, digests, clock, workloads } = needs
  const scope: TenantScope = { tenantId: caller.tenant.id, mode }
  const origin = { actor: caller.actor, ip: ctx.ip, requestId: ctx.state.requestId }
  return {
    ...{ scope, tenant: caller.tenant, issuer, digests, clock, workloads },
    database: scopeDatabase(needs.database, scope),
    change: (work) => needs.change(scope, origin, work),
  }
}
