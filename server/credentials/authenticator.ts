import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { isAllowedFrom } from '../tenancy/networks.ts'
import type { NoteAstray } from './astray.ts'
import type { ChosenCredential } from './chosen-credential.ts'
import type { ChosenSecrets } from './chosen-secret.ts'
import type { CheckChosenSecret } from './chosen-secret-check.ts'
import { isPast, type Secret } from './client.ts'
import type { ClientRegistry, KnownClient } from './client-registry.ts'
import type { Digests } from './digest.ts'
import type { EvenTime } from './even-time.ts'
import type { FailureLimit } from './failure-limit.ts'
import type { SecretCredential } from './format.ts'
import type { Peer } from './peer.ts'
import type { Usage, UsedSecret } from './usage.ts'

/** Why a credential was refused: for logs, metrics and audit. Answers say less. */
export interface Refusal {
  readonly reason:
    | 'unknown'
    | 'wrong_secret'
    | 'unheard'
    | 'revoked'
    | 'expired'
    | 'inactive'
    | 'wrong_mode'
    | 'network'
    | 'tenant_inactive'
  /** Seconds: too many failures before this one. */
  readonly retryAfter?: number | undefined
}

/** Who presented it. */
export interface Authenticated extends KnownClient {
  readonly secret: Secret
}

export type Authentication =
  | { readonly ok: true; readonly authenticated: Authenticated }
  | {
      readonly ok: false
      readonly refusal: Refusal
      /** Whose credential it would be, if there is such a client. Nobody has proven to be them. */
      readonly known?: KnownClient | undefined
    }

/** The one way to find out whose a secret credential is. */
export interface Authenticator {
  /** @param peer for the failure limit, and the tenant's allowed networks. */
  authenticate(credential: SecretCredential | ChosenCredential, peer: Peer): Promise<Authentication>
  /** What `credential` is worth now, counted against nobody: introspection and revocation ask for others. */
  inspect(credential: SecretCredential): Promise<Authentication>
  /** Whose `credential` is, whatever it is worth now: for whoever found it somewhere. Wrong ones count against the peer. */
  recognize(credential: SecretCredential | ChosenCredential, peer: Peer): Promise<Recognition>
}

export interface Recognition {
  /** Undefined: nobody's. */
  readonly whose: Authenticated | undefined
  /** Seconds: too many that were nobody's. */
  readonly retryAfter?: number | undefined
}

interface Needs {
  mode: Mode
  clients: ClientRegistry
  digests: Digests
  failureLimit: FailureLimit
  chosenSecrets: Pick<ChosenSecrets, 'wasRight'>
  checkChosenSecret: CheckChosenSecret
  usage: Pick<Usage, 'used'>
  noteAstray: NoteAstray
  clock: Clock
  metrics: Pick<Metrics, 'authenticationFailed'>
  /** For each request one. */
  evenTime(): EvenTime
}

