import type { Mode } from '../mode/mode.ts'
import { type Database, Prisma } from '../storage/database.ts'

/** Whose records, of which world. */
export interface TenantScope {
  readonly tenantId: string
  readonly mode: Mode
}

/** Whose records, of both: for what happens to a person, or to the whole tenant. */
export type WholeTenant = Pick<TenantScope, 'tenantId'>

/** Models that belong to a tenant in a mode, with their columns. */
const MODELS_OF_A_MODE = {
  ApiClient: Prisma.ApiClientScalarFieldEnum,
  App: Prisma.AppScalarFieldEnum,
  AuditEntry: Prisma.AuditEntryScalarFieldEnum,
  AuditHead: Prisma.AuditHeadScalarFieldEnum,
  Client: Prisma.ClientScalarFieldEnum,
  Consent: Prisma.ConsentScalarFieldEnum,
  IdempotentRequest: Prisma.IdempotentRequestScalarFieldEnum,
  Passkey: Prisma.PasskeyScalarFieldEnum,
  Resource: Prisma.ResourceScalarFieldEnum,
  Secret: Prisma.SecretScalarFieldEnum,
  SignInSession: Prisma.SignInSessionScalarFieldEnum,
  Standing: Prisma.StandingScalarFieldEnum,
  Team: Prisma.TeamScalarFieldEnum,
  TeamMember: Prisma.TeamMemberScalarFieldEnum,
  TenantSettings: Prisma.TenantSettingsScalarFieldEnum,
  UsageDay: Prisma.UsageDayScalarFieldEnum,
  Webhook: Prisma.WebhookScalarFieldEnum,
  WebhookMessage: Prisma.WebhookMessageScalarFieldEnum,
  WorkloadBinding: Prisma.WorkloadBindingScalarFieldEnum,
  WorkloadProvider: Prisma.WorkloadProviderScalarFieldEnum,
} satisfies { [model in Prisma.ModelName]?: object }

/**
 * People and the tenant's own row are the tenant's, not a mode's: from one mode they can be read, and only the whole
 * tenant changes them.
 */
const MODELS_OF_THE_TENANT = {
  Invitation: Prisma.InvitationScalarFieldEnum,
  Member: Prisma.MemberScalarFieldEnum,
  Tenant: Prisma.TenantScalarFieldEnum,
} satisfies { [model in Prisma.ModelName]?: object }

/** All that a {@link ScopedDatabase} reaches. */
const SCOPED_MODELS = { ...MODELS_OF_A_MODE, ...MODELS_OF_THE_TENANT }

type ScopedModel = keyof typeof SCOPED_MODELS

/**
 * The database as one tenant sees it in one mode: whatever is asked, `tenant_id` and `mode` are added to what is
 * searched, and replace those of what is written. To forget them is impossible; to ask for others finds nothing.
 * What is written through a relation would escape that, and is refused. For the whole tenant, the mode is free.
 */
export const scopeDatabase = (database: Database, scope: TenantScope | WholeTenant) =>
  database.$extends({
    query: {
      $queryRaw: refuseRaw,
      $queryRawUnsafe: refuseRaw,
      $executeRaw: refuseRaw,
      $executeRawUnsafe: refuseRaw,
      $allModels: {
        $allOperations: ({ model, operation, args, query }) => {
          if (!Object.hasOwn(SCOPED_MODELS, model)) throw new Error(`${model} is not a tenant's`)
          return query(scopeArguments(model as ScopedModel, operation, args, scope))
        },
      },
    },
  })

function refuseRaw(): never {
  throw new Error("SQL written by hand can't be scoped")
}

export type ScopedDatabase = ReturnType<typeof scopeDatabase>
export type ScopedTransaction = Parameters<Parameters<ScopedDatabase['$transaction']>[0]>[0]

interface Arguments {
  where?: { AND?: object | object[] }
  data?: object | object[]
  create?: object
  update?: object
}

const WRITES_ROWS = new Set(['create', 'createMany', 'createManyAndReturn', 'upsert'])
const SEARCHES = new Set([
  ...['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy'],
  ...['update', 'updateMany', 'updateManyAndReturn', 'delete', 'deleteMany', 'upsert'],
])

// biome-ignore lint/suspicious/noExplicitAny: the extension sees the arguments of every model at once.
function scopeArguments(model: ScopedModel, operation: string, args: any, scope: TenantScope | WholeTenant): any {
  if (!SEARCHES.has(operation) && !WRITES_ROWS.has(operation)) throw new Error(`${operation} can't be scoped`)
  const { where, data, create, update } = args as Arguments
  const own = ownColumns(model, scope, Boolean(data || create || operation.startsWith('delete')))
  const owned = (row: object) => {
    const relation = Object.keys(row).find((name) => !Object.hasOwn(SCOPED_MODELS[model], name))
    if (relation) throw new Error(`what is written through ${model}.${relation} can't be scoped`)
    return { ...row, ...own }
  }
  return {
    ...args,
    // Beside the conditions there are, not in their place: asking for another tenant's must not find one's own.
    ...(SEARCHES.has(operation) && { where: { ...where, AND: [own, ...[where?.AND ?? []].flat()] } }),
    ...(data && { data: Array.isArray(data) ? data.map(owned) : owned(data) }),
    ...(create && { create: owned(create) }),
    ...(update && { update: owned(update) }),
  }
}

function ownColumns(model: ScopedModel, scope: TenantScope | WholeTenant, writes: boolean): object {
  const { tenantId } = scope
  const ofTheTenant = model === 'Tenant' ? { id: tenantId } : { tenantId }
  if (!('mode' in scope)) return ofTheTenant
  if (!Object.hasOwn(MODELS_OF_THE_TENANT, model)) return { tenantId, mode: scope.mode }
  if (writes) throw new Error(`${model} is changed for the whole tenant, not in one mode`)
  return ofTheTenant
}
