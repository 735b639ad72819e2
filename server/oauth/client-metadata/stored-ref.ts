import type { Mode } from '../../mode/mode.ts'
import type { Database } from '../../storage/database.ts'

/** The tenant of the code or token that came with a request; undefined: it says nothing of any. */
export type TenantHint = () => Promise<string | undefined>

/**
 * Leads to the record of a client that is described by a document. Several tenants may have one for the same URL.
 * A tenant that takes no such clients any more gives those it had nothing either.
 */
export async function storedRef(
  { app, tenantSettings }: Pick<Database, 'app' | 'tenantSettings'>,
  mode: Mode,
  url: string,
  hint: TenantHint,
): Promise<string | undefined> {
  const rows = await app.findMany({
    where: { mode, metadataUrl: url },
    orderBy: { clientId: 'asc' },
    select: { tenantId: true, client: { select: { ref: true } } },
  })
  if (!rows.length) return undefined
  const tenants = { in: rows.map(({ tenantId }) => tenantId) }
  const willing = await tenantSettings.findMany({ where: { mode, metadataDocumentClients: true, tenantId: tenants } })
  const candidates = rows.filter((row) => willing.some(({ tenantId }) => tenantId === row.tenantId))
  const meant = candidates.length > 1 ? await hint() : undefined
  // Without a code or token that anybody was given, whose client it is makes no difference: the grant is invalid.
  return (candidates.find(({ tenantId }) => tenantId === meant) ?? candidates[0])?.client.ref
}
