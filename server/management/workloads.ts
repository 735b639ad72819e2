import type { IssuerRules } from '../workload-identity/issuer-url.ts'
import type { SubjectVerdict, WorkloadProvider } from '../workload-identity/model.ts'

/** What the operations on workload identity need besides what all do. */
export interface Workloads {
  readonly issuerRules: IssuerRules
  /** All of a subject token but whether it was used before, which looking at it must not change. */
  readonly verify: (token: string, provider: WorkloadProvider) => Promise<SubjectVerdict>
}
