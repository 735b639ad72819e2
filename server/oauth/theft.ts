import type { Change } from '../audit/change.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import type { Theft } from './refresh-family.ts'

/** What the audit log says when a family ended because something of it was used twice, or by a stranger. */
export async function auditTheft(
  change: Change,
  { client }: KnownClient,
  { familyId, family, death }: Theft,
  { ip, requestId }: { ip: string; requestId: string },
): Promise<void> {
  // In the log of the tenant whose family it was, whoever presented the token.
  const scope = { tenantId: family.tenantId, mode: client.mode }
  const actor = { type: 'app' as const, id: client.id, name: client.name }
  const details = { reason: death, member_id: family.memberId }
  const target = { type: 'refresh_family', id: familyName(familyId) }
  await change(scope, { actor, ip, requestId }, async () => ({
    result: undefined,
    events: [{ action: 'refresh_family.theft_detected', target, details }],
  }))
}

/** As people see it. */
export const familyName = (familyId: string): string => `fam_${familyId.slice(0, 16)}`
