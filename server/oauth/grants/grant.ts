import type { AuditEvent } from '../../audit/entry.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { Form } from '../../http/form.ts'
import type { MintedToken } from '../access-token.ts'
import type { Result } from '../oauth-error.ts'

/** A token request whose client has been authenticated and whose DPoP proof, if it has one, has been verified. */
export interface GrantRequest {
  readonly params: Form
  /** RFC 8707 §2. */
  readonly resource: readonly string[]
  /** RFC 8693 §2.1. */
  readonly audience: readonly string[]
  /** RFC 9449 §5: thumbprint of the proven key. */
  readonly jkt: string | undefined
  /** Whether the client proved a key of its own to authenticate (RFC 7523 §2.2). */
  readonly clientProvedKey: boolean
  /** RFC 7523 §2.2: a platform's token by which the client is still to be authenticated, by the grant. */
  readonly platformToken: string | undefined
  readonly ip: string
  readonly requestId: string
}

/** RFC 6749 §5.1. */
export interface TokenResponse extends MintedToken {
  readonly refreshToken?: string
  readonly idToken?: string
  /** RFC 8693 §2.2.1. */
  readonly issuedTokenType?: string
  /** What the audit log says of it besides what it says of every token; `token.minted` if there is nothing. */
  readonly audited?: Partial<AuditEvent>
}

/** What is special about one grant type: from an authenticated client and its request to tokens. */
export type Grant = (known: KnownClient, request: GrantRequest) => Promise<Result<TokenResponse>>
