import { type Authenticated, type Authenticator, unfitness } from '../credentials/authenticator.ts'
import type { ClientRegistry, KnownClient } from '../credentials/client-registry.ts'
import type { FailureLimit } from '../credentials/failure-limit.ts'
import { publicIdOf } from '../credentials/format.ts'
import type { Peer } from '../credentials/peer.ts'
import type { Mode } from '../mode/mode.ts'
import type { ClientAssertions } from './client-assertion.ts'
import {
  type GivenTokens,
  type PresentedAssertion,
  type PresentedClient,
  type PresentedName,
  type PresentedSecret,
  refusalError,
  unauthenticated,
} from './client-authentication.ts'
import { type Result, succeed } from './oauth-error.ts'

/** A client that is who it says it is; or a public one, of which nobody can know; or one that a token is to vouch for. */
export interface AuthenticatedClient {
  readonly known: KnownClient
  readonly method: PresentedClient['method']
  /** Who may be recognized by what was shown: not by a secret that somebody chose, nor by what is good once. */
  readonly recognizable?: Authenticated | undefined
}

/** The one way to find out which client a request to an OAuth endpoint is from. */
export type AuthenticateClient = (presented: PresentedClient, peer: Peer) => Promise<Judged<AuthenticatedClient>>

/** `known`: whose request was refused, as far as it says who it is from. Nobody has proven to be them. */
type Judged<T> =
  | Extract<Result<T>, { ok: true }>
  | (Extract<Result<T>, { ok: false }> & { readonly known?: KnownClient | undefined })

interface Needs {
  mode: Mode
  authenticator: Pick<Authenticator, 'authenticate'>
  clients: Pick<ClientRegistry, 'current'>
  /** By client_id, a document's URL among them. */
  findClient(clientId: string, given: GivenTokens): Promise<KnownClient | undefined>
  assertions: ClientAssertions
  failureLimit: FailureLimit
  clock: { now(): number }
}

export function createAuthenticateClient(needs: Needs): AuthenticateClient {
  const { mode, authenticator, clients, findClient, assertions, failureLimit, clock } = needs

  /** A client that is fit to act, as it stands now. */
  async function findFit(
    { clientId, given }: Pick<PresentedName, 'clientId' | 'given'>,
    peer: Peer,
  ): Promise<Judged<KnownClient>> {
    const known = await clients.current(() => findClient(clientId, given))
    if (!known) return { ok: false, error: { ...unauthenticated(false).error, reason: 'unknown' } }
    const reason = unfitness(known, clock.now(), peer.ip)
    return reason ? { ok: false, error: refusalError({ reason }, mode, false), known } : succeed(known)
  }

  async function byName(presented: PresentedName, peer: Peer): Promise<Judged<AuthenticatedClient>> {
    const found = await findFit(presented, peer)
    if (!found.ok) return found
    const known = found.value
    return isNameEnough(known, presented) ? succeed({ known, method: 'none' }) : { ...mustAuthenticate, known }
  }

  async function byAssertion(
    { assertion, clientId }: PresentedAssertion,
    peer: Peer,
  ): Promise<Judged<AuthenticatedClient>> {
    const claimed = assertions.claimedClientId(assertion)
    if (claimed === undefined || (clientId !== undefined && clientId !== claimed)) return unauthenticated(false)
    const found = await findFit({ clientId: claimed, given: {} }, peer)
    if (!found.ok) return found
    const known = found.value
    const { jwks } = known.client
    if (jwks && (await assertions.verify(assertion, claimed, jwks))) return succeed({ known, method: 'assertion' })
    const retryAfter = await failureLimit.failed(publicIdOf(claimed), peer.ip)
    return { ok: false, error: refusalError({ reason: 'wrong_secret', retryAfter }, mode, false), known }
  }

  async function bySecret(
    { credential, challenge }: PresentedSecret,
    peer: Peer,
  ): Promise<Judged<AuthenticatedClient>> {
    const result = await authenticator.authenticate(credential, peer)
    if (!result.ok) return { ok: false, error: refusalError(result.refusal, mode, challenge), known: result.known }
    const known = result.authenticated
    return succeed({ known, method: 'secret', recognizable: credential.kind === 'chosen_secret' ? undefined : known })
  }

  return async (presented, peer) => {
    if (presented.method === 'secret') return bySecret(presented, peer)
    return presented.method === 'assertion' ? byAssertion(presented, peer) : byName(presented, peer)
  }
}

/** A service user has no secret to prove where a token vouches for it; anything else that can authenticate must. */
const isNameEnough = ({ client }: KnownClient, { vouchedByToken }: PresentedName): boolean =>
  client.app?.type === 'public' || (vouchedByToken === true && client.kind === 'service_user')
/** Answered as an unknown one is, so that whoever knows a name alone learns nothing of it; the log says why. */
const mustAuthenticate = { ok: false as const, error: { ...unauthenticated(false).error, reason: 'no_secret' } }
