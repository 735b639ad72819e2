import type { KnownClient } from '../credentials/client-registry.ts'
import { fail } from './oauth-error.ts'

/** RFC 9449 §5.2: where the client or its tenant is bound to send one, a token request without a proof is refused. */
export const requireProof = ({ client, tenant }: KnownClient, jkt: string | undefined) =>
  !jkt && (client.requireDpop || tenant.requireDpop)
    ? fail('invalid_dpop_proof', 'a DPoP proof is required')
    : undefined
