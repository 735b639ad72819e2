import { ApiError } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { Caller } from './caller.ts'
import type { Operation } from './operation.ts'

/** @throws {ApiError} insufficient_scope; wrong_key_type for what the test host can't change. */
export function authorize(caller: Caller, { method, requires, only }: Operation, mode: Mode): void {
  // Whatever it holds: that it can only look is its admin's word, and no mistake in a scope undoes it.
  if (caller.client.apiClient?.permission === 'read' && method !== 'GET') {
    const detail = 'this API client may only read'
    throw new ApiError('insufficient_scope', { ...(requires !== undefined && { scope: requires }), detail })
  }
  if (requires !== undefined && !caller.scopes.has(requires)) {
    throw new ApiError('insufficient_scope', { scope: requires, detail: `this needs the scope ${requires}` })
  }
  if (only === 'live' && mode === 'test') {
    throw new ApiError('wrong_key_type', { detail: 'people are of both modes, and managed on the live host' })
  }
  if (only === 'people' && !caller.person) {
    throw new ApiError('insufficient_scope', {
      detail: 'only for a person: by an app that they signed in to, or by a personal access token',
    })
  }
}
