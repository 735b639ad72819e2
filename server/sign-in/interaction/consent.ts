import type { Change } from '../../audit/change.ts'
import type { Origin } from '../../audit/entry.ts'
import type { Clock } from '../../clock.ts'
import type { App } from '../../credentials/client.ts'
import type { KnownClient } from '../../credentials/client-registry.ts'
import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import type { PendingInteraction } from '../../oauth/authorization/interactions.ts'
import { isOpenIdScope } from '../../oauth/delegated-scope.ts'
import { resolveResource, scopesOfPersonAt } from '../../oauth/resource-indicator.ts'
import { type ConsentedScopes, giveConsent, OPENID } from '../../people/consent.ts'
import type { Member } from '../../people/member.ts'
import { isUniqueViolation } from '../../storage/database.ts'
import type { Resource } from '../../tenancy/tenant.ts'
import { originOf } from '../origin.ts'
import { consentPage } from '../pages/consent.ts'
import { scopeInWords } from '../pages/scope-words.ts'

/** What an app asks for that this person can give. */
export interface Requested {
  readonly openid: readonly string[]
  readonly resource: Resource | undefined
  readonly atResource: readonly string[]
}

/** A consent gives no more than the person has, so no more than that is asked. */
export function requestedOf(
  { known, resource, scopes }: PendingInteraction,
  { role }: Member,
  issuer: string,
): Requested {
  const target = resolveResource(known.tenant, issuer, resource)
  const power = target.ok ? scopesOfPersonAt(target.value, role) : []
  return {
    openid: scopes.filter(isOpenIdScope),
    resource: target.ok ? target.value : undefined,
    atResource: scopes.filter((scope) => power.includes(scope)),
  }
}

export const isNothing = ({ openid, atResource }: Requested): boolean => !openid.length && !atResource.length

interface View {
  readonly mode: Mode
  readonly csrf: string
  readonly steps: string
  readonly pending: PendingInteraction
  readonly member: Member
  readonly requested: Requested
}

export function viewConsent({ mode, csrf, steps, pending, member, requested }: View): string {
  const { client, tenant } = pending.known
  const { openid, resource, atResource } = requested
  return consentPage({
    ...{ mode, csrf, tenant: tenant.name, account: { email: member.email } },
    action: `${steps}/consent`,
    otherAccountAction: `${steps}/other-account`,
    app: {
      name: client.name,
      clientId: client.clientId,
      redirectHost: redirectHost(pending.redirectUri),
      homepage: client.app?.homepage,
      unverified: client.app?.metadataUrl !== undefined,
    },
    openidScopes: openid.map(inWords),
    scopes: resource && atResource.length ? [{ resource, scopes: atResource.map(inWords) }] : [],
    refreshFor: client.app && keptFor(client.app),
  })
}

export const inWords = (name: string) => ({ name, words: scopeInWords(name) })

/** Of a private-use scheme there is no host. */
function redirectHost(uri: string): string {
  const { protocol, host } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:' ? host : protocol.slice(0, -1)
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

const inDays = new Intl.NumberFormat('en-GB')

/** In the largest unit of which it is at least two, as people would say it. */
function spoken(seconds: number): string {
  const [unit, length] = UNITS.find(([, length]) => seconds >= 2 * length) ?? ['second', 1]
  const count = Math.round(seconds / length)
  return `${inDays.format(count)} ${unit}${count === 1 ? '' : 's'}`
}

export function keptFor({ refreshAbsolute, refreshIdle }: Pick<App, 'refreshAbsolute' | 'refreshIdle'>): string {
  const most = `at most ${spoken(refreshAbsolute)}`
  return refreshIdle < refreshAbsolute ? `${most}, or until it isn’t used for ${spoken(refreshIdle)}` : most
}

interface Needs {
  mode: Mode
  change: Change
  clock: Clock
  /** See SignInNeeds. */
  registerClient(known: KnownClient, origin: Origin): Promise<KnownClient>
}

/** Writes down what the person allowed. */
export function createAllow({ mode, change, clock, registerClient }: Needs) {
  return async (
    ctx: RequestContext,
    pending: PendingInteraction,
    member: Member,
    requested: Requested,
  ): Promise<void> => {
    const { client } = await registerClient(pending.known, originOf(ctx, member))
    const scopes: Record<string, readonly string[]> = {}
    if (requested.openid.length) scopes[OPENID] = requested.openid
    if (requested.resource && requested.atResource.length) scopes[requested.resource.identifier] = requested.atResource
    const given = { memberId: member.id, clientRecordId: client.id, scopes: scopes as ConsentedScopes }
    const scope = { tenantId: member.tenantId, mode }
    const give = () =>
      change(scope, originOf(ctx, member), (transaction) =>
        giveConsent(transaction, scope, given, new Date(clock.now())),
      )
    // Two tabs said yes to the same app for the first time: the second finds what the first wrote.
    await give().catch((error) => (isUniqueViolation(error) ? give() : Promise.reject(error)))
  }
}
