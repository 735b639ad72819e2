import type { Database } from '../storage/database.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { providerOf } from './records.ts'

/** So many that starting stays cheap for whoever runs thousands; the rest are fetched when their first token comes. */
const MOST = 500

/** Fetches in the background the keys of the providers that somebody uses. Starting waits for the database alone. */
export async function warmIssuerKeys(
  database: Pick<Database, 'workloadProvider'>,
  issuerKeys: Pick<IssuerKeys, 'warm'>,
): Promise<void> {
  const rows = await database.workloadProvider.findMany({
    where: { disabledAt: null, bindings: { some: { disabledAt: null } } },
    orderBy: [{ updatedAt: 'desc' }, { id: 'asc' }],
    take: MOST,
  })
  void issuerKeys.warm(rows.map(providerOf))
}
