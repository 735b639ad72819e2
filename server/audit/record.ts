import type { Clock } from '../clock.ts'
import { newRecordId } from '../credentials/format.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { AuditEvent, Origin } from './entry.ts'
import { encodeEvent } from './pending-event.ts'

/**
 * Puts an event into the audit log that goes with no change of rows: what happens to tokens, thousands of times a second.
 * When it resolves the event is as safe as the token is; the drain takes it into the chain soon after.
 * @param at when it happened, in milliseconds; now unless it is said
 */
export type RecordEvent = (tenantId: string, origin: Origin, event: AuditEvent, at?: number) => Promise<void>

interface Needs {
  state: Pick<StateStore, 'recordEvent'>
  clock: Clock
  /** There is something to take in. */
  onRecorded(): void
}

export const createRecordEvent =
  ({ state, clock, onRecorded }: Needs): RecordEvent =>
  (tenantId, origin, event, at = clock.now()) => {
    const id = newRecordId('evt')
    return state.recordEvent(encodeEvent({ id, at: new Date(at), tenantId, origin, event })).then(onRecorded)
  }
