import { DEFAULT_LIFETIMES } from '../../credentials/apps.ts'
import type { Client } from '../../credentials/client.ts'
import type { TenantScope } from '../../tenancy/scoped-database.ts'
import type { ClientDocument } from './document.ts'

/** What the record of a client would say, if it had one. Without a record there is no id and no standing. */
export const describedClient = (
  { url, name, scopes, redirectUris, homepage, fetchedAt }: ClientDocument,
  scope: TenantScope,
): Client => ({
  ...{ ...scope, id: '', ref: '', publicId: '', clientId: url, kind: 'app', name, scopes: scopes ?? 'all' },
  ...{
    role: undefined,
    person: undefined,
    apiClient: undefined,
    teams: [],
    tokenValidity: undefined,
    requireDpop: false,
    secrets: [],
    jwks: undefined,
  },
  ...{ createdAt: fetchedAt, expiresAt: undefined, revokedAt: undefined, disabledAt: undefined, version: 0, epoch: 0 },
  app: {
    ...{ ...DEFAULT_LIFETIMES, type: 'public', redirectUris, homepage, metadataUrl: url },
    ...{ postLogoutRedirectUris: [], refreshRetryWindow: undefined, requirePar: false },
  },
})
