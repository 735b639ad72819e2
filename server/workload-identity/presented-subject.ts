import { AWS_STS } from './aws-request.ts'
import { readCompact } from './token/compact.ts'

/** What a platform gave to a workload to show who it is, as it came. */
export interface PresentedSubject {
  readonly kind: 'jwt' | 'aws_request'
  readonly text: string
  /** Who it says it is from, with nothing verified: it selects, and proves nothing. Undefined: it isn't readable. */
  readonly issuer: string | undefined
}

export const presentedJwt = (text: string): PresentedSubject => ({ kind: 'jwt', text, issuer: claimedIssuer(text) })

/** A signed request is for AWS to judge, and so from AWS or from nobody. */
export const presentedAwsRequest = (text: string): PresentedSubject => ({ kind: 'aws_request', text, issuer: AWS_STS })

export function claimedIssuer(text: string): string | undefined {
  const read = readCompact(text)
  const { iss } = read.ok ? read.token.claims : {}
  return typeof iss === 'string' ? iss : undefined
}
