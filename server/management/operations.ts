import { createApiKey } from './api-keys/create.ts'
import { getApiKey } from './api-keys/get.ts'
import { listApiKeys } from './api-keys/list.ts'
import { revokeApiKey } from './api-keys/revoke.ts'
import { listAuditLogs } from './audit-logs/list.ts'
import { me } from './me.ts'
import type { Operation } from './operation.ts'
import { createResource } from './resources/create.ts'
import { listResources } from './resources/list.ts'
import { deleteServiceToken, restoreServiceToken, revokeServiceToken } from './service-tokens/change.ts'
import { createServiceToken } from './service-tokens/create.ts'
import { listServiceTokens } from './service-tokens/list.ts'
import { createServiceUserOperation } from './service-users/create.ts'
import { getServiceUser } from './service-users/get.ts'
import { listServiceUsers } from './service-users/list.ts'

/** The management API, whole. */
export const OPERATIONS: readonly Operation[] = [
  me,
  ...[createApiKey, listApiKeys, getApiKey, revokeApiKey],
  ...[createServiceUserOperation, listServiceUsers, getServiceUser],
  ...[createServiceToken, listServiceTokens, revokeServiceToken, restoreServiceToken, deleteServiceToken],
  ...[createResource, listResources],
  listAuditLogs,
]
