import type { JSONWebKeySet } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { Standing } from '../storage/state-store.ts'
import type { MemberRole } from '../tenancy/scopes.ts'
import { loadTenant, type Tenant } from '../tenancy/tenant.ts'
import { isChosenClientId } from './chosen-credential.ts'
import {
  type ApiClient,
  type ApiClientPermission,
  type App,
  type AppType,
  type Client,
  type ClientKind,
  clientIdOf,
  type Person,
  type Secret,
  type ServiceUserRole,
} from './client.ts'
import { publicIdOf, type SecretCredential } from './format.ts'
import type { Standings } from './standings.ts'

/** A client and its tenant, as of their versions. */
export interface KnownClient {
  readonly client: Client
  readonly tenant: Tenant
}

/** At once where there is a copy: nearly always, and a promise of what is there already costs more than to look. */
type Found = KnownClient | undefined | Promise<KnownClient | undefined>

/**
 * Copies of clients and tenants, so that the ten-thousandth key costs what the first does. A copy decides nothing
 * before {@link ClientRegistry.judged} has compared its versions with the standings, at every request.
 */
export interface ClientRegistry {
  ofCredential(credential: SecretCredential): Found
  /** By what it calls itself, which proves nothing. URLs are not known here: see metadata documents. */
  ofClientId(clientId: string): Promise<KnownClient | undefined>
  ofRef(ref: string): Promise<KnownClient | undefined>
  /** What `find` finds, as it stands now. Undefined: there is none. */
  current(find: () => Found): Promise<KnownClient | undefined>
  /** What `judge` says of it: at once of the copy, and again of a newer one if that was old, when only this counts. */
  judged<T>(find: () => Found, judge: (known: KnownClient) => T): Promise<T | undefined>
}

interface Needs {
  mode: Mode
  database: Pick<
    Database,
    'apiClient' | 'client' | 'member' | 'secret' | 'standing' | 'tenant' | 'tenantSettings' | 'resource'
  >
  standings: Standings
  /** How many copies of clients are kept. About 1 KB each. */
  capacity?: number
}

/** A copy may be outrun by a change; by several in a row only if somebody is changing it all the time. */
const ATTEMPTS = 5

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

  /** Leaves the order of use alone: to keep it costs more than to load one anew that was pushed out by 50,000 others. */
  function copyOf(ref: string): KnownClient | undefined {
    const client = clients.peek(ref)
    const tenant = client && tenants.peek(client.tenantId)
    return tenant && { client, tenant }
  }

  async function refOf(name: string, find: () => Promise<{ ref: string } | null | undefined>) {
    const before = refs.get(name)
    if (before) return before
    const found = await find()
    // An id never moves from one client to another, so this may be remembered without a version.
    if (found) refs.set(name, found.ref)
    return found?.ref
  }

  function remembered(credential: SecretCredential): KnownClient | undefined {
    const ref = refs.peek(nameOf(credential))
    return ref === undefined ? undefined : copyOf(ref)
  }

  async function load(credential: SecretCredential): Promise<KnownClient | undefined> {
    const ref = await refOf(nameOf(credential), () => findByCredential(database, mode, credential))
    return ref === undefined ? undefined : ofRef(ref)
  }

  /** An admin may take the id away and give it to another client, so what is remembered of it is compared each time. */
  async function ofChosenId(clientId: string): Promise<KnownClient | undefined> {
    const name = `chosen:${clientId}`
    const remembered = refs.get(name)
    const before = remembered === undefined ? undefined : await ofRef(remembered)
    if (before?.client.clientId === clientId) return before
    refs.delete(name)
    const ref = await refOf(name, () => findByChosenId(database, mode, clientId))
    if (ref === undefined) return undefined
    // A copy from before it had this id says nothing.
    if (clients.get(ref)?.clientId !== clientId) clients.delete(ref)
    const known = await ofRef(ref)
    return known?.client.clientId === clientId ? known : undefined
  }

  async function isCurrent({ client, tenant }: KnownClient): Promise<boolean> {
    const [clientNow, tenantNow] = await standings.read([client.ref, tenant.ref])
    return isCurrentBy({ client, tenant }, clientNow, tenantNow)
  }

  async function judged<T>(find: () => Found, judge: (known: KnownClient) => T): Promise<T | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = find()
      const known = found instanceof Promise ? await found : found
      if (!known) return undefined
      const verdict = judge(known)
      if (await isCurrent(known)) return verdict
      clients.delete(known.client.ref)
      tenants.delete(known.tenant.id)
    }
    return undefined
  }

  return {
    ofRef,
    judged,
    current: (find) => judged(find, (known) => known),

    ofCredential: (credential) => remembered(credential) ?? load(credential),

    async ofClientId(clientId) {
      const publicId = publicIdOf(clientId)
      if (!publicId) return isChosenClientId(clientId) ? ofChosenId(clientId) : undefined
      const find = () => database.client.findFirst({ where: { publicId, mode }, select: { ref: true } })
      const ref = await refOf(`client:${publicId}`, find)
      const known = ref === undefined ? undefined : await ofRef(ref)
      return known?.client.clientId === clientId ? known : undefined
    },
  }
}

