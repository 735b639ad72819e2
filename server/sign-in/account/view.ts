import type { Clock } from '../../clock.ts'
import type { RequestContext } from '../../http/context.ts'
import { resourcesOf } from '../../oauth/resource-indicator.ts'
import { type ConsentedScopes, OPENID } from '../../people/consent.ts'
import { MOST_PASSKEYS, type Passkeys } from '../../people/passkey.ts'
import type { SignInSessions } from '../../people/sign-in-session.ts'
import type { Database } from '../../storage/database.ts'
import { scopeDatabase, type TenantScope } from '../../tenancy/scoped-database.ts'
import { loadTenant, type Tenant } from '../../tenancy/tenant.ts'
import { answerPage } from '../http/answer.ts'
import type { Csrf } from '../http/csrf.ts'
import { inWords } from '../interaction/consent.ts'
import type { AccountConsent } from '../pages/account/consents.ts'
import { accountPage } from '../pages/account/page.ts'
import type { AccountSession } from '../pages/account/sessions.ts'
import type { WebAuthn } from '../webauthn.ts'
import type { Done } from './action.ts'
import { ACTIONS, NOTICES, SIGN_IN_AGAIN } from './paths.ts'
import { listTokens, tokenScopesOf } from './personal-access-tokens.ts'
import type { AtAccount } from './signed-in.ts'

interface Needs {
  issuer: string
  database: Database
  signInSessions: Pick<SignInSessions, 'ofMember' | 'idOf'>
  passkeys: Passkeys
  webauthn: WebAuthn
  csrf: Csrf
  clock: Clock
}

/** What came of an action, where it isn't said by going elsewhere. */
type Shown = Exclude<Done, { readonly location: string }> | Record<never, never>

export type ShowAccount = (ctx: RequestContext, account: AtAccount, done?: Shown) => Promise<void>

/** A registration is for this person in this session. */
export const registrationOf = ({ member, session }: AtAccount): string => `register|${session.cookie}|${member.id}`

/** The account page with everything on it. */
export function createShowAccount(needs: Needs): ShowAccount {
  const { issuer, database, passkeys, webauthn, csrf, clock } = needs

  return async (ctx, account, done = {}) => {
    const error = 'error' in done ? done.error : undefined
    const { member, session, scope, isRecent } = account
    const [tenant, own, sessions] = await Promise.all([
      loadTenant(database, scope.mode, scope.tenantId),
      passkeys.ofMember(member.id),
      listSessions(needs, account),
    ])
    if (!tenant) throw new Error('a member of no tenant')
    const isMore = isRecent && own.length < MOST_PASSKEYS
    const page = accountPage({
      ...{
        mode: scope.mode,
        csrf: csrf.token({ purpose: 'account', value: session.cookie }),
        actions: ACTIONS,
        sessions,
      },
      account: { email: member.email, role: member.role, tenant: tenant.name },
      consents: await listConsents(database, issuer, tenant, scope, member.id),
      passkeys: own,
      tokens: await listTokens(database, scope, member.id, clock.now()),
      tokenScopes: tokenScopesOf(tenant, issuer, member).map(inWords),
      madeToken: 'madeToken' in done ? done.madeToken : undefined,
      passkeyRequired: member.requirePasskey,
      registrationOptions: isMore
        ? await webauthn.registrationOptions(member, own, registrationOf(account))
        : undefined,
      signInAgainHref: isRecent ? undefined : SIGN_IN_AGAIN,
      notice: error === undefined ? noticeOf(ctx.query.done) : undefined,
      error,
    })
    answerPage(ctx, page, { status: error === undefined ? 200 : 400 })
  }
}

const noticeOf = (done: unknown): string | undefined =>
  typeof done === 'string' && Object.hasOwn(NOTICES, done) ? NOTICES[done as keyof typeof NOTICES] : undefined

async function listSessions({ signInSessions }: Needs, { member, session }: AtAccount): Promise<AccountSession[]> {
  const [rows, here] = await Promise.all([signInSessions.ofMember(member.id), signInSessions.idOf(session.cookie)])
  return rows.map(({ id, ip = 'unknown address', userAgent = '', createdAt, lastSeenAt }) => ({
    ...{ id, ip, userAgent, lastSeenAt },
    ...{ current: id === here, startedAt: createdAt },
  }))
}

/** What a revoked app was allowed opens nothing any more, so it isn't listed. */
async function listConsents(
  database: Database,
  issuer: string,
  tenant: Tenant,
  scope: TenantScope,
  memberId: string,
): Promise<AccountConsent[]> {
  const scoped = scopeDatabase(database, scope)
  const where = { memberId, withdrawnAt: null }
  const rows = await scoped.consent.findMany({ where, orderBy: { createdAt: 'desc' } })
  const ids = rows.map(({ clientId }) => clientId)
  const apps = await scoped.client.findMany({
    where: { id: { in: ids }, revokedAt: null },
    select: { id: true, name: true },
  })
  const appOf = new Map(apps.map(({ id, name }) => [id, { name }]))
  const resources = new Map(resourcesOf(tenant, issuer).map(({ identifier, name }) => [identifier, name]))
  return rows.flatMap(({ id, clientId, scopes, createdAt }) => {
    const app = appOf.get(clientId)
    const allowed = Object.entries(scopes as ConsentedScopes).map(([identifier, names]) => ({
      resource: identifier === OPENID ? undefined : { name: resources.get(identifier) ?? identifier },
      scopes: names.map(inWords),
    }))
    return app ? [{ id, app, scopes: allowed, grantedAt: createdAt }] : []
  })
}
