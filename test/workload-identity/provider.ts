import type { WorkloadProvider } from '../../server/workload-identity/model.ts'

/** A provider as a tenant has it, with what matters to a test. */
export const providerOf = (issuer: string, more: Partial<WorkloadProvider> = {}): WorkloadProvider => ({
  id: 'wp_1',
  tenantId: 'tenant_1',
  platform: 'oidc',
  name: 'Ours',
  issuer,
  audiences: [],
  keys: { by: 'discovery' },
  singleUse: false,
  disabled: false,
  ...more,
})
