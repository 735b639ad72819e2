import type Provider from 'oidc-provider'
import type { Account, Grant, KoaContextWithOIDC } from 'oidc-provider'
import { type Consents, OPENID } from '../../people/consent.ts'
import type { Members } from '../../people/member.ts'
import { resourcesOf, scopesOfPersonAt } from '../resource-indicator.ts'
import type { NamedClients } from './provider-client.ts'

interface Needs {
  issuer: string
  members: Pick<Members, 'find'>
  consents: Pick<Consents, 'between'>
}

/** A person, if they are the app's tenant's: to the apps of all others they don't exist. */
export const createFindAccount =
  ({ members }: Needs, clients: NamedClients) =>
  async (ctx: KoaContextWithOIDC, sub: string): Promise<Account | undefined> => {
    const member = await members.find(sub)
    if (!member) return undefined
    const { client } = ctx.oidc
    if (client && clients.knownOf(client).tenant.id !== member.tenantId) return undefined
    return { accountId: sub, claims: () => ({ sub, email: member.email }) }
  }

/** What the person allowed this app before, as oidc-provider's Grant: named by the consent, and never stored. */
export const createLoadExistingGrant =
  ({ issuer, members, consents }: Needs, clients: NamedClients) =>
  async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { client, account, provider } = ctx.oidc
    if (!client || !account) return undefined
    const { client: ours, tenant } = clients.knownOf(client)
    const consent = await consents.between(account.accountId, ours.id)
    const member = consent && (await members.find(account.accountId))
    if (!consent || !member) return undefined
    const grant = new (provider as Provider).Grant({ accountId: account.accountId, clientId: client.clientId })
    grant.jti = consent.ref
    const openid = consent.scopes[OPENID]
    if (openid?.length) grant.addOIDCScope(openid.join(' '))
    for (const resource of resourcesOf(tenant, issuer)) {
      const power = scopesOfPersonAt(resource, member.role)
      const allowed = (consent.scopes[resource.identifier] ?? []).filter((scope) => power.includes(scope))
      if (allowed.length) grant.addResourceScope(resource.identifier, allowed.join(' '))
      // What the person hasn't got isn't asked for again and again; it just isn't given.
      const beyond = resource.scopes.filter((scope) => !power.includes(scope))
      if (beyond.length) grant.rejectResourceScope(resource.identifier, beyond.join(' '))
    }
    return grant
  }
