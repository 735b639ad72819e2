import type { Change } from '../audit/change.ts'
import type { AuditEvent, Origin } from '../audit/entry.ts'
import type { RecordEvent } from '../audit/record.ts'
import type { AccessTokenCredential } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import type { AccessToken, AccessTokens } from './access-token.ts'
import type { FoundFamily, RefreshFamilies } from './refresh-family.ts'
import { familyName } from './theft.ts'

/** How what lives in the hot store is ended before its time, with an entry that says by whom. */
export interface EndTokens {
  accessToken(credential: AccessTokenCredential, token: AccessToken, because: Because): Promise<void>
  /** False: it was dead already. */
  family(found: FoundFamily, clientId: string, because: Because): Promise<boolean>
}

export interface Because {
  readonly origin: Origin
  /** What else the log is to say, of the target that is ended. */
  also?(target: AuditEvent['target']): readonly AuditEvent[]
}

interface Needs {
  mode: Mode
  tokens: Pick<AccessTokens, 'revoke'>
  families: Pick<RefreshFamilies, 'end'>
  change: Change
  recordEvent: RecordEvent
}

export function createEndTokens({ mode, tokens, families, change, recordEvent }: Needs): EndTokens {
  /** By itself it is an event as the mint was, and comes after it. With what else is to be said it is written at once. */
  async function audit(tenantId: string, event: AuditEvent, { origin, also = () => [] }: Because): Promise<void> {
    const more = also(event.target)
    if (!more.length) return recordEvent(tenantId, origin, event)
    await change({ tenantId, mode }, origin, async () => ({ result: undefined, events: [event, ...more] }))
  }

  return {
    async accessToken(credential, token, because) {
      const target = { type: 'access_token', id: token.jti }
      const event = { action: 'access_token.revoked', target, details: { client_id: token.clientId } }
      await audit(token.tenantId, event, because)
      await tokens.revoke(credential)
    },

    async family({ familyId, family }, clientId, because) {
      if (!(await families.end(familyId, 'revoked'))) return false
      const target = { type: 'refresh_family', id: familyName(familyId) }
      const details = { client_id: clientId, member_id: family.memberId }
      await audit(family.tenantId, { action: 'refresh_family.revoked', target, details }, because)
      return true
    },
  }
}
