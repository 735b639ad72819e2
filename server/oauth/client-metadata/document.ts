import { z } from 'zod'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { wrongRedirectUri } from '../redirect-uri.ts'

/** How a client describes itself, as far as it is believed. */
export interface ClientDocument {
  /** Its client_id, and where the document is. */
  readonly url: string
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly homepage: string | undefined
  /** RFC 7591 §2: the most that it will ever ask for; undefined: it doesn't say. */
  readonly scopes: readonly string[] | undefined
  /** Milliseconds since the epoch: of two descriptions the later one counts. */
  readonly fetchedAt: number
}

/** No control, no change of text direction, nothing invisible: people read it when they decide. */
const PLAIN_NAME = /^(?=.*\S)[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/ // RFC 6749 §3.3
/** Of a JWK's members, those that only a private or symmetric key has (RFC 7518 §6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

const redirectUri = z
  .string('must be a string')
  .refine((uri) => wrongRedirectUri(uri, 'public') === undefined, 'is no redirect URI that an app may have')

const listWith = (value: string) =>
  z.array(z.string(), 'must be a list').refine((list) => list.includes(value), `must include ${value}`)

/** RFC 7591 §2. What is not named here is ignored; `logo_uri` too, which would need a fetch and could be anybody's. */
const metadata = z.object({
  client_id: z.string('must be a string'),
  redirect_uris: z.array(redirectUri, 'must be a list').min(1, 'must not be empty').max(20, 'has more than 20 entries'),
  token_endpoint_auth_method: z.literal('none', 'must be none').optional(),
  grant_types: listWith('authorization_code').optional(),
  response_types: listWith('code').optional(),
  scope: z.string('must be a string').regex(SCOPE, 'is malformed').optional(),
  client_name: z.string().regex(PLAIN_NAME).optional().catch(undefined),
  client_uri: z.string().optional().catch(undefined),
})

/** draft-ietf-oauth-client-id-metadata-document §4. The answer says what is wrong and repeats nothing of the document. */
export function parseDocument(value: unknown, url: string, fetchedAt: number): Result<ClientDocument> {
  if (holdsSecret(value)) return wrong('it must not hold a secret or a private key')
  const parsed = metadata.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return wrong(issue?.path.length ? `${issue.path.join('.')} ${issue.message}` : 'it must be a JSON object')
  }
  const { client_id, client_name, client_uri, redirect_uris, scope } = parsed.data
  if (client_id !== url) return wrong('client_id must be the URL of the document, to the letter')
  const { host, origin } = new URL(url)
  return succeed({
    ...{ url, fetchedAt, redirectUris: redirect_uris, scopes: scope?.split(' ') },
    name: client_name ?? host,
    homepage: client_uri !== undefined && URL.canParse(client_uri) ? ofOrigin(new URL(client_uri), origin) : undefined,
  })
}

/** §4.1: no secret can be shared in public, so one that is there is somebody's mistake or trap. */
function holdsSecret(value: unknown): boolean {
  if (!(value instanceof Object)) return false
  if ('client_secret' in value || 'client_secret_expires_at' in value) return true
  const { keys } = ('jwks' in value && value.jwks instanceof Object ? value.jwks : {}) as { keys?: unknown }
  return [keys].flat().some((key) => key instanceof Object && PRIVATE_MEMBERS.some((name) => Object.hasOwn(key, name)))
}

const ofOrigin = (url: URL, origin: string): string | undefined => (url.origin === origin ? url.href : undefined)

const wrong = (what: string) =>
  fail('invalid_client', `the client metadata document is not acceptable: ${what}`, { reason: 'document_invalid' })
