import { type Clock, epochSeconds } from '../clock.ts'
import type { Client } from '../credentials/client.ts'
import { isPast } from '../credentials/client.ts'
import type { Digests } from '../credentials/digest.ts'
import { type AccessTokenCredential, newAccessToken } from '../credentials/format.ts'
import type { Standings } from '../credentials/standings.ts'
import type { Mode } from '../mode/mode.ts'
import type { Standing, StateStore } from '../storage/state-store.ts'
import type { Resource } from '../tenancy/tenant.ts'
import type { ScopeSets } from './scope-set.ts'

/** What is kept of an access token. Times are RFC 7519 NumericDates: seconds. */
export interface AccessToken {
  /** Names the token in logs and audit; not the token, and not derivable into it. */
  readonly jti: string
  readonly clientId: string
  readonly tenantId: string
  readonly scope: string
  readonly audience: string
  readonly iat: number
  readonly exp: number
  /** The client's epoch at minting: once the client's has moved on, the token is dead. */
  readonly epoch: number
  /** RFC 9449 §6.1: thumbprint of the key that the token is bound to. */
  readonly jkt: string | undefined
}

export interface MintRequest {
  readonly client: Client
  readonly resource: Resource
  readonly scope: readonly string[]
  readonly jkt: string | undefined
}

export interface MintedToken {
  readonly value: string
  readonly expiresIn: number
  readonly scope: string
  readonly tokenType: 'Bearer' | 'DPoP'
}

export interface AccessTokens {
  mint(request: MintRequest): Promise<MintedToken>
  /** Whatever is kept of it, also when it is good for nothing any more. */
  find(credential: AccessTokenCredential): Promise<AccessToken | undefined>
  /** Only if it is good now: the token and its client's standing are read together. */
  findLive(credential: AccessTokenCredential): Promise<AccessToken | undefined>
  revoke(credential: AccessTokenCredential): Promise<void>
}

interface Needs {
  mode: Mode
  state: Pick<StateStore, 'putToken' | 'findToken' | 'removeToken'>
  standings: Standings
  digests: Digests
  scopeSets: ScopeSets
  clock: Clock
}

/** Seconds. */
const DEFAULT_TOKEN_VALIDITY = 3600

export function createAccessTokens({ mode, state, standings, digests, scopeSets, clock }: Needs): AccessTokens {
  async function find({ text }: AccessTokenCredential): Promise<AccessToken | undefined> {
    for (const digest of digests.candidates(text)) {
      const record = await state.findToken(digest)
      if (record === undefined) continue
      const stored = decode(record)
      return { ...stored, jti: jtiOf(digest), scope: await scopeSets.expand(stored.scope) }
    }
    return undefined
  }

  return {
    find,

    async mint({ client, resource, scope, jkt }) {
      const now = clock.now()
      const iat = epochSeconds(now)
      const exp = iat + lifetime(client, resource, now)
      const scopeText = scope.join(' ')
      const value = newAccessToken(mode, client.ref)
      const [digest] = digests.candidates(value) as [string]
      const record = encode({
        clientId: client.clientId,
        tenantId: client.tenantId,
        scope: await scopeSets.shorten(scopeText),
        audience: resource.identifier,
        iat,
        exp,
        epoch: client.epoch,
        jkt,
      })
      await state.putToken(digest, record, exp * 1000)
      return { value, expiresIn: exp - iat, scope: scopeText, tokenType: jkt ? 'DPoP' : 'Bearer' }
    },

    async findLive(credential) {
      const [token, [standing]] = await Promise.all([find(credential), standings.read([credential.clientRef])])
      return token && isLive(token, standing, clock.now()) ? token : undefined
    },

    async revoke({ text }) {
      await Promise.all(digests.candidates(text).map((digest) => state.removeToken(digest)))
    },
  }
}

/** Seconds: the client's own, else the resource's, else an hour; never beyond the client's end. */
function lifetime(client: Client, resource: Resource, now: number): number {
  const wanted = client.tokenValidity ?? resource.tokenValidity ?? DEFAULT_TOKEN_VALIDITY
  return client.expiresAt === undefined ? wanted : Math.min(wanted, epochSeconds(client.expiresAt - now))
}

const isLive = (token: AccessToken, standing: Standing | undefined, now: number): boolean =>
  !isPast(token.exp * 1000, now) && token.epoch === standing?.epoch

const jtiOf = (digest: string): string => `tok_${digest.slice(0, 16)}`

type Stored = Omit<AccessToken, 'jti'>

/** A tuple, because the names would take more room than the values. Append only: records outlive deployments. */
const encode = (token: Stored): string =>
  JSON.stringify([
    token.clientId,
    token.tenantId,
    token.scope,
    token.audience,
    token.iat,
    token.exp - token.iat,
    token.epoch,
    ...(token.jkt ? [token.jkt] : []),
  ])

function decode(record: string): Stored {
  const [clientId, tenantId, scope, audience, iat, life, epoch, jkt] = JSON.parse(record)
  return { clientId, tenantId, scope, audience, iat, exp: iat + life, epoch, jkt }
}
