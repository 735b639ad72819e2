import type { FailureCount, StateStore } from '../storage/state-store.ts'

/** Failures that are counted where they happen and looked at before the next try. */
export interface FailureCounts {
  /** So far; nothing for what is not counted. */
  seen(key: string | undefined): Promise<FailureCount>
  /** One more; how many there are now. */
  count(key: string | undefined, windowMs: number): Promise<number>
}

interface Needs {
  state: Pick<StateStore, 'countFailure' | 'putRecord' | 'findRecord'>
}

export const createFailureCounts = ({ state }: Needs): FailureCounts => ({
  async seen(key) {
    const record = key && (await state.findRecord(key))
    return record ? (JSON.parse(record) as FailureCount) : { count: 0, resetsAt: 0 }
  },

  /** The counter can't be read without counting, so what it said is kept beside it. */
  async count(key, windowMs) {
    if (!key) return 0
    const counted = await state.countFailure(key, windowMs)
    await state.putRecord(key, JSON.stringify(counted), counted.resetsAt)
    return counted.count
  },
})
