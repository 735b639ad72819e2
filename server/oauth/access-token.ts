import { type Clock, epochSeconds } from '../clock.ts'
import type { Client } from '../credentials/client.ts'
import { isPast } from '../credentials/client.ts'
import type { Digests } from '../credentials/digest.ts'
import { type AccessTokenCredential, newAccessToken } from '../credentials/format.ts'
import type { Standings } from '../credentials/standings.ts'
import type { Mode } from '../mode/mode.ts'
import type { Standing, StateStore } from '../storage/state-store.ts'
import type { Resource, Tenant } from '../tenancy/tenant.ts'
import type { RefreshFamilies } from './refresh-family.ts'
import type { ScopeSets } from './scope-set.ts'
import {
  type AccessToken,
  type Act,
  type Delegation,
  decodeToken,
  encodeToken,
  type Lineage,
  type ParentToken,
  type WorkloadOrigin,
} from './token-record.ts'

export type { AccessToken, Delegation } from './token-record.ts'

export interface MintRequest {
  readonly client: Client
  readonly tenant: Pick<Tenant, 'maxTokenValidity'>
  readonly resource: Resource
  readonly scope: readonly string[]
  readonly jkt: string | undefined
  readonly delegation?: Delegation | undefined
  readonly workload?: WorkloadOrigin | undefined
  readonly act?: Act | undefined
  readonly lineage?: Lineage | undefined
  /** Seconds, at most. */
  readonly lifetime?: number | undefined
}

export interface MintedToken {
  /** See {@link AccessToken.jti}. */
  readonly jti: string
  readonly value: string
  readonly expiresIn: number
  readonly scope: string
  readonly resource: string
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly jkt: string | undefined
}

export interface AccessTokens {
  /** @param alongside runs while the token is written, so that what it writes takes no round trip of its own */
  mint(request: MintRequest, alongside?: (minted: MintedToken) => Promise<void>): Promise<MintedToken>
  /** Whatever is kept of it, also when it is good for nothing any more. */
  find(credential: AccessTokenCredential): Promise<AccessToken | undefined>
  /**
   * Only if it is good now. The token and its client's standing are read together; then, of a token that has them, a
   * person's consent and family, the workload's binding, and the tokens that it was made of.
   */
  findLive(credential: AccessTokenCredential): Promise<AccessToken | undefined>
  revoke(credential: AccessTokenCredential): Promise<void>
}

interface Needs {
  mode: Mode
  state: Pick<StateStore, 'putToken' | 'findToken' | 'removeToken'>
  families: Pick<RefreshFamilies, 'isAlive'>
  standings: Standings
  digests: Digests
  scopeSets: ScopeSets
  clock: Clock
}

/** Seconds. */
const DEFAULT_TOKEN_VALIDITY = 3600

export function createAccessTokens(needs: Needs): AccessTokens {
  const { mode, state, families, standings, digests, scopeSets, clock } = needs

  async function find({ text }: AccessTokenCredential): Promise<AccessToken | undefined> {
    for (const digest of digests.candidates(text)) {
      const record = await state.findToken(digest)
      if (record === undefined) continue
      const stored = decodeToken(record)
      return { ...stored, digest, jti: jtiOf(digest), scope: await scopeSets.expand(stored.scope) }
    }
    return undefined
  }

  async function isDelegated({ consentRef, consentEpoch, familyId }: Delegation): Promise<boolean> {
    const [[consent], alive] = await Promise.all([standings.read([consentRef]), families.isAlive(familyId)])
    return alive && consent?.epoch === consentEpoch
  }

  async function isBound({ bindingRef, bindingEpoch }: WorkloadOrigin): Promise<boolean> {
    const [binding] = await standings.read([bindingRef])
    return binding?.epoch === bindingEpoch
  }

  async function isParentLive({ digest, clientRef }: ParentToken): Promise<boolean> {
    const [record, [standing]] = await Promise.all([state.findToken(digest), standings.read([clientRef])])
    const parent = record === undefined ? undefined : decodeToken(record)
    return parent !== undefined && isLive(parent, standing, clock.now()) && (await isSupported(parent))
  }

  /** Whether all is still there that it was minted from. Ends, because the depth of a lineage is bounded. */
  async function isSupported({ delegation, workload, lineage }: Supports): Promise<boolean> {
    const supports = await Promise.all([
      !delegation || isDelegated(delegation),
      !workload || isBound(workload),
      ...(lineage?.parents ?? []).map(isParentLive),
    ])
    return supports.every(Boolean)
  }

  return {
    find,

    async mint(request, alongside = async () => {}) {
      const { client, tenant, resource, scope, jkt, delegation, workload, act, lineage, lifetime = Infinity } = request
      const now = clock.now()
      const iat = epochSeconds(now)
      const exp = iat + Math.min(lifetimeOf(client, tenant, resource, now), lifetime)
      const scopeText = scope.join(' ')
      const value = newAccessToken(mode, client.ref)
      const [digest] = digests.candidates(value) as [string]
      const record = encodeToken({
        ...{ clientId: client.clientId, tenantId: client.tenantId, scope: await scopeSets.shorten(scopeText) },
        ...{ audience: resource.identifier, iat, exp, epoch: client.epoch, jkt },
        ...{ delegation, workload, act, lineage },
      })
      const tokenType = jkt ? ('DPoP' as const) : ('Bearer' as const)
      const [jti, expiresIn] = [jtiOf(digest), exp - iat]
      const minted = { value, jti, expiresIn, scope: scopeText, resource: resource.identifier, tokenType, jkt }
      await Promise.all([state.putToken(digest, record, exp * 1000), alongside(minted)])
      return minted
    },

    async findLive(credential) {
      const [token, [standing]] = await Promise.all([find(credential), standings.read([credential.clientRef])])
      if (!token || !isLive(token, standing, clock.now())) return undefined
      const alone = !token.delegation && !token.workload && !token.lineage
      return alone || (await isSupported(token)) ? token : undefined
    },

    async revoke({ text }) {
      await Promise.all(digests.candidates(text).map((digest) => state.removeToken(digest)))
    },
  }
}

/** Seconds: the client's own, else the resource's, else an hour; never beyond what the tenant allows, nor the client's end. */
function lifetimeOf(client: Client, tenant: MintRequest['tenant'], resource: Resource, now: number): number {
  const { maxTokenValidity = Number.POSITIVE_INFINITY } = tenant
  const wanted = Math.min(client.tokenValidity ?? resource.tokenValidity ?? DEFAULT_TOKEN_VALIDITY, maxTokenValidity)
  return client.expiresAt === undefined ? wanted : Math.min(wanted, epochSeconds(client.expiresAt - now))
}

const isLive = (token: Pick<AccessToken, 'exp' | 'epoch'>, standing: Standing | undefined, now: number): boolean =>
  !isPast(token.exp * 1000, now) && token.epoch === standing?.epoch

const jtiOf = (digest: string): string => `tok_${digest.slice(0, 16)}`

type Supports = Pick<AccessToken, 'delegation' | 'workload' | 'lineage'>
