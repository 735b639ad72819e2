import type { Change } from '../../audit/change.ts'
import type { Origin } from '../../audit/entry.ts'
import type { Clock } from '../../clock.ts'
import { type Refusal, unfitness } from '../../credentials/authenticator.ts'
import type { ClientRegistry, KnownClient } from '../../credentials/client-registry.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Database } from '../../storage/database.ts'
import { isAllowedFrom } from '../../tenancy/networks.ts'
import { scopeDatabase } from '../../tenancy/scoped-database.ts'
import { loadTenant } from '../../tenancy/tenant.ts'
import { refusalError } from '../client-authentication.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'
import { type IsPlainAllowed, isClientIdUrl } from './client-id-url.ts'
import { describedClient } from './described-client.ts'
import type { ClientDocument } from './document.ts'
import type { ClientDocuments } from './documents.ts'
import { followDocument, isOutdated, recordOf, registerByDocument } from './registration.ts'
import { storedRef, type TenantHint } from './stored-ref.ts'
import { createTenantOfResource } from './tenant-of-resource.ts'

/** A client that is described by a document (CIMD), for as long as an authorization request takes. */
export interface DocumentClient extends KnownClient {
  readonly document: ClientDocument
  /** Whether it has a record. Without one it has no standing either, and its `id` and `ref` are empty. */
  readonly stored: boolean
}

export interface AuthorizationRequest {
  /** RFC 8707: by it the tenant is found. */
  readonly resource: readonly string[]
  readonly ip?: string | undefined
  readonly requestId?: string | undefined
}

export interface DocumentClients {
  /** For the authorization endpoint and PAR. Reads the document, writes no record that isn't there. */
  findByClientId(url: string, request: AuthorizationRequest): Promise<Result<DocumentClient>>
  /**
   * For all other endpoints, which fetch nothing: the client as it was consented to. A copy, as from the registry.
   * @param hint the tenant of the code or token that came with it; asked only if several tenants know this client.
   */
  findStored(url: string, hint?: TenantHint): Promise<KnownClient | undefined>
  /**
   * Writes the record that a consent refers to, where there is none yet; every other client is handed back as it is.
   * @throws {Error} if an admin disabled it meanwhile
   */
  register(known: KnownClient, origin: Origin): Promise<KnownClient>
}

interface Needs {
  mode: Mode
  issuer: string
  database: Database
  clients: Pick<ClientRegistry, 'ofRef' | 'current'>
  documents: ClientDocuments
  isPlainAllowed: IsPlainAllowed
  change: Change
  clock: Clock
}

export function createDocumentClients(needs: Needs): DocumentClients {
  const { mode, issuer, database, clients, documents, isPlainAllowed, change, clock } = needs
  const tenantOfResource = createTenantOfResource({ mode, issuer, database })

  const refuse = (reason: Refusal['reason']) => ({
    ok: false as const,
    error: refusalError({ reason }, mode, false),
  })

  const current = (ref: string) => clients.current(() => clients.ofRef(ref))

  return {
    async findByClientId(url, { resource, ...from }) {
      if (!isClientIdUrl(url, isPlainAllowed)) return malformed
      const found = await tenantOfResource(resource)
      if (!found.ok) return found
      const scope = { tenantId: found.value, mode }
      const tenant = await loadTenant(database, mode, scope.tenantId)
      if (tenant && from.ip !== undefined && !isAllowedFrom(tenant.allowedNetworks, from.ip)) return refuse('network')
      if (tenant?.status !== 'active') return refuse('tenant_inactive')
      const record = await recordOf(scopeDatabase(database, scope), url)
      // Before the document is asked: what an admin disabled stays so, whatever it says.
      if (record?.revokedAt) return refuse('revoked')

      const described = await documents.read(url)
      if (!described.ok) return described
      const document = described.value
      if (!record) return succeed({ client: describedClient(document, scope), tenant, document, stored: false })
      if (isOutdated(record, document)) {
        await change(scope, originOf(record, from), (transaction) => followDocument(transaction, document))
      }
      const known = await current(record.ref)
      const reason = known ? unfitness(known, clock.now(), from.ip) : 'unknown'
      return known && !reason ? succeed({ ...known, document, stored: true }) : refuse(reason ?? 'unknown')
    },

    async findStored(url, hint = async () => undefined) {
      // What no record can be of isn't asked for: PostgreSQL refuses to be asked for NUL.
      if (!isClientIdUrl(url, isPlainAllowed)) return undefined
      const ref = await storedRef(database, mode, url, hint)
      return ref === undefined ? undefined : clients.ofRef(ref)
    },

    async register(known, origin) {
      if (!isUnstored(known)) return known
      const scope = { tenantId: known.tenant.id, mode }
      const made = await change(scope, origin, (transaction) =>
        registerByDocument(transaction, scope, known.document, new Date(clock.now())),
      )
      const registered = made && (await current(made.ref))
      if (!registered) throw new Error('a client was disabled while somebody agreed to it')
      return registered
    },
  }
}

const isUnstored = (known: KnownClient): known is DocumentClient => 'stored' in known && known.stored === false

const malformed = fail(
  'invalid_client',
  'client_id must be an https URL with a path and without a query, a fragment, a user or dot segments',
)

const originOf = (record: { id: string; name: string }, from: Omit<Origin, 'actor'>): Origin => ({
  ...from,
  actor: { type: 'app', id: record.id, name: record.name },
})
