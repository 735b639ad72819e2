import type { Claims } from '../model.ts'
import { AKS_ISSUER, KUBERNETES_CLAIMS, KUBERNETES_PINS } from './kubernetes-claims.ts'
import { deniedPresence, exactly, type IssuerForm, type Pin, type Preset } from './preset.ts'

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const V1 = new RegExp(`^https://sts\\.windows\\.net/(${GUID})/$`)
const V2 = new RegExp(`^https://login\\.microsoftonline\\.com/(${GUID})/v2\\.0$`)

const IDENTITY: Pin = {
  anyOf: [exactly('oid'), exactly('appid'), exactly('azp'), exactly('sub')],
  words: 'the managed identity: oid, its object id, or appid (v1) or azp (v2), its client id',
}

const entra = (form: string, pattern: RegExp, words: string): IssuerForm => ({
  ...{ form, pattern, words, shared: false },
  pins: [IDENTITY],
  advised: [],
})

function isOfAnotherTenant({ iss, tid }: Claims): boolean {
  const issuer = typeof iss === 'string' ? iss : ''
  const [, tenant] = V1.exec(issuer) ?? V2.exec(issuer) ?? []
  return tenant !== undefined && tid !== undefined && tid !== tenant
}

export const azure: Preset = {
  platform: 'azure',
  title: 'Microsoft Azure',
  summary: 'A managed identity gets a token for an app registration of your tenant: its id is the audience to allow.',
  issuers: [
    entra(
      'https://sts.windows.net/<tenant id>/',
      V1,
      'Version 1, as managed identities get it; the slash belongs to it',
    ),
    entra('https://login.microsoftonline.com/<tenant id>/v2.0', V2, 'Version 2'),
    {
      form: 'https://<region>.oic.prod-aks.azure.com/<tenant id>/<cluster id>/',
      pattern: AKS_ISSUER,
      shared: false,
      words: 'A cluster of AKS; the slash belongs to it',
      pins: KUBERNETES_PINS,
      advised: [],
    },
  ],
  hosts: /^(?:sts\.windows\.net|login\.microsoftonline\.com)$/,
  algorithms: ['RS256'],
  maxLifetime: 100_800,
  maxAge: 100_800,
  singleUse: false,
  capToSubjectExp: true,
  claims: [
    { claim: 'oid', trust: 'id', words: 'The object id of the managed identity.' },
    { claim: 'tid', trust: 'id', words: 'The tenant. The issuer names it too, and both must be the same.' },
    { claim: 'appid', trust: 'id', words: 'The client id of the managed identity, version 1.' },
    { claim: 'azp', trust: 'id', words: 'The client id of the managed identity, version 2.' },
    { claim: 'sub', trust: 'steady', words: 'The object id, where nobody but the app itself acts.' },
    { claim: 'roles', trust: 'steady', words: 'App roles that the admin of the tenant gave.', list: true },
    { claim: 'xms_mirid', trust: 'name', words: 'A path of names, each of which can be given again.' },
    { claim: 'upn', trust: 'name', words: 'A person: not a workload.' },
    { claim: 'preferred_username', trust: 'name', words: 'A person: not a workload.' },
    ...KUBERNETES_CLAIMS.filter(({ claim }) => claim !== 'sub'),
  ],
  denials: [
    deniedPresence('scp', 'a token with scp is of a person who is signed in, not of a workload'),
    {
      claim: 'tid',
      words: 'the token is of another tenant than its issuer',
      expected: 'the tenant of the issuer',
      applies: isOfAnotherTenant,
    },
    {
      claim: 'idtyp',
      words: 'the token is of a person, not of a workload',
      expected: 'app',
      applies: ({ idtyp }) => idtyp !== undefined && idtyp !== 'app',
    },
  ],
  discoveryUrl(issuer) {
    const [, tenant] = V1.exec(issuer) ?? []
    return tenant && `https://login.microsoftonline.com/${tenant}/.well-known/openid-configuration`
  },
}
