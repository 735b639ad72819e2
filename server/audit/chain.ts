import { hash, timingSafeEqual } from 'node:crypto'
import { createHmacSha256, type Hmac } from '../credentials/hmac.ts'
import type { MasterKeys } from '../credentials/master-key.ts'
import type { ChainedEntry } from './entry.ts'

/** By which an entry holds to the one before it. */
export interface Link {
  /** In hex. */
  readonly hash: string
  /** Which master key's. Empty: a hash that anyone can make, of an entry from before they were keyed. */
  readonly hashKey: string
}

/**
 * Each entry's hash is over the entry and the hash before. It is keyed by the master key, which is not in the database:
 * whoever can write there and nowhere else can't make a chain that holds.
 */
export interface Chain {
  link(previous: string, entry: ChainedEntry): Link
  check(previous: string, entry: ChainedEntry, link: Link): Check
}

export type Check = 'right' | 'right_unkeyed' | 'wrong' | 'unknown_key'

/** What the first entry of a chain follows. */
export const CHAIN_START = '0'.repeat(64)

export function createChain({ current, all }: MasterKeys): Chain {
  const hmacs = new Map(all.map((key) => [key.id, createHmacSha256(key.derive('audit chain', 32))]))
  const currentHmac = hmacs.get(current.id) as Hmac
  return {
    link: (previous, entry) => ({ hash: hashOf(currentHmac, previous, entry), hashKey: current.id }),

    check(previous, entry, { hash: written, hashKey }) {
      const hmac = hmacs.get(hashKey)
      if (hashKey !== '' && !hmac) return 'unknown_key'
      if (!isSame(hashOf(hmac, previous, entry), written)) return 'wrong'
      return hmac ? 'right' : 'right_unkeyed'
    },
  }
}

/** Over the hash before and every member in a fixed order. */
function hashOf(hmac: Hmac | undefined, previous: string, entry: ChainedEntry): string {
  const members = [entry.tenantId, entry.mode, entry.id, entry.seq, entry.at.toISOString(), entry.action]
  const people = [entry.actorType, entry.actorId, entry.actorName, entry.targetType, entry.targetId]
  const rest = [entry.ip, entry.requestId, sortedJson(entry.details)]
  const text = JSON.stringify([previous, ...members, ...people, ...rest])
  return hmac ? hmac(text, 'hex') : hash('sha256', text, 'hex')
}

/** jsonb doesn't keep the order of members, so the hash mustn't depend on it. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`
  if (!(value instanceof Object)) return JSON.stringify(value) ?? 'null'
  const members = value as Readonly<Record<string, unknown>>
  const names = Object.keys(members).filter((name) => members[name] !== undefined)
  return `{${names.sort().map((name) => `${JSON.stringify(name)}:${sortedJson(members[name])}`)}}`
}

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
