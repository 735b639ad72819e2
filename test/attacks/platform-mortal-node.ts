import type { Storage } from '../../server/storage/open.ts'
import { type StateStore, StoreUnavailable } from '../../server/storage/state-store.ts'

/** A node that can die at any of its calls to the hot store: just before it is made, or when it is made and not yet answered. */
export interface MortalNode {
  readonly storage: Storage
  /** From now on, at the call of this number (from 1). Dead, it reaches nothing any more. */
  dieAt(call: number, when: 'before' | 'after'): void
  isDead(): boolean
  revive(): void
  /** Calls that `work` makes. */
  count(work: () => Promise<unknown>): Promise<number>
}

export function mortalNode(storage: Storage): MortalNode {
  let made = 0
  let last = Number.POSITIVE_INFINITY
  let when: 'before' | 'after' = 'before'
  let dead = false
  const die = (): never => {
    dead = true
    throw new StoreUnavailable('redis', new Error('killed'))
  }
  // What a node does by itself goes on at times of its own: it is no part of what is counted.
  const own = new Set<PropertyKey>(['pendingEvents', 'removeEvents', 'sweep', 'ping'])
  const live = new Proxy(storage.state.live, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function' || own.has(name)) return value
      return async (...input: unknown[]) => {
        made++
        if (dead || (made >= last && when === 'before')) return die()
        const isLast = made >= last
        const result = await value.apply(target, input)
        return isLast ? die() : result
      }
    },
  }) as StateStore
  return {
    storage: { ...storage, state: { ...storage.state, live } },
    dieAt(call, at) {
      made = 0
      last = call
      when = at
    },
    isDead: () => dead,
    revive() {
      dead = false
      last = Number.POSITIVE_INFINITY
    },
    async count(work) {
      made = 0
      await work()
      return made
    },
  }
}
