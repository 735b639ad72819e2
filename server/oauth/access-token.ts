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

/** A token that nobody has yet, and that nothing is kept of. */
export interface MadeToken {
  readonly minted: MintedToken
  readonly digest: string
  readonly record: string
  readonly expiresAt: number
}

export interface AccessTokens {
  /** All of {@link mint} but what waits. Undefined if the scope is so long that a store must be asked: `mint` asks it. */
  make(request: MintRequest): MadeToken | undefined
  keep(made: MadeToken): Promise<void>
  /** Under which it is kept. Undefined while there are several master keys, and so several places to look. */
  digestOf(credential: AccessTokenCredential): string | undefined
  /** What {@link findLive} would say of the record under `digest`, as far as its client's standing tells. */
  judge(digest: string, record: string, standing: Standing | undefined): AccessToken | 'dead' | 'unsure'
  mint(request: MintRequest): Promise<MintedToken>
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

  function make(request: MintRequest): MadeToken | undefined {
    const scope = request.scope.join(' ')
    const short = scopeSets.shorten(scope)
    return typeof short === 'string' ? madeOf(request, scope, short) : undefined
  }

  async function makeWithLongScope(request: MintRequest): Promise<MadeToken> {
    const scope = request.scope.join(' ')
    return madeOf(request, scope, await scopeSets.shorten(scope))
  }

  function madeOf(request: MintRequest, scope: string, shortScope: string): MadeToken {
    const { client, tenant, resource, jkt, delegation, workload, act, lineage, lifetime = Infinity } = request
    const now = clock.now()
    const iat = epochSeconds(now)
    const exp = iat + Math.min(lifetimeOf(client, tenant, resource, now), lifetime)
    const value = newAccessToken(mode, client.ref)
    const [digest] = digests.candidates(value) as [string]
    const { clientId, tenantId, epoch } = client
    const { identifier: audience } = resource
    const origins = { delegation, workload, act, lineage }
    const record = encodeToken({ clientId, tenantId, scope: shortScope, audience, iat, exp, epoch, jkt, ...origins })
    const tokenType = jkt ? 'DPoP' : 'Bearer'
    const minted = {
      value,
      jti: jtiOf(digest),
      expiresIn: exp - iat,
      scope,
      resource: audience,
      tokenType,
      jkt,
    } as const
    return { minted, digest, record, expiresAt: exp * 1000 }
  }

  const keep = ({ digest, record, expiresAt }: MadeToken) => state.putToken(digest, record, expiresAt)

  function judge(digest: string, record: string, standing: Standing | undefined): AccessToken | 'dead' | 'unsure' {
    const stored = decodeToken(record)
    if (standing && !isLive(stored, standing, clock.now())) return 'dead'
    const scope = scopeSets.expand(stored.scope)
    const { delegation, workload, lineage } = stored
    if (!standing || typeof scope !== 'string' || delegation || workload || lineage) return 'unsure'
    return { ...stored, digest, jti: jtiOf(digest), scope }
  }

  return {
    find,
    judge,

    digestOf({ text }) {
      const [digest, ...others] = digests.candidates(text)
      return others.length ? undefined : digest
    },

    make,

    async mint(request) {
      const made = make(request) ?? (await makeWithLongScope(request))
      await keep(made)
      return made.minted
    },

    keep,

    async findLive(credential) {
      const { clientRef } = credential
      const [token, [hot]] = await Promise.all([find(credential), standings.readHot([clientRef])])
      // A token that anyone can make up costs no query, and takes no other time than one that is gone.
      if (!token) return undefined
      const standing = hot ?? (await standings.read([clientRef]))[0]
      if (!isLive(token, standing, clock.now())) return undefined
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
