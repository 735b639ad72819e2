import type { ClientWithApp } from '../../credentials/apps.ts'

/** What a client of the authorization code flow has besides, in an app's view and in a public key's. */
export const viewOfAppSettings = ({ app }: Pick<ClientWithApp, 'app'>) =>
  app && {
    redirect_uris: app.redirectUris,
    post_logout_redirect_uris: app.postLogoutRedirectUris,
    homepage: app.homepage,
    refresh_idle: app.refreshIdle,
    refresh_absolute: app.refreshAbsolute,
    refresh_retry_window: app.refreshRetryWindow,
    require_par: app.requirePar,
  }

/** An app as lists and answers show it. Its secret isn't here, because it isn't anywhere. */
export const viewOfApp = (row: ClientWithApp) => ({
  id: row.id,
  client_id: row.app?.metadataUrl ?? row.id,
  type: row.app?.type,
  name: row.name,
  description: row.description,
  status: row.revokedAt ? 'revoked' : 'active',
  ...viewOfAppSettings(row),
  scopes: row.allScopes ? null : row.scopes,
  token_validity: row.tokenValidity,
  require_dpop: row.requireDpop,
  jwks: row.jwks,
  created_at: row.createdAt,
  created_by: row.createdBy,
  updated_at: row.updatedAt,
  revoked_at: row.revokedAt,
})
