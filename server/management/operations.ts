import { listApiClientActivity } from './api-clients/activity.ts'
import { createApiClientOperation } from './api-clients/create.ts'
import { deleteApiClient, deleteSeveralApiClients } from './api-clients/delete.ts'
import { duplicateApiClient } from './api-clients/duplicate.ts'
import { getApiClient } from './api-clients/get.ts'
import { invalidateApiClientTokens } from './api-clients/invalidate-tokens.ts'
import { listApiClients } from './api-clients/list.ts'
import { changeApiClientStatus, updateApiClientOperation } from './api-clients/update.ts'
import { createApiKey } from './api-keys/create.ts'
import { getApiKey } from './api-keys/get.ts'
import { listApiKeys } from './api-keys/list.ts'
import { revokeApiKey } from './api-keys/revoke.ts'
import { endKeyOverlap, rotateApiKey } from './api-keys/rotate.ts'
import { updateApiKey } from './api-keys/update.ts'
import { getApiKeyUsage } from './api-keys/usage.ts'
import { createAppOperation } from './apps/create.ts'
import { deleteApp } from './apps/delete.ts'
import { getApp } from './apps/get.ts'
import { listApps } from './apps/list.ts'
import { rotateAppSecretOperation } from './apps/rotate-secret.ts'
import { updateAppOperation } from './apps/update.ts'
import { listAuditLogs } from './audit-logs/list.ts'
import { inviteMember } from './invitations/create.ts'
import { deleteInvitationOperation } from './invitations/delete.ts'
import { listInvitations } from './invitations/list.ts'
import { me } from './me.ts'
import { getMember } from './members/get.ts'
import { listMembers } from './members/list.ts'
import { makePasswordLink } from './members/password-link.ts'
import { removeMemberOperation } from './members/remove.ts'
import { updateMember } from './members/update.ts'
import type { Operation } from './operation.ts'
import { createPersonalAccessToken } from './personal-access-tokens/create.ts'
import { getPersonalAccessToken } from './personal-access-tokens/get.ts'
import { listPersonalAccessTokens } from './personal-access-tokens/list.ts'
import { revokePersonalAccessTokenOperation } from './personal-access-tokens/revoke.ts'
import { createResource } from './resources/create.ts'
import { getDefaultResource, updateDefaultResource } from './resources/default.ts'
import { deprecateResource, restoreResource } from './resources/deprecate.ts'
import { getResource } from './resources/get.ts'
import { listResources } from './resources/list.ts'
import { updateResource } from './resources/update.ts'
import { deleteServiceToken, restoreServiceToken, revokeServiceToken } from './service-tokens/change.ts'
import { createServiceToken } from './service-tokens/create.ts'
import { listServiceTokens } from './service-tokens/list.ts'
import { createServiceUserOperation } from './service-users/create.ts'
import { deleteServiceUserOperation } from './service-users/delete.ts'
import { getServiceUser } from './service-users/get.ts'
import { listServiceUsers } from './service-users/list.ts'
import { disableServiceUser, enableServiceUser } from './service-users/switch.ts'
import { updateServiceUserOperation } from './service-users/update.ts'
import { getServiceUserUsage } from './service-users/usage.ts'
import { listSigningKeys } from './signing-keys/list.ts'
import { createTeamOperation } from './teams/create.ts'
import { deleteTeamOperation } from './teams/delete.ts'
import { getTeam } from './teams/get.ts'
import { listTeams } from './teams/list.ts'
import { updateTeamOperation } from './teams/update.ts'
import { getTenant } from './tenant/get.ts'
import { updateTenant } from './tenant/update.ts'
import { createWebhookOperation } from './webhooks/create.ts'
import { deleteWebhookOperation } from './webhooks/delete.ts'
import { getWebhook } from './webhooks/get.ts'
import { listWebhooks } from './webhooks/list.ts'
import { listWebhookMessages } from './webhooks/messages.ts'
import { resendWebhookMessages } from './webhooks/resend.ts'
import { rotateWebhookSecretOperation } from './webhooks/rotate-secret.ts'
import { testWebhook } from './webhooks/test.ts'
import { updateWebhookOperation } from './webhooks/update.ts'
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
  ...[createApiKey, listApiKeys, getApiKey, getApiKeyUsage, updateApiKey, rotateApiKey, endKeyOverlap, revokeApiKey],
  ...[createApiClientOperation, duplicateApiClient, listApiClients, getApiClient, listApiClientActivity],
  ...[updateApiClientOperation, invalidateApiClientTokens, changeApiClientStatus],
  ...[deleteSeveralApiClients, deleteApiClient],
  ...[createServiceUserOperation, listServiceUsers, getServiceUser, getServiceUserUsage, updateServiceUserOperation],
  ...[disableServiceUser, enableServiceUser],
  ...[createAppOperation, listApps, getApp, updateAppOperation, deleteApp, rotateAppSecretOperation],
  // The default one first: its name is no id.
  ...[getDefaultResource, updateDefaultResource],
  ...[createResource, listResources, getResource, updateResource, deprecateResource, restoreResource],
  listPlatforms,
  ...[createProviderOperation, listProviders, getProvider, updateProviderOperation, deleteProviderOperation],
  explainOperation,
  ...[createBindingOperation, listBindings, getBinding, updateBindingOperation, deleteBindingOperation],
  ...[createServiceToken, listServiceTokens, revokeServiceToken, restoreServiceToken, deleteServiceToken],
  deleteServiceUserOperation,
  // Before what takes an id in their place.
  ...[inviteMember, listInvitations, deleteInvitationOperation],
  ...[listMembers, getMember, updateMember, removeMemberOperation, makePasswordLink],
  ...[createPersonalAccessToken, listPersonalAccessTokens, getPersonalAccessToken, revokePersonalAccessTokenOperation],
  ...[createTeamOperation, listTeams, getTeam, updateTeamOperation, deleteTeamOperation],
  ...[getTenant, updateTenant],
  listSigningKeys,
  listAuditLogs,
  ...[createWebhookOperation, listWebhooks, getWebhook, updateWebhookOperation, deleteWebhookOperation],
  ...[rotateWebhookSecretOperation, testWebhook, resendWebhookMessages, listWebhookMessages],
]
