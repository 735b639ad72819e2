import type { Mode } from '../mode/mode.ts'
import type { Database, Prisma } from '../storage/database.ts'

/** Whose records, of which world. */
export interface TenantScope {
  readonly tenantId: string
  readonly mode: Mode
}

/** Models that belong to a tenant and a mode, and are all that a {@link ScopedDatabase} reaches. */
const SCOPED_MODELS: ReadonlySet<string> = new Set<Prisma.ModelName>([
  'AuditEntry',
  'AuditHead',
  'Client',
  'Resource',
  'Secret',
  'Standing',
])

/**
 * The database as one tenant sees it in one mode: whatever is asked, `tenant_id` and `mode` are added to what is
 * searched, and replace those of what is written. To forget them is impossible; to ask for others finds nothing.
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
          if (!SCOPED_MODELS.has(model)) throw new Error(`${model} is not a tenant's`)
          return query(scopeArguments(operation, args, scope))
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
  where?: object
  data?: object | object[]
  create?: object
}

const WRITES_ROWS = new Set(['create', 'createMany', 'createManyAndReturn', 'upsert'])
const SEARCHES = new Set([
  ...['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy'],
  ...['update', 'updateMany', 'updateManyAndReturn', 'delete', 'deleteMany', 'upsert'],
])

// biome-ignore lint/suspicious/noExplicitAny: the extension sees the arguments of every model at once.
function scopeArguments(operation: string, args: any, { tenantId, mode }: TenantScope): any {
  if (!SEARCHES.has(operation) && !WRITES_ROWS.has(operation)) throw new Error(`${operation} can't be scoped`)
  const { where, data, create } = args as Arguments
  const owned = (row: object) => ({ ...row, tenantId, mode })
  return {
    ...args,
    ...(SEARCHES.has(operation) && { where: owned(where ?? {}) }),
    ...(data && { data: Array.isArray(data) ? data.map(owned) : owned(data) }),
    ...(create && { create: owned(create) }),
  }
}
