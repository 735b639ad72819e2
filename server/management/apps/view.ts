import { z } from 'zod'
import type { ClientWithApp } from '../../credentials/apps.ts'
import { APP_TYPES } from '../../credentials/client.ts'
import { shownJwks } from '../jwks.ts'

const seconds = z.int().meta({ description: 'seconds' })
const time = z.iso.datetime()

export const appSettingsMembers = {
  redirect_uris: z.array(z.string()),
  post_logout_redirect_uris: z.array(z.string()),
  homepage: z.string().nullable(),
  refresh_idle: seconds,
  refresh_absolute: seconds,
  refresh_retry_window: seconds.nullable().meta({ description: 'seconds; null: by how it authenticates' }),
  require_par: z.boolean(),
}

const appMembers = {
  id: z.string(),
  client_id: z.string().meta({ description: 'the id, or the URL of the document that describes it' }),
  type: z.enum(APP_TYPES),
  name: z.string(),
  description: z.string().nullable(),
  status: z.enum(['active', 'revoked']),
  ...appSettingsMembers,
  scopes: z.array(z.string()).nullable().meta({ description: 'null: all that there are' }),
  token_validity: seconds.nullable().meta({ description: 'seconds; null: the default' }),
  require_dpop: z.boolean(),
  jwks: shownJwks,
  created_at: time,
  created_by: z.string(),
  updated_at: time,
  revoked_at: time.nullable(),
}

export const appAnswer = z.strictObject(appMembers).meta({ id: 'App' })

const clientSecret = z.string().meta({ description: 'of a confidential app without keys; shown this once' })

export const appWithSecret = z
  .strictObject({ ...appMembers, client_secret: clientSecret.optional() })
  .meta({ id: 'AppWithSecret' })

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
