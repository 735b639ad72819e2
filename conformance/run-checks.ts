import { createSend } from './acting/http.ts'
import { createMask, type Mask } from './acting/mask.ts'
import { missingOf } from './capabilities.ts'
import type { Check, Finding } from './check.ts'
import { type Context, createContext } from './context.ts'
import { discover } from './discovery.ts'
import { failed, NotOffered, notOffered } from './judge.ts'
import { type Profile, secretsOf } from './profile.ts'

export type Result = Omit<Check, 'needs' | 'run'> & Finding

export interface Report {
  readonly issuer: string
  /** RFC 3339. */
  readonly at: string
  readonly results: readonly Result[]
}

interface Subject {
  readonly issuer: string
  readonly profile: Profile
}

/** One after the other, so that what one sees is not the doing of another. */
export async function runChecks({ issuer, profile }: Subject, checks: readonly Check[]): Promise<Report> {
  const mask = createMask()
  for (const secret of secretsOf(profile)) mask.remember(secret)
  const send = createSend(mask)
  const discovered = await discover(send, issuer, profile.metadata)
  const context = createContext({ issuer, profile, discovered, send })
  const at = new Date().toISOString()
  const results: Result[] = []
  for (const check of checks) results.push(await resultOf(check, context, mask))
  return { issuer, at, results }
}

async function resultOf(check: Check, context: Context, mask: Mask): Promise<Result> {
  const { needs, run, ...about } = check
  const { outcome, seen } = await findingOf(check, context)
  return { ...about, outcome, seen: mask.apply(seen) }
}

async function findingOf({ needs, run }: Check, context: Context): Promise<Finding> {
  const missing = missingOf(needs, context.profile, context.metadata)
  if (missing !== undefined) return notOffered(missing)
  try {
    return await run(context)
  } catch (error) {
    if (error instanceof NotOffered) return notOffered(error.message)
    return failed(`could not be checked: ${reasonOf(error)}`)
  }
}

/** What fetch throws says only in its cause what happened. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

export const isFailedMust = ({ outcome, level }: Result): boolean => outcome === 'failed' && level === 'MUST'
