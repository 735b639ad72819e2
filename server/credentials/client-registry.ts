import { LRUCache } from 'lru-cache'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { loadTenant, type Tenant } from '../tenancy/tenant.ts'
import { type Client, type ClientKind, clientIdOf, type Secret, type ServiceUserRole } from './client.ts'
import type { SecretCredential } from './format.ts'
import type { Standings } from './standings.ts'

/** A client and its tenant, as of their versions. */
export interface KnownClient {
  readonly client: Client
  readonly tenant: Tenant
}

/**
 * Copies of clients and tenants, so that the ten-thousandth key costs what the first does. A copy decides nothing
 * before {@link ClientRegistry.isCurrent} has compared its versions with the standings, at every request.
 */
export interface ClientRegistry {
  ofCredential(credential: SecretCredential): Promise<KnownClient | undefined>
  ofRef(ref: string): Promise<KnownClient | undefined>
  isCurrent(known: KnownClient): Promise<boolean>
  forget(known: KnownClient): void
}

interface Needs {
  mode: Mode
  database: Pick<Database, 'client' | 'secret' | 'standing' | 'tenant' | 'resource'>
  standings: Standings
  /** How many copies of clients are kept. About 1 KB each. */
  capacity?: number
}

export function createClientRegistry({ mode, database, standings, capacity = 50_000 }: Needs): ClientRegistry {
  const refs = new LRUCache<string, string>({ max: capacity })
  const clients = new LRUCache<string, Client>({ max: capacity })
  const tenants = new LRUCache<string, Tenant>({ max: capacity })

  async function ofRef(ref: string): Promise<KnownClient | undefined> {
    const client = clients.get(ref) ?? (await loadClient(database, mode, ref))
    if (!client) return undefined
    const tenant = tenants.get(client.tenantId) ?? (await loadTenant(database, mode, client.tenantId))
    if (!tenant) return undefined
    clients.set(ref, client)
    tenants.set(tenant.id, tenant)
    return { client, tenant }
  }

  return {
    ofRef,

    async ofCredential(credential) {
      const name = `${credential.kind}:${credential.publicId}`
      const ref = refs.get(name) ?? (await findRef(database, mode, credential))
      if (!ref) return undefined
      refs.set(name, ref)
      return ofRef(ref)
    },

    async isCurrent({ client, tenant }) {
      const [clientNow, tenantNow] = await standings.read([client.ref, tenant.ref])
      // A copy may be newer than the hot store for a moment after a change, never older.
      return isAtLeast(client.version, clientNow?.version) && isAtLeast(tenant.version, tenantNow?.version)
    },

    forget({ client, tenant }) {
      clients.delete(client.ref)
      tenants.delete(tenant.id)
    },
  }
}

const isAtLeast = (version: number, now: number | undefined): boolean => now !== undefined && version >= now

/** An id never moves from one client to another, so this may be remembered without a version. */
async function findRef(database: Needs['database'], mode: Mode, { kind, publicId }: SecretCredential) {
  const select = { ref: true } as const
  if (kind === 'service_token') {
    const secret = await database.secret.findFirst({ where: { publicId, mode }, select: { client: { select } } })
    return secret?.client.ref
  }
  const clientKind: ClientKind = kind === 'standard_key' ? 'standard' : 'enterprise'
  const client = await database.client.findFirst({ where: { publicId, mode, kind: clientKind }, select })
  return client?.ref
}

async function loadClient(database: Needs['database'], mode: Mode, ref: string): Promise<Client | undefined> {
  // The standing first: should a change come between, the copy looks older than it is and is read again.
  const standing = await database.standing.findFirst({ where: { ref, mode } })
  const row = standing && (await database.client.findUnique({ where: { ref, mode }, include: { secrets: true } }))
  if (!row) return undefined
  const kind = row.kind as ClientKind
  return {
    id: row.id,
    clientId: clientIdOf(kind, row.publicId, mode),
    publicId: row.publicId,
    kind,
    mode,
    tenantId: row.tenantId,
    name: row.name,
    scopes: row.allScopes ? 'all' : row.scopes,
    role: (row.role as ServiceUserRole | null) ?? undefined,
    teams: row.teams,
    tokenValidity: row.tokenValidity ?? undefined,
    requireDpop: row.requireDpop,
    createdAt: row.createdAt.getTime(),
    expiresAt: row.expiresAt?.getTime(),
    revokedAt: row.revokedAt?.getTime(),
    secrets: row.secrets.map(toSecret),
    ref,
    version: standing.version,
    epoch: standing.epoch,
  }
}

type SecretRow = Awaited<ReturnType<Database['secret']['findFirstOrThrow']>>

const toSecret = (row: SecretRow): Secret => ({
  id: row.id,
  publicId: row.publicId ?? undefined,
  name: row.name ?? undefined,
  digest: row.digest,
  hashKey: row.hashKey,
  expiresAt: row.expiresAt?.getTime(),
  revokedAt: row.revokedAt?.getTime(),
})
