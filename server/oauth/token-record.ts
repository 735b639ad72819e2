import type { Claims } from '../workload-identity/model.ts'

/** What is kept of an access token. Times are RFC 7519 NumericDates: seconds. */
export interface AccessToken {
  /** Names the token in logs and audit; not the token, and not derivable into it. */
  readonly jti: string
  /** Under which it is kept: what a token made of this one remembers. */
  readonly digest: string
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
  /** Undefined: the client speaks for itself. */
  readonly delegation: Delegation | undefined
  /** Of a token that a workload got for its platform's one. */
  readonly workload: WorkloadOrigin | undefined
  /** RFC 8693 §4.1. */
  readonly act: Act | undefined
  /** Of a token that was made of others. */
  readonly lineage: Lineage | undefined
}

/** For whom a client speaks, and what its token dies with besides the client. */
export interface Delegation {
  /** RFC 9068 §2.2: `sub`. */
  readonly memberId: string
  readonly consentRef: string
  /** The consent's epoch at minting, as with the client's. */
  readonly consentEpoch: number
  /** Names the family; see refresh-family.ts. */
  readonly familyId: string
}

/** Whom a platform vouched for, and the binding that its token dies with besides the service user. */
export interface WorkloadOrigin {
  readonly iss: string
  readonly sub: string
  /** Those that the binding asks for. */
  readonly claims: Claims
  readonly providerId: string
  readonly bindingId: string
  readonly bindingRef: string
  /** The binding's epoch at minting, as with the client's. */
  readonly bindingEpoch: number
}

/** RFC 8693 §4.1: who acts now and, nested, who did before. */
export interface Act {
  readonly iss: string
  readonly sub: string
  readonly act?: Act
}

/** The tokens that a token was made of, and dies with. */
export interface Lineage {
  /** 1: of tokens that were made of none. */
  readonly depth: number
  readonly parents: readonly ParentToken[]
}

export interface ParentToken {
  readonly digest: string
  readonly clientRef: string
}

export type StoredToken = Omit<AccessToken, 'jti' | 'digest'>

/** The ones before `more` in a tuple: where there is more, what is missing of them is filled up. */
const LEADING = 12

/** A tuple, because the names would take more room than the values. Append only: records outlive deployments. */
export function encodeToken(token: StoredToken): string {
  const { clientId, tenantId, scope, audience, iat, exp, epoch, delegation, jkt, workload, act, lineage } = token
  const tuple: unknown[] = [clientId, tenantId, scope, audience, iat, exp - iat, epoch]
  if (jkt || delegation) tuple.push(jkt ?? '')
  if (delegation) tuple.push(delegation.memberId, delegation.consentRef, delegation.consentEpoch, delegation.familyId)
  if (workload || act || lineage) {
    while (tuple.length < LEADING) tuple.push('')
    tuple.push({ workload, act, lineage })
  }
  return JSON.stringify(tuple)
}

export function decodeToken(record: string): StoredToken {
  const [clientId, tenantId, scope, audience, iat, life, epoch, jkt, ...rest] = JSON.parse(record)
  const [memberId, consentRef, consentEpoch, familyId, more] = rest
  return {
    ...{ clientId, tenantId, scope, audience, iat, exp: iat + life, epoch, jkt: jkt || undefined },
    delegation: memberId ? { memberId, consentRef, consentEpoch, familyId } : undefined,
    ...{ workload: more?.workload, act: more?.act, lineage: more?.lineage },
  }
}
