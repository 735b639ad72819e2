import Router from '@koa/router'
import type { Change } from '../audit/change.ts'
import type { Drain } from '../audit/drain.ts'
import type { Clock } from '../clock.ts'
import type { ChosenSecrets } from '../credentials/chosen-secret.ts'
import type { Digests } from '../credentials/digest.ts'
import type { Handler, RequestContext, RequestState } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { scopeDatabase, type TenantScope } from '../tenancy/scoped-database.ts'
import { answerText, isLines, sendAnswer, sendLines } from './answer.ts'
import { authorize } from './authorize.ts'
import type { Caller, IdentifyCaller } from './caller.ts'
import { createChallenges, schemeOf } from './challenge.ts'
import { type Records, recordsOf } from './entity-tag.ts'
import { guardChange, preconditionOf } from './guarded-change.ts'
import type { Idempotency } from './idempotency.ts'
import { limitRate } from './limited.ts'
import type { Operation, OperationNeeds } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { parseRequest, receiveBody } from './parse.ts'
import { presentedBy } from './presented-credential.ts'
import type { RateLimit } from './rate-limit.ts'
import { repeatableOf } from './repeatable.ts'
import type { WebhookTools } from './webhooks/tools.ts'
import type { Workloads } from './workloads.ts'

interface Needs {
  mode: Mode
  issuer: string
  identifyCaller: IdentifyCaller
  database: Database
  change: Change
  drain: Pick<Drain, 'all'>
  digests: Digests
  chosenSecrets: ChosenSecrets
  clock: Clock
  workloads: Workloads
  webhooks: WebhookTools
  keyRing: OperationNeeds['keyRing']
  idempotency: Idempotency
  rateLimit: RateLimit
}

/** `/v1`: authenticate, limit, authorize, parse, run, answer; the same for every operation, so that none can forget a step. */
export function createManagementApi(needs: Needs): Handler {
  const router = new Router<RequestState>({ strict: true })
  const records = recordsOf(OPERATIONS)
  for (const operation of OPERATIONS) {
    router.register(operation.path, [operation.method], (ctx) => run(operation, ctx as RequestContext, needs, records))
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

async function run(operation: Operation, ctx: RequestContext, needs: Needs, records: Records): Promise<void> {
  ctx.state.route = operation.path
  // All has arrived before anybody looks who it is from: a slow body must not outlive the power of its sender.
  const received = await receiveBody(operation, ctx)
  const presented = presentedBy(ctx, needs.issuer)
  const caller = await needs.identifyCaller(presented)
  ctx.state.client = caller.actor.id
  ctx.state.tenant = caller.tenant.id
  await limitRate(ctx, caller, needs.rateLimit)
  authorize(caller, operation, needs.mode)
  const request = parseRequest(operation, ctx, { caller, received })
  const own = needsOf(caller, ctx, needs)

  const repeatable = repeatableOf(operation, ctx, { ...request, presented, scope: own.scope })
  const before = repeatable && (await needs.idempotency.answered(repeatable))
  if (before) return sendAnswer(ctx, operation, before, records)

  const check = preconditionOf(operation, request, ctx, records)
  const claim = repeatable && needs.idempotency.claim(repeatable)
  const { hasChanged, ...guarded } = guardChange({ check, claim }, own)
  const answer = await operation.handle(request, { ...own, ...guarded })
  if (isLines(answer)) return await sendLines(ctx, request.mediaType, answer)
  const sent = { status: operation.status, text: answerText(operation, answer) }
  // Who is answered has no need to ask again: that it couldn't be kept is no reason to keep a new secret from them.
  if (hasChanged()) await claim?.keep(sent).catch(() => {})
  sendAnswer(ctx, operation, sent, records)
}

function needsOf(caller: Caller, ctx: RequestContext, needs: Needs): OperationNeeds {
  const { mode, issuer, digests, chosenSecrets, clock, workloads, webhooks, keyRing } = needs
  const scope: TenantScope = { tenantId: caller.tenant.id, mode }
  const origin = { actor: caller.actor, ip: ctx.ip, requestId: ctx.state.requestId }
  return {
    ...{ scope, address: ctx.ip, tenant: caller.tenant, issuer, digests, chosenSecrets, clock, keyRing },
    ...{ workloads, webhooks },
    database: scopeDatabase(needs.database, scope),
    change: (work) => needs.change(scope, origin, work),
    drainEvents: needs.drain.all,
    changeTenant: (work) => needs.change({ tenantId: scope.tenantId }, origin, work),
  }
}
