import type { ChosenCredential } from './chosen-credential.ts'
import type { ChosenSecrets } from './chosen-secret.ts'
import type { ChosenSecretLimit, Guess } from './chosen-secret-limit.ts'
import type { Client, Secret } from './client.ts'
import { createGate } from './gate.ts'
import type { Peer } from './peer.ts'

/** `unheard`: nobody looked. */
export type ChosenSecretCheck =
  | { readonly outcome: 'right' | 'wrong' }
  | { readonly outcome: 'unheard'; readonly retryAfter: number }

/** Verifies a chosen secret that this node doesn't remember. `client` undefined: there is none, which doesn't show. */
export type CheckChosenSecret = (
  credential: ChosenCredential,
  client: Client | undefined,
  peer: Peer,
) => Promise<ChosenSecretCheck>

interface Needs {
  chosenSecrets: Pick<ChosenSecrets, 'verify'>
  limit: ChosenSecretLimit
}

/** 19 MiB each: so many run at once on a node, so many more wait. A client's own networks don't queue behind strangers. */
const AT_ONCE = 2
const WAITING = 32
const BUSY: ChosenSecretCheck = { outcome: 'unheard', retryAfter: 1 }

export function createCheckChosenSecret({ chosenSecrets, limit }: Needs): CheckChosenSecret {
  const gates = { known: createGate(AT_ONCE, WAITING), stranger: createGate(AT_ONCE, WAITING) }
  /** The same from the same network at the same time is one guess: many workers of a client start at once. */
  const underWay = new Map<string, Promise<ChosenSecretCheck>>()

  async function refused(guess: Guess, isKnown: boolean): Promise<ChosenSecretCheck | undefined> {
    const retryAfter = await limit.refusal(guess, isKnown)
    return retryAfter === undefined ? undefined : { outcome: 'unheard', retryAfter }
  }

  async function verify(secret: string, stored: Secret | undefined, guess: Guess, isKnown: boolean) {
    // Again: those who waited for their turn may have waited while others failed.
    const late = await refused(guess, isKnown)
    if (late) return late
    if (await chosenSecrets.verify(secret, stored)) {
      await limit.succeeded(guess)
      return { outcome: 'right' as const }
    }
    await limit.failed(guess, isKnown)
    return { outcome: 'wrong' as const }
  }

  async function check({ clientId, secret }: ChosenCredential, client: Client | undefined, { ip }: Peer) {
    const guess = { clientId, publicId: client?.publicId, address: ip }
    const isKnown = await limit.isKnownNetwork(guess)
    const early = await refused(guess, isKnown)
    if (early) return early
    const gate = isKnown ? gates.known : gates.stranger
    return gate(BUSY, () => verify(secret, client?.secrets[0], guess, isKnown))
  }

  return (credential, client, peer) => {
    const stored = client?.secrets[0]?.digest
    const name = JSON.stringify([
      credential.clientId,
      credential.secret,
      peer.ip,
      stored && Buffer.from(stored).toString(),
    ])
    const before = underWay.get(name)
    if (before) return before
    const checked = check(credential, client, peer).finally(() => underWay.delete(name))
    underWay.set(name, checked)
    return checked
  }
}
