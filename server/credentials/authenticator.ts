import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { isPast, type Secret } from './client.ts'
import type { ClientRegistry, KnownClient } from './client-registry.ts'
import type { Digests } from './digest.ts'
import type { FailureLimit } from './failure-limit.ts'
import type { SecretCredential } from './format.ts'
import type { Peer } from './peer.ts'

/** Why a credential was refused: for logs, metrics and audit. Answers say less. */
export interface Refusal {
  readonly reason: 'unknown' | 'wrong_secret' | 'revoked' | 'expired' | 'wrong_mode' | 'tenant_inactive'
  /** Seconds: too many failures before this one. */
  readonly retryAfter?: number | undefined
}

/** Who presented it. */
export interface Authenticated extends KnownClient {
  readonly secret: Secret
}

export type Authentication<T> =
  | { readonly ok: true; readonly authenticated: Authenticated; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal }

/** The one way to find out whose a secret credential is. */
export interface Authenticator {
  /**
   * @param peer for the failure limit.
   * @param alongside runs while the copy of the client is compared with its standing, to save a round trip. Its value
   * is thrown away when the copy turns out to be old: it may write only what is worthless unless its value is used.
   */
  authenticate<T>(
    credential: SecretCredential,
    peer: Peer,
    alongside: (authenticated: Authenticated) => Promise<T>,
  ): Promise<Authentication<T>>
  /** What `credential` is worth now, counted against nobody: introspection and revocation ask for others. */
  inspect(credential: SecretCredential): Promise<Authentication<undefined>>
}

interface Needs {
  mode: Mode
  clients: ClientRegistry
  digests: Digests
  failureLimit: FailureLimit
  clock: Clock
  metrics: Pick<Metrics, 'authenticationFailed'>
}

export function createAuthenticator(needs: Needs): Authenticator {
  const { mode, clients, digests, failureLimit, clock, metrics } = needs

  async function judge<T>(
    credential: SecretCredential,
    alongside: (authenticated: Authenticated) => Promise<T>,
  ): Promise<Authentication<T>> {
    if (credential.mode !== mode) return refuse('wrong_mode')
    const find = async () => {
      const known = await clients.ofCredential(credential)
      if (!known) digests.matches(credential.text, NOBODY)
      return known
    }
    const verdict = await clients.current(find, async (known): Promise<Authentication<T>> => {
      const weighed = weigh(credential, known)
      if (!weighed.ok) return weighed
      const { authenticated } = weighed
      return { ok: true, authenticated, value: await alongside(authenticated) }
    })
    return verdict ?? refuse('unknown')
  }

  function weigh(credential: SecretCredential, known: KnownClient) {
    const { client, tenant } = known
    const now = clock.now()
    const secret = client.secrets.find((candidate) => isSecretOf(candidate, credential, digests))
    if (!secret) return refuse('wrong_secret')
    if (secret.revokedAt !== undefined) return refuse('revoked')
    if (isPast(secret.expiresAt, now)) return refuse('expired')
    const reason = unfitness(known, now)
    if (reason) return refuse(reason)
    return { ok: true as const, authenticated: { client, tenant, secret } }
  }

  return {
    async authenticate(credential, peer, alongside) {
      const result = await judge(credential, alongside)
      if (result.ok) return result
      const { reason } = result.refusal
      metrics.authenticationFailed(mode, reason)
      // These two know the credential: nobody is guessing.
      if (reason === 'wrong_mode' || reason === 'tenant_inactive') return result
      const retryAfter = await failureLimit.failed(reason === 'unknown' ? undefined : credential.publicId, peer.ip)
      return { ok: false, refusal: { reason, retryAfter } }
    },
    inspect: (credential) => judge(credential, async () => undefined),
  }
}

/** Why a client, however it authenticates, can't act now. */
export function unfitness({ client, tenant }: KnownClient, now: number): Refusal['reason'] | undefined {
  if (client.revokedAt !== undefined) return 'revoked'
  if (isPast(client.expiresAt, now)) return 'expired'
  return tenant.status === 'active' ? undefined : 'tenant_inactive'
}

/** A service token's secret is the one with its id; a key's may be any of its live ones. */
function isSecretOf(secret: Secret, credential: SecretCredential, digests: Digests): boolean {
  const ofThisToken = credential.kind !== 'service_token' || secret.publicId === credential.publicId
  return ofThisToken && digests.matches(credential.text, secret)
}

/** Compared with when there is no such client, so that its absence doesn't show in the time. */
const NOBODY = { digest: new Uint8Array(32), hashKey: '' }

const refuse = (reason: Refusal['reason']): { ok: false; refusal: Refusal } => ({ ok: false, refusal: { reason } })
