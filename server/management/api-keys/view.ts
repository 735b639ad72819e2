import { z } from 'zod'
import { type ClientKind, clientIdOf } from '../../credentials/client.ts'
import { splitKey } from '../../credentials/format.ts'
import { KEY_KINDS, type Key, scopesOfKey } from '../../credentials/keys.ts'
import type { Mode } from '../../mode/mode.ts'
import { appSettingsMembers, viewOfAppSettings } from '../apps/view.ts'
import { STATUSES, statusOf } from '../status.ts'

const time = z.iso.datetime()

const lastUse = {
  last_used_at: time.nullable().meta({ description: 'to the minute' }),
  last_used_ip: z.string().nullable(),
  last_used_agent: z.string().nullable().meta({ description: 'the User-Agent of its last use' }),
}

const secret = z
  .strictObject({ id: z.string(), created_at: time, expires_at: time.nullable(), ...lastUse })
  .meta({ id: 'ApiKeySecret' })

const members = {
  id: z.string(),
  kind: z.enum(KEY_KINDS),
  name: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  client_id: z.string(),
  status: z.enum(STATUSES),
  scopes: z.array(z.string()).nullable().meta({ description: 'null: full access, now and later' }),
  token_validity: z.int().nullable().meta({ description: 'seconds; null: the default' }),
  require_dpop: z.boolean(),
  ...z.object(appSettingsMembers).partial().shape,
  secrets: z.array(secret).meta({ description: 'those that are good now, the newest first: two during an overlap' }),
  created_at: time,
  created_by: z.string(),
  updated_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  last_used_at: lastUse.last_used_at,
}

export const apiKey = z.strictObject(members).meta({ id: 'ApiKey' })

export const apiKeyWithSecret = z
  .strictObject({
    ...members,
    api_key: z.string().meta({ description: 'the whole key; of a public key its client_id' }),
    client_secret: z.string().optional().meta({ description: 'what is left of the key without its client_id' }),
  })
  .meta({ id: 'ApiKeyWithSecret', description: 'Its secret is shown this once.' })

/** A key as lists and answers show it. Its secret isn't here, because it isn't anywhere. */
export const viewOfKey = (now: number) => (row: Key) => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  description: row.description,
  tags: row.tags,
  client_id: clientIdOfKey(row),
  status: statusOf(row, now),
  scopes: scopesOfKey(row) === 'all' ? null : row.scopes,
  token_validity: row.tokenValidity,
  require_dpop: row.requireDpop,
  ...viewOfAppSettings(row),
  secrets: statusOf(row, now) === 'active' ? row.secrets.filter(isGood(now)).map(viewOfSecret) : [],
  created_at: row.createdAt,
  created_by: row.createdBy,
  updated_at: row.updatedAt,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
  last_used_at: latest(row.secrets),
})

/** This once, with its secret; of a public key, which has none, its client_id. */
export function viewOfNewKey(now: number, row: Key, key: string | undefined) {
  const view = viewOfKey(now)(row)
  if (key === undefined) return { ...view, api_key: view.client_id }
  const { clientId, clientSecret } = splitKey(key)
  return { ...view, api_key: key, client_id: clientId, client_secret: clientSecret }
}

type SecretRow = Key['secrets'][number]

const isGood = (now: number) => (secret: SecretRow) => statusOf(secret, now) === 'active'

const viewOfSecret = (secret: SecretRow) => ({
  id: secret.id,
  created_at: secret.createdAt,
  expires_at: secret.expiresAt,
  last_used_at: secret.lastUsedAt,
  last_used_ip: secret.lastUsedIp,
  last_used_agent: secret.lastUsedAgent,
})

const latest = (secrets: readonly SecretRow[]): Date | null =>
  secrets.reduce<Date | null>(
    (last, { lastUsedAt }) => (lastUsedAt && (!last || lastUsedAt > last) ? lastUsedAt : last),
    null,
  )

const clientIdOfKey = ({ kind, publicId, mode }: Key): string => clientIdOf(kind as ClientKind, publicId, mode as Mode)
