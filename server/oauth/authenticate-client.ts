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
  refusalError,
  unauthenticated,
} from './client-authentication.ts'
import { type Result, succeed } from './oauth-error.ts'

/** A client that is who it says it is; or a public one, of which nobody can know; or one that a token is to vouch for. */
export interface AuthenticatedClient<T> {
  readonly known: KnownClient
  readonly method: PresentedClient['method']
  /** Who may be recognized by what was shown: not by a secret that somebody chose, nor by what is good once. */
  readonly recognizable?: Authenticated | undefined
  readonly value: T
}

/**
 * The one way to find out which client a request to an OAuth endpoint is from.
 * @param alongside see {@link Authenticator.authenticate}
 */
export type AuthenticateClient = <T>(
  presented: PresentedClient,
  peer: Peer,
  alongside: (known: KnownClient) => Promise<T>,
) => Promise<Judged<AuthenticatedClient<T>>>

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

  /** A client that is fit to act, as it stands now; what `work` made of it. */
  async function whenFit<T>(
    { clientId, given }: Pick<PresentedName, 'clientId' | 'given'>,
    peer: Peer,
    work: (known: KnownClient) => Promise<Judged<T>>,
  ): Promise<Judged<T>> {
    const judged = await clients.current(
      () => findClient(clientId, given),
      async (known) => {
        const reason = unfitness(known, clock.now(), peer.ip)
        return reason ? { ok: false as const, error: refusalError({ reason }, mode, false), known } : work(known)
      },
    )
    return judged ?? { ok: false, error: { ...unauthenticated(false).error, reason: 'unknown' } }
  }

  /** Its single use must not be spent by a copy that turns out to be old, so `alongside` runs when that is known. */
  async function byAssertion<T>(
    { assertion, clientId }: PresentedAssertion,
    peer: Peer,
    alongside: (known: KnownClient) => Promise<T>,
  ): Promise<Judged<AuthenticatedClient<T>>> {
    const claimed = assertions.claimedClientId(assertion)
    if (claimed === undefined || (clientId !== undefined && clientId !== claimed)) return unauthenticated(false)
    const found = await whenFit({ clientId: claimed, given: {} }, peer, async (known) => succeed(known))
    if (!found.ok) return found
    const known = found.value
    const { jwks } = known.client
    if (jwks && (await assertions.verify(assertion, claimed, jwks))) {
      return succeed({ known, method: 'assertion', value: await alongside(known) })
    }
    const retryAfter = await failureLimit.failed(publicIdOf(claimed), peer.ip)
    return { ok: false, error: refusalError({ reason: 'wrong_secret', retryAfter }, mode, false), known }
  }

  return async (presented, peer, alongside) => {
    if (presented.method === 'assertion') return byAssertion(presented, peer, alongside)
    if (presented.method === 'none') {
      return whenFit(presented, peer, async (known) =>
        isNameEnough(known, presented)
          ? succeed({ known, method: 'none', value: await alongside(known) })
          : { ...mustAuthenticate, known },
      )
    }
    const { credential, challenge } = presented
    const result = await authenticator.authenticate(credential, peer, alongside)
    if (!result.ok) return { ok: false, error: refusalError(result.refusal, mode, challenge), known: result.known }
    const { authenticated, value } = result
    const recognizable = credential.kind === 'chosen_secret' ? undefined : authenticated
    return succeed({ known: authenticated, method: 'secret', recognizable, value })
  }
}

/** A service user has no secret to prove where a token vouches for it; anything else that can authenticate must. */
const isNameEnough = ({ client }: KnownClient, { vouchedByToken }: PresentedName): boolean =>
  client.app?.type === 'public' || (vouchedByToken === true && client.kind === 'service_user')
/** Answered as an unknown one is, so that whoever knows a name alone learns nothing of it; the log says why. */
const mustAuthenticate = { ok: false as const, error: { ...unauthenticated(false).error, reason: 'no_secret' } }
