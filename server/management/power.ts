import { ApiError } from '../http/problem.ts'
import type { Caller } from './caller.ts'

/**
 * The one rule about power: no credential creates or changes another beyond its own. It gives what it names, as far as
 * it holds that itself; where nothing is named, it gives all that it holds.
 * @throws {ApiError} insufficient_scope, naming what was beyond.
 */
export function withinPower(caller: Caller, wanted: readonly string[] | undefined): 'all' | readonly string[] {
  if (caller.hasEverything) return wanted ?? 'all'
  const beyond = wanted?.find((scope) => !caller.scopes.has(scope))
  if (beyond !== undefined) {
    throw new ApiError('insufficient_scope', { scope: beyond, detail: 'a credential gives only what it holds' })
  }
  return wanted ?? [...caller.scopes]
}

/**
 * The same for what is there already: who changes it must hold what it holds.
 * @throws {ApiError} insufficient_scope
 */
export function refuseMorePower(caller: Caller, held: 'all' | readonly string[]): void {
  if (held !== 'all') withinPower(caller, held)
  else if (!caller.hasEverything) {
    throw new ApiError('insufficient_scope', { detail: 'it has full access, which only full access may change' })
  }
}
