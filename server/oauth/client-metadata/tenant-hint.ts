import type { ClientRegistry } from '../../credentials/client-registry.ts'
import { parseCredential } from '../../credentials/format.ts'
import type { Consents } from '../../people/consent.ts'
import type { AuthorizationCodes } from '../authorization-code.ts'
import type { GivenTokens } from '../client-authentication.ts'
import type { RefreshFamilies } from '../refresh-family.ts'
import type { TenantHint } from './stored-ref.ts'

interface Needs {
  codes: Pick<AuthorizationCodes, 'find'>
  consents: Pick<Consents, 'read'>
  families: Pick<RefreshFamilies, 'find'>
  clients: Pick<ClientRegistry, 'ofRef'>
}

/** Which tenant a request is about, where the client's URL doesn't tell. It proves nothing, and uses nothing up. */
export function createTenantHint({ codes, consents, families, clients }: Needs): (given: GivenTokens) => TenantHint {
  async function ofCode(code: string): Promise<string | undefined> {
    const found = await codes.find(code)
    return found?.state === 'open' ? (await consents.read(found.code.consentRef))?.tenantId : undefined
  }

  async function ofToken(token: string): Promise<string | undefined> {
    const credential = parseCredential(token)
    if (credential?.kind === 'refresh_token') return (await families.find(credential))?.family.tenantId
    if (credential?.kind === 'access_token') return (await clients.ofRef(credential.clientRef))?.tenant.id
    return undefined
  }

  return ({ code, refresh_token, token, subject_token }) =>
    async () => {
      const presented = refresh_token ?? token ?? subject_token
      if (code !== undefined) return ofCode(code)
      return presented === undefined ? undefined : ofToken(presented)
    }
}
