import type { Mode } from '../mode/mode.ts'
import { type Database, Prisma } from '../storage/database.ts'

/** Whose records, of which world. */
export interface TenantScope {
  readonly tenantId: string
  readonly mode: Mode
}

/** Models that belong to a tenant and a mode, and are all that a {@link ScopedDatabase} reaches; with their columns. */
const SCOPED_MODELS = {
  App: Prisma.AppScalarFieldEnum,
  AuditEntry: Prisma.AuditEntryScalarFieldEnum,
  AuditHead: Prisma.AuditHeadScalarFieldEnum,
  Client: Prisma.ClientScalarFieldEnum,
  Consent: Prisma.ConsentScalarFieldEnum,
  Passkey: Prisma.PasskeyScalarFieldEnum,
  Resource: Prisma.ResourceScalarFieldEnum,
  Secret: Prisma.SecretScalarFieldEnum,
  SignInSession: Prisma.SignInSessionScalarFieldEnum,
  Standing: Prisma.StandingScalarFieldEnum,
  TenantSettings: Prisma.TenantSettingsScalarFieldEnum,
  WorkloadBinding: Prisma.WorkloadBindingScalarFieldEnum,
  WorkloadProvider: Prisma.WorkloadProviderScalarFieldEnum,
} satisfies { [model in Prisma.ModelName]?: object }

type ScopedModel = keyof typeof SCOPED_MODELS

/**
 * The database as one tenant sees it in one mode: whatever is asked, `tenant_id` and `mode` are added to what is
 * searched, and replace those of what is written. To forget them is impossible; to ask for others finds nothing.
 * What is written through a relation would escape that, and is refused.
 */
export const scopeDatabase = (database: Database, scope: TenantScope) =>
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
function scopeArguments(model: ScopedModel, operation: string, args: any, { tenantId, mode }: TenantScope): any {
  if (!SEARCHES.has(operation) && !WRITES_ROWS.has(operation)) throw new Error(`${operation} can't be scoped`)
  const { where, data, create, update } = args as Arguments
  const owned = (row: object) => {
    const relation = Object.keys(row).find((name) => !Object.hasOwn(SCOPED_MODELS[model], name))
    if (relation) throw new Error(`what is written through ${model}.${relation} can't be scoped`)
    return { ...row, tenantId, mode }
  }
  return {
    ...args,
    // Beside the conditions there are, not in their place: asking for another tenant's must not find one's own.
    ...(SEARCHES.has(operation) && { where: { ...where, AND: [{ tenantId, mode }, ...[where?.AND ?? []].flat()] } }),
    ...(data && { data: Array.isArray(data) ? data.map(owned) : owned(data) }),
    ...(create && { create: owned(create) }),
    ...(update && { update: owned(update) }),
  }
}