const nameOf = ({ kind, publicId }: SecretCredential): string => `${kind}:${publicId}`

/** Whether a copy is as new as the standings that were read. It may be newer for a moment after a change, never older. */
export const isCurrentBy = ({ client, tenant }: KnownClient, clientNow?: Standing, tenantNow?: Standing): boolean =>
  isAtLeast(client.version, clientNow?.version) && isAtLeast(tenant.version, tenantNow?.version)

const isAtLeast = (version: number, now: number | undefined): boolean => now !== undefined && version >= now

const KIND_OF_SECRET = {
  standard_key: 'standard',
  enterprise_key: 'enterprise',
  app_secret: 'app',
  personal_access_token: 'personal',
} as const

async function findByCredential(database: Needs['database'], mode: Mode, { kind, publicId }: SecretCredential) {
  const select = { ref: true } as const
  if (kind === 'service_token') {
    const secret = await database.secret.findFirst({ where: { publicId, mode }, select: { client: { select } } })
    return secret?.client
  }
  return database.client.findFirst({ where: { publicId, mode, kind: KIND_OF_SECRET[kind] }, select })
}

async function findByChosenId(database: Needs['database'], mode: Mode, clientId: string) {
  const found = await database.apiClient.findUnique({
    where: { mode_clientId: { mode, clientId } },
    select: { client: { select: { ref: true } } },
  })
  return found?.client
}

async function loadClient(database: Needs['database'], mode: Mode, ref: string): Promise<Client | undefined> {
  // The standing first: should a change come between, the copy looks older than it is and is read again.
  const standing = await database.standing.findFirst({ where: { ref, mode } })
  const row =
    standing &&
    (await database.client.findUnique({ where: { ref, mode }, include: { secrets: true, app: true, apiClient: true } }))
  if (!row) return undefined
  const person = row.memberId === null ? undefined : await loadPerson(database, row.memberId)
  if (row.memberId !== null && !person) return undefined
  const kind = row.kind as ClientKind
  return {
    id: row.id,
    clientId: row.app?.metadataUrl ?? row.apiClient?.clientId ?? clientIdOf(kind, row.publicId, mode),
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
    disabledAt: row.disabledAt?.getTime(),
    secrets: row.secrets.map(toSecret),
    jwks: (row.jwks as JSONWebKeySet | null) ?? undefined,
    app: row.app ? toApp(row.app) : undefined,
    person,
    apiClient: row.apiClient ? toApiClient(row.apiClient) : undefined,
    ref,
    version: standing.version,
    epoch: standing.epoch,
  }
}

/** Their standings move when their role does, so the copy is as new as the client's. */
async function loadPerson({ member }: Needs['database'], id: string): Promise<Person | undefined> {
  const row = await member.findUnique({ where: { id } })
  return row ? { id, email: row.email, role: row.role as MemberRole } : undefined
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

type AppRow = Awaited<ReturnType<Database['app']['findFirstOrThrow']>>

const toApp = (row: AppRow): App => ({
  type: row.type as AppType,
  redirectUris: row.redirectUris,
  postLogoutRedirectUris: row.postLogoutRedirectUris,
  homepage: row.homepage ?? undefined,
  refreshIdle: row.refreshIdle,
  refreshAbsolute: row.refreshAbsolute,
  refreshRetryWindow: row.refreshRetryWindow ?? undefined,
  requirePar: row.requirePar,
  metadataUrl: row.metadataUrl ?? undefined,
})

type ApiClientRow = Awaited<ReturnType<Database['apiClient']['findFirstOrThrow']>>

const toApiClient = ({ permission, slot }: ApiClientRow): ApiClient => ({
  permission: permission as ApiClientPermission,
  active: slot !== null,
})
