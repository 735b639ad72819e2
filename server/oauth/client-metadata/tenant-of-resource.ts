import type { Mode } from '../../mode/mode.ts'
import type { Database } from '../../storage/database.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { isResourceUri } from '../resource-indicator.ts'

interface Needs {
  mode: Mode
  issuer: string
  database: Pick<Database, 'resource' | 'tenantSettings'>
}

/** The tenant that a client means who is known to none: that of the resource it wants (RFC 8707), if it takes such clients. */
export function createTenantOfResource({ mode, issuer, database }: Needs) {
  /** Undefined: any may be meant, because each has the management API. */
  async function tenantsWith(identifier: string): Promise<string[] | undefined> {
    // RFC 3986 §6.2.3, as in resolveResource: clients add the slash of an empty path.
    const spellings = [identifier, identifier.replace(/\/$/, '')]
    if (spellings.includes(issuer)) return undefined
    const where = { mode, identifier: { in: spellings } }
    const rows = await database.resource.findMany({ where, select: { tenantId: true } })
    return rows.map(({ tenantId }) => tenantId)
  }

  return async (requested: readonly string[]): Promise<Result<string>> => {
    const [identifier = issuer, ...others] = new Set(requested)
    if (others.length) return fail('invalid_target', 'a token is for exactly one resource')
    if (!isResourceUri(identifier)) {
      return fail('invalid_target', 'resource must be an absolute URI without a fragment')
    }
    const tenants = await tenantsWith(identifier)
    const willing = await database.tenantSettings.findMany({
      where: { mode, metadataDocumentClients: true, ...(tenants && { tenantId: { in: tenants } }) },
      select: { tenantId: true },
      take: 2,
    })
    const [only, another] = willing
    if (!only) return fail('invalid_client', 'no client is known by this URL here', { reason: 'documents_off' })
    return another ? fail('invalid_target', 'resource must name a resource of one tenant') : succeed(only.tenantId)
  }
}
