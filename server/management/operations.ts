import { createApiKey } from './api-keys/create.ts'
import { getApiKey } from './api-keys/get.ts'
import { listApiKeys } from './api-keys/list.ts'
import { revokeApiKey } from './api-keys/revoke.ts'
import { createAppOperation } from './apps/create.ts'
import { deleteApp } from './apps/delete.ts'
import { getApp } from './apps/get.ts'
import { listApps } from './apps/list.ts'
import { rotateAppSecretOperation } from './apps/rotate-secret.ts'
import { updateAppOperation } from './apps/update.ts'
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
import { updateServiceUserOperation } from './service-users/update.ts'
import { getTenant } from './tenant/get.ts'
import { updateTenant } from './tenant/update.ts'
import { createBindingOperation } from './workload-bindings/create.ts'
import { deleteBindingOperation } from './workload-bindings/delete.ts'
import { getBinding } from './workload-bindings/get.ts'
import { listBindings } from './workload-bindings/list.ts'
import { updateBindingOperation } from './workload-bindings/update.ts'
import { listPlatforms } from './workload-platforms/list.ts'
import { createProviderOperation } from './workload-providers/create.ts'
import { deleteProviderOperation } from './workload-providers/delete.ts'
import { explainOperation } from './workload-providers/explain.ts'
import { getProvider } from './workload-providers/get.ts'
import { listProviders } from './workload-providers/list.ts'
import { updateProviderOperation } from './workload-providers/update.ts'

/** The management API, whole. */
export const OPERATIONS: readonly Operation[] = [
  me,
  ...[createApiKey, listApiKeys, getApiKey, revokeApiKey],
  ...[createServiceUserOperation, listServiceUsers, getServiceUser, updateServiceUserOperation],
  ...[createServiceToken, listServiceTokens, revokeServiceToken, restoreServiceToken, deleteServiceToken],
  ...[createAppOperation, listApps, getApp, updateAppOperation, deleteApp, rotateAppSecretOperation],
  ...[createResource, listResources],
  listPlatforms,
  ...[createProviderOperation, listProviders, getProvider, updateProviderOperation, deleteProviderOperation],
  explainOperation,
  ...[createBindingOperation, listBindings, getBinding, updateBindingOperation, deleteBindingOperation],
  ...[getTenant, updateTenant],
  listAuditLogs,
]
