import type { AppRow, ClientWithApp } from '../../credentials/apps.ts'
import { ApiError } from '../../http/problem.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import type { Caller } from '../caller.ts'
import { refuseMorePower } from '../power.ts'

type FoundApp = ClientWithApp & { readonly app: AppRow }

/** In the transaction that changes it. @throws {ApiError} not_found, or conflict if nothing can be changed about it any more. */
export async function findLiveApp(id: string, { client }: Pick<ScopedTransaction, 'client'>): Promise<FoundApp> {
  const row = await client.findFirst({ where: { id, kind: 'app' }, include: { app: true } })
  if (!row?.app) throw new ApiError('not_found')
  if (row.revokedAt) throw new ApiError('conflict', { detail: 'this app was revoked, for good' })
  return { ...row, app: row.app }
}

/**
 * Whoever changes an app can make it theirs (a redirect URI, a key, a secret), and with it all that people allow it:
 * so it must have no more than they have.
 * @throws {ApiError} insufficient_scope
 */
export const refuseStrongerApp = (caller: Caller, { allScopes, scopes }: FoundApp): void =>
  refuseMorePower(caller, allScopes ? 'all' : scopes)
