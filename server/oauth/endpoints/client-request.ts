import type { Authenticated } from '../../credentials/authenticator.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import { parseCredential } from '../../credentials/format.ts'
import type { Peer } from '../../credentials/peer.ts'
import type { EndpointContext } from '../../http/context.ts'
import { type Form, readForm, TOKEN_LOOKUP_LIMIT } from '../../http/form.ts'
import { peerOf } from '../../http/peer.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import { type PresentedClient, presentedClient, unauthenticated } from '../client-authentication.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import type { RecognizedClients } from '../recognized-clients.ts'
import { identify } from './token.ts'

/** What came of an authenticated client's form about a token. */
export interface ClientRequest<T> {
  readonly caller: KnownClient
  readonly value: T
}

interface Needs<T> {
  readonly authenticateClient: AuthenticateClient
  /** Whether a client that can't authenticate may ask (RFC 7009 §2.1: for revocation; RFC 7662 §2.1: not to introspect). */
  readonly publicClients: boolean
  readonly recognized: RecognizedClients
  /** The plain case, where there is a shorter way; undefined if it is none. */
  plainly?(caller: Authenticated, token: string, peer: Peer): Promise<{ readonly found: T } | undefined>
}

/** What introspection and revocation have in common. @param act what is done about the token, when it is known who asks */
export async function readClientRequest<T>(
  ctx: EndpointContext,
  { authenticateClient, publicClients, recognized, plainly }: Needs<T>,
  act: (caller: KnownClient, token: string) => Promise<T>,
): Promise<Result<ClientRequest<T>>> {
  const form = await readForm(ctx, TOKEN_LOOKUP_LIMIT)
  if (!form.ok) return form
  const { params } = form.value
  const { authorization } = ctx.headers
  const token = tokenOf(params)
  if (plainly && token.ok) {
    const caller = recognized.find(authorization, params, ctx.ip)
    const plain = caller && (await plainly(caller, token.value, peerOf(ctx)))
    if (plain) {
      identify(ctx, caller)
      return succeed({ caller, value: plain.found })
    }
  }
  const presented = presentedClient(authorization, params)
  if (!presented.ok) return presented
  if (presented.value.method === 'none' && !publicClients) return unauthenticated(true)
  const client = token.ok && publicClients ? vouched(presented.value, token.value) : presented.value
  const result = await authenticateClient(client, peerOf(ctx))
  if (!result.ok) return result
  const { known: caller, recognizable } = result.value
  if (recognizable) recognized.keep(authorization, params, recognizable)
  identify(ctx, caller)
  return token.ok ? succeed({ caller, value: await act(caller, token.value) }) : token
}

/** RFC 7662 §2.1, RFC 7009 §2.1: REQUIRED in both. */
const tokenOf = ({ token }: Form): Result<string> =>
  token === undefined ? fail('invalid_request', 'token is missing') : succeed(token)

/** A workload, which has no secret, may end the access token that it holds (RFC 7009 §2.1): nobody else's is ended by it. */
const vouched = (client: PresentedClient, token: string): PresentedClient =>
  client.method === 'none' && parseCredential(token)?.kind === 'access_token'
    ? { ...client, vouchedByToken: true }
    : client
