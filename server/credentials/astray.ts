import type { RecordEvent } from '../audit/record.ts'
import type { Mode } from '../mode/mode.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { Digests } from './digest.ts'
import type { SecretCredential } from './format.ts'
import { createGate } from './gate.ts'
import { networkOf } from './network.ts'
import type { Peer } from './peer.ts'

/**
 * Somebody authenticated with a credential of the other mode, which is refused by its form alone. If it is a real one, the log
 * of its own mode says so: whoever has a live key in a sandbox's settings should hear of it. Nobody waits for that, so the time
 * that an answer takes tells nothing.
 */
export type NoteAstray = (credential: SecretCredential, peer: Peer) => void

/** All of the mode that the credential is of. */
interface Needs {
  presentedIn: Mode
  clients: Pick<ClientRegistry, 'judged' | 'ofCredential'>
  digests: Digests
  state: Pick<StateStore, 'countFailure'>
  recordEvent: RecordEvent
}

/** One after the other, and so many wait; of a flood the rest is not looked at. */
const AT_ONCE = 1
const WAITING = 32

/** Entries of a client, from one network. */
export const ASTRAY_PER_MINUTE = 5
const WINDOW = 60_000

export function createNoteAstray({ presentedIn, clients, digests, state, recordEvent }: Needs): NoteAstray {
  const gate = createGate(AT_ONCE, WAITING)

  const ownerOf = (credential: SecretCredential) =>
    clients.judged(
      () => clients.ofCredential(credential),
      ({ client }) => {
        const isTheirs = client.secrets.some((secret) => digests.matches(credential.text, secret))
        return isTheirs ? client : undefined
      },
    )

  async function note(credential: SecretCredential, { ip }: Peer): Promise<void> {
    const owner = await ownerOf(credential)
    if (!owner) return
    const { count } = await state.countFailure(`astray:${owner.ref}@${networkOf(ip)}`, WINDOW)
    if (count > ASTRAY_PER_MINUTE) return
    const { id, name, clientId, tenantId } = owner
    const type = owner.kind === 'app' ? 'app' : 'api_key'
    const details = { reason: 'wrong_mode', client_id: clientId, presented_in: presentedIn }
    const event = { action: 'credential.rejected', target: { type, id }, details }
    await recordEvent(tenantId, { actor: { type, id, name }, ip }, event)
  }

  return (credential, peer) => {
    gate(undefined, () => note(credential, peer)).catch(() => {})
  }
}
