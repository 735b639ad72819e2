import type { RequestContext } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { TenantScope } from '../tenancy/scoped-database.ts'
import type { Repeatable } from './idempotency.ts'
import type { Operation, OperationRequest } from './operation.ts'
import type { PresentedCredential } from './presented-credential.ts'

/** Visible ASCII, so that no proxy between us reads it in another way. */
const KEY = /^[\x21-\x7e]{1,255}$/

/** Whether to send it twice does it twice. */
export const isRepeatable = ({ method, requires }: Pick<Operation, 'method' | 'requires'>): boolean =>
  method === 'POST' && !requires?.endsWith(':read')

interface Presented extends OperationRequest<unknown, unknown> {
  readonly presented: PresentedCredential
  readonly scope: TenantScope
}

/** What `Idempotency-Key` makes of a request. Undefined without one. @throws {ApiError} */
export function repeatableOf(
  operation: Operation,
  ctx: RequestContext,
  { caller, body, query, presented, scope }: Presented,
): Repeatable | undefined {
  const key = ctx.headers['idempotency-key']
  if (key === undefined || !isRepeatable(operation)) return undefined
  if (typeof key !== 'string' || !KEY.test(key)) {
    const detail = 'Idempotency-Key must be 1 to 255 visible ASCII characters'
    throw new ApiError('validation_failed', { status: 400, detail })
  }
  const content = JSON.stringify([operation.method, ctx.path, query, body])
  return { scope, caller, credential: textOf(presented), key, content }
}

/** RFC 9110 §11.4: without the scheme, whose case is free. */
const textOf = ({ authorization, apiKey = '' }: PresentedCredential): string =>
  authorization?.replace(/^\S+ +/, '') ?? apiKey
