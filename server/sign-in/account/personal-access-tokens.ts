import type { Change } from '../../audit/change.ts'
import type { Clock } from '../../clock.ts'
import type { Client } from '../../credentials/client.ts'
import { clientIdOf } from '../../credentials/client.ts'
import type { Digests } from '../../credentials/digest.ts'
import { issuePersonalAccessToken, revokePersonalAccessToken } from '../../credentials/personal-access-tokens.ts'
import type { Form } from '../../http/form.ts'
import { managementApiOf, scopesOfPersonAt } from '../../oauth/resource-indicator.ts'
import type { Member } from '../../people/member.ts'
import type { Database } from '../../storage/database.ts'
import { scopeDatabase, type TenantScope } from '../../tenancy/scoped-database.ts'
import { loadTenant, type Tenant } from '../../tenancy/tenant.ts'
import { inWords } from '../interaction/consent.ts'
import { originOf } from '../origin.ts'
import type { AccountToken } from '../pages/account/personal-access-tokens.ts'
import { type Action, nameOf, recently } from './action.ts'
import { doneAt } from './paths.ts'

interface Needs {
  issuer: string
  database: Database
  change: Change
  digests: Pick<Digests, 'digest'>
  clock: Clock
}

const DAY = 86_400_000
const DAYS = ['7', '30', '90', '365']
const MOST_LISTED = 100
const LONGEST_NAME = 100

/** What the person may give a token of theirs, in the order of the list. */
export const tokenScopesOf = (tenant: Tenant, issuer: string, { role }: Pick<Member, 'role'>): readonly string[] =>
  scopesOfPersonAt(managementApiOf(tenant, issuer), role)

/** Only from a sign-in of a moment ago: whoever finds a browser unattended must not get a key to keep. */
export function createTokenActions(needs: Needs): Record<'make' | 'revoke', Action> {
  const { issuer, database, change, digests, clock } = needs

  return {
    make: recently(async (ctx, { member, scope }, form) => {
      const tenant = await loadTenant(database, scope.mode, scope.tenantId)
      if (!tenant) throw new Error('a member of no tenant')
      if (tenant.status !== 'active') return { error: 'No token can be made while the tenant is paused or cancelled.' }
      const name = nameOf(form, LONGEST_NAME)
      const days = form.days ?? ''
      if (!name) return { error: `A token needs a name of at most ${LONGEST_NAME} characters.` }
      if (days !== 'never' && !DAYS.includes(days)) return { error: 'Choose when the token expires.' }
      const scopes = chosen(form, tokenScopesOf(tenant, issuer, member))
      if (scopes !== 'all' && !scopes.length) return { error: 'Choose what the token may do.' }
      const now = clock.now()
      const expiresAt = days === 'never' ? null : new Date(now + Number(days) * DAY)
      const token = { memberId: member.id, name, scopes, expiresAt }
      const issued = await change(scope, originOf(ctx, member), (transaction) =>
        issuePersonalAccessToken(transaction, scope, digests, token, new Date(now)),
      )
      return issued ? { madeToken: { name, value: issued.personalAccessToken } } : { location: doneAt('token-revoked') }
    }),

    async revoke(ctx, { member, scope }, { id = '' }) {
      const own = { id, memberId: member.id }
      await change(scope, originOf(ctx, member), (transaction) =>
        revokePersonalAccessToken(transaction, own, new Date(clock.now())),
      )
      return { location: doneAt('token-revoked') }
    },
  }
}

/** What isn't theirs to give has no box, and a box made by hand counts for nothing. */
const chosen = (form: Form, most: readonly string[]): Client['scopes'] =>
  form.everything === 'yes' ? 'all' : most.filter((scope) => form[`scope:${scope}`] === 'yes')

/** The newest first; what was revoked opens nothing any more, and isn't listed. */
export async function listTokens(
  database: Database,
  scope: TenantScope,
  memberId: string,
  now: number,
): Promise<AccountToken[]> {
  const rows = await scopeDatabase(database, scope).client.findMany({
    where: { kind: 'personal', memberId, revokedAt: null },
    include: { secrets: true },
    orderBy: { createdAt: 'desc' },
    take: MOST_LISTED,
  })
  return rows.map((row) => ({
    ...{ id: row.id, name: row.name, createdAt: row.createdAt },
    prefixHint: clientIdOf('personal', row.publicId, scope.mode),
    scopes: row.allScopes ? undefined : row.scopes.map(inWords),
    lastUsedAt: row.secrets[0]?.lastUsedAt ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    expired: row.expiresAt !== null && row.expiresAt.getTime() <= now,
  }))
}
