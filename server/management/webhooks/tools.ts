import type { MasterKeys } from '../../credentials/master-key.ts'
import type { Allowance } from '../../outbound/allowance.ts'

/** What the operations on webhooks need besides what all do. */
export interface WebhookTools {
  /** To seal a webhook's secret under. */
  readonly masterKeys: MasterKeys
  /** What the operator lets messages reach although it is private or plain http. */
  readonly allowance: Allowance
}
