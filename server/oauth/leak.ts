import type { Change } from '../audit/change.ts'
import type { Actor, AuditEvent, Detail, Origin } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Authenticated, Authenticator } from '../credentials/authenticator.ts'
import type { ChosenCredential } from '../credentials/chosen-credential.ts'
import type { ClientRegistry } from '../credentials/client-registry.ts'
import type { FailureLimit } from '../credentials/failure-limit.ts'
import type {
  AccessTokenCredential,
  Credential,
  RefreshTokenCredential,
  SecretCredential,
} from '../credentials/format.ts'
import { killLeaked, leakableSecret } from '../credentials/leaked-secret.ts'
import type { Peer } from '../credentials/peer.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { scopeDatabase } from '../tenancy/scoped-database.ts'
import type { AccessTokens } from './access-token.ts'
import type { EndTokens } from './end-token.ts'
import type { RefreshFamilies } from './refresh-family.ts'

/** How somebody came to know that a credential is in the open. */
export interface LeakReport {
  readonly by: 'possession' | 'github'
  /** Where it was found, as they say. */
  readonly found?: { readonly [name: string]: Detail }
  readonly peer: Peer
  readonly requestId: string
}

export interface LeakVerdict {
  /** `dead`: it was ours, and good for nothing already. `unknown`: it is nobody's that we know of. */
  readonly outcome: 'revoked' | 'dead' | 'unknown'
  /** Seconds: too many that were nobody's, or dead. */
  readonly retryAfter?: number | undefined
}

/**
 * Kills a credential for good, by its possession alone: whoever found it needs no power over it, and whoever stole it
 * loses it. Works while the tenant is paused, and from outside of its networks. Its mode is this one.
 */
export type ReportLeak = (credential: Credential | ChosenCredential, report: LeakReport) => Promise<LeakVerdict>

interface Needs {
  mode: Mode
  database: Database
  authenticator: Pick<Authenticator, 'recognize'>
  clients: Pick<ClientRegistry, 'ofRef'>
  failureLimit: FailureLimit
  tokens: Pick<AccessTokens, 'find' | 'findLive'>
  families: Pick<RefreshFamilies, 'find'>
  endTokens: EndTokens
  change: Change
  clock: Clock
}

export function createReportLeak(needs: Needs): ReportLeak {
  const { mode, database, authenticator, clients, failureLimit, tokens, families, endTokens, change, clock } = needs

  const counted = async (outcome: 'dead' | 'unknown', { peer }: LeakReport): Promise<LeakVerdict> => ({
    outcome,
    retryAfter: await failureLimit.failed(undefined, peer.ip),
  })

  async function accessToken(credential: AccessTokenCredential, report: LeakReport): Promise<LeakVerdict> {
    if (!(await tokens.find(credential))) return counted('unknown', report)
    const token = await tokens.findLive(credential)
    if (!token) return counted('dead', report)
    await endTokens.accessToken(credential, token, becauseOf(report, credential.kind))
    return { outcome: 'revoked' }
  }

  /** Whichever of the family's refresh tokens it is: the family is in a stranger's hands. */
  async function refreshToken(credential: RefreshTokenCredential, report: LeakReport): Promise<LeakVerdict> {
    const found = await families.find(credential)
    if (!found) return counted('unknown', report)
    const known = await clients.ofRef(found.family.clientRef)
    if (!known || found.endsAt <= clock.now()) return counted('dead', report)
    const ended = await endTokens.family(found, known.client.clientId, becauseOf(report, credential.kind))
    return ended ? { outcome: 'revoked' } : counted('dead', report)
  }

  async function secret(credential: SecretCredential | ChosenCredential, report: LeakReport): Promise<LeakVerdict> {
    const { whose, retryAfter } = await authenticator.recognize(credential, report.peer)
    if (!whose) return { outcome: 'unknown', retryAfter }
    const killed = await kill(whose, report)
    return killed ? { outcome: 'revoked' } : counted('dead', report)
  }

  /**
   * Looked at again where nobody else changes it: of two who report it at once, one kills it. What is dead already makes
   * no admin wait for that.
   */
  const kill = async ({ tenant, secret }: Authenticated, report: LeakReport): Promise<boolean> => {
    const scope = { tenantId: tenant.id, mode }
    const now = new Date(clock.now())
    if (!(await leakableSecret(scopeDatabase(database, scope), secret, now))) return false
    return change(scope, originOf(report), async (transaction) => {
      const leaked = await leakableSecret(transaction, secret, now)
      if (!leaked) return { result: false, events: [] }
      const { target, kind, events, moved } = await killLeaked(transaction, scope, leaked, now)
      return { result: true, events: [...events, leakedEvent(target, kind, report)], moved }
    })
  }

  return (credential, report) => {
    if (credential.kind === 'access_token') return accessToken(credential, report)
    if (credential.kind === 'refresh_token') return refreshToken(credential, report)
    return secret(credential, report)
  }
}

/** Nobody has to say who they are. */
const FINDER: Actor = { type: 'anonymous', id: 'anonymous', name: 'somebody who found it' }

const originOf = ({ peer, requestId }: LeakReport): Origin => ({ actor: FINDER, ip: peer.ip, requestId })

const leakedEvent = (target: AuditEvent['target'], kind: string, { by, found }: LeakReport): AuditEvent => ({
  action: 'credential.leaked',
  target,
  details: { kind, reported_by: by, ...found },
})

const becauseOf = (report: LeakReport, kind: string) => ({
  origin: originOf(report),
  also: (target: AuditEvent['target']) => [leakedEvent(target, kind, report)],
})