export function createAuthenticator(needs: Needs): Authenticator {
  const { mode, clients, digests, failureLimit, chosenSecrets, checkChosenSecret, usage, noteAstray } = needs
  const { clock, metrics, evenTime } = needs

  const findSealed = (credential: SecretCredential, even?: EvenTime) => () => {
    const found = clients.ofCredential(credential)
    if (!(found instanceof Promise)) return found ?? absent(credential)
    even?.start()
    return found.then((known) => known ?? absent(credential))
  }

  /** Takes as long as a look at a client that is there. */
  function absent(credential: SecretCredential): undefined {
    digests.matches(credential.text, NOBODY)
  }

  async function recognizeSealed(credential: SecretCredential, peer: Peer): Promise<Recognition> {
    const whose = await clients.judged(findSealed(credential), (known) => {
      const secret = known.client.secrets.find((candidate) => isSecretOf(candidate, credential, digests))
      return secret && { ...known, secret }
    })
    return { whose, ...(!whose && { retryAfter: await failureLimit.failed(undefined, peer.ip) }) }
  }

  async function recognizeChosen(credential: ChosenCredential, peer: Peer): Promise<Recognition> {
    const known = await clients.current(() => clients.ofClientId(credential.clientId))
    const client = known?.client.apiClient && known.client
    const check = await checkChosenSecret(credential, client, peer)
    if (check.outcome === 'unheard') return { whose: undefined, retryAfter: check.retryAfter }
    const [secret] = check.outcome === 'right' && client ? client.secrets : []
    return { whose: known && secret && { ...known, secret } }
  }

  async function judgeSealed(
    credential: SecretCredential,
    address: string | undefined,
    even: EvenTime,
  ): Promise<Authentication> {
    if (credential.mode !== mode) return refuse('wrong_mode')
    const isRight = (secret: Secret) => isSecretOf(secret, credential, digests)
    return judge(findSealed(credential, even), isRight, address, even)
  }

  /** What isn't remembered is verified, which is slow, and then weighed anew: much can happen meanwhile. */
  async function judgeChosen(credential: ChosenCredential, peer: Peer): Promise<Authentication> {
    let found: KnownClient | undefined
    const find = async () => {
      const known = await clients.ofClientId(credential.clientId)
      found = known?.client.apiClient && known
      return found
    }
    const isRemembered = (secret: Secret) => chosenSecrets.wasRight(credential.secret, secret)
    const result = await judge(find, isRemembered, peer.ip)
    if (result.ok || !['unknown', 'wrong_secret'].includes(result.refusal.reason)) return result
    const { reason } = result.refusal
    const check = await checkChosenSecret(credential, reason === 'unknown' ? undefined : found?.client, peer)
    if (check.outcome === 'right') return judge(find, isRemembered, peer.ip)
    const { known } = result
    if (check.outcome !== 'unheard') return { ...refuse(reason), known }
    return { ok: false, refusal: { reason: 'unheard', retryAfter: check.retryAfter }, known }
  }

  async function judge(
    find: () => KnownClient | undefined | Promise<KnownClient | undefined>,
    isRight: (secret: Secret) => boolean,
    address: string | undefined,
    even?: EvenTime,
  ): Promise<Authentication> {
    const verdict = await clients.judged(find, (known) => {
      const weighed = weigh(isRight, known, address)
      if (!weighed.ok) even?.start()
      return weighed
    })
    return verdict ?? refuse('unknown')
  }

  function weigh(
    isRight: (secret: Secret) => boolean,
    known: KnownClient,
    address: string | undefined,
  ): Authentication {
    const secret = known.client.secrets.find(isRight)
    if (!secret) return { ...refuse('wrong_secret'), known }
    const authenticated = { ...known, secret }
    const reason = refusalReason(authenticated, clock.now(), address)
    return reason ? { ...refuse(reason), known } : { ok: true, authenticated }
  }

  /** What a refusal counts for. Guesses at what was chosen are limited before they are looked at. */
  async function counted(
    { reason, retryAfter }: Refusal,
    credential: SecretCredential | ChosenCredential,
    peer: Peer,
  ): Promise<Refusal> {
    metrics.authenticationFailed(mode, reason)
    if (credential.kind === 'chosen_secret') return { reason, retryAfter }
    if (reason === 'wrong_mode') noteAstray(credential, peer)
    // These two know the credential: nobody is guessing.
    if (reason === 'wrong_mode' || reason === 'tenant_inactive') return { reason }
    const guessedAt = reason === 'unknown' ? undefined : credential.publicId
    return { reason, retryAfter: await failureLimit.failed(guessedAt, peer.ip) }
  }

  return {
    async authenticate(credential, peer) {
      const even = evenTime()
      const result = await (credential.kind === 'chosen_secret'
        ? judgeChosen(credential, peer)
        : judgeSealed(credential, peer.ip, even))
      if (result.ok) {
        usage.used(usedSecret(result.authenticated), peer)
        return result
      }
      const refusal = await counted(result.refusal, credential, peer)
      await even.reached()
      return { ok: false, refusal, known: result.known }
    },

    async inspect(credential) {
      const even = evenTime()
      const result = await judgeSealed(credential, undefined, even)
      if (!result.ok) await even.reached()
      return result
    },

    recognize: (credential, peer) =>
      credential.kind === 'chosen_secret' ? recognizeChosen(credential, peer) : recognizeSealed(credential, peer),
  }
}

/** Why a client whose secret is right can't act now. */
export function refusalReason(
  { client, tenant, secret }: Authenticated,
  now: number,
  address: string | undefined,
): Refusal['reason'] | undefined {
  if (secret.revokedAt !== undefined) return 'revoked'
  if (isPast(secret.expiresAt, now)) return 'expired'
  return unfitness({ client, tenant }, now, address)
}

/**
 * Why a client, however it authenticates, can't act now.
 * @param address from which it acts; undefined where somebody else asks about it
 */
export function unfitness(
  { client, tenant }: KnownClient,
  now: number,
  address: string | undefined,
): Refusal['reason'] | undefined {
  // Before the rest: whoever is outside hears the one answer for all, even where others hear more.
  if (address !== undefined && !isAllowedFrom(tenant.allowedNetworks, address)) return 'network'
  if (client.revokedAt !== undefined || client.disabledAt !== undefined) return 'revoked'
  if (isPast(client.expiresAt, now)) return 'expired'
  if (client.apiClient?.active === false) return 'inactive'
  return tenant.status === 'active' ? undefined : 'tenant_inactive'
}

/** A service token's secret is the one with its id; a key's may be any of its live ones. */
function isSecretOf(secret: Secret, credential: SecretCredential, digests: Digests): boolean {
  const ofThisToken = credential.kind !== 'service_token' || secret.publicId === credential.publicId
  return ofThisToken && digests.matches(credential.text, secret)
}

export const usedSecret = ({ client, secret }: Pick<Authenticated, 'client' | 'secret'>): UsedSecret => ({
  ...{ tenantId: client.tenantId, mode: client.mode, clientId: client.id, secretId: secret.id },
})

/** Compared with when there is no such client, so that its absence doesn't show in the time. */
const NOBODY = { digest: new Uint8Array(32), hashKey: '' }

const refuse = (reason: Refusal['reason']): { ok: false; refusal: Refusal } => ({ ok: false, refusal: { reason } })
