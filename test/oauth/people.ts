import { createHash, randomBytes } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { createDigests } from '../../server/credentials/digest.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import {
  issuePersonalAccessToken,
  type NewPersonalAccessToken,
} from '../../server/credentials/personal-access-tokens.ts'
import type { Mode } from '../../server/mode/mode.ts'
import { CODE_LIFETIME, createAuthorizationCodes } from '../../server/oauth/authorization-code.ts'
import { giveConsent } from '../../server/people/consent.ts'
import type { MemberRole } from '../../server/tenancy/scopes.ts'
import type { Caller, TestDeployment } from '../start.ts'
import { changeOf } from '../tenants.ts'

/** What an app needs to know of itself to ask for a person's agreement and to fetch what came of it. */
export interface TestApp {
  readonly id: string
  readonly client_id: string
  readonly client_secret?: string
  readonly redirect_uris: readonly string[]
}

export const REDIRECT_URI = 'https://app.example/callback'

/** An app as an admin makes it. */
export async function createApp(caller: Caller, apiKey: string, fields: object = {}): Promise<TestApp> {
  const body = { name: 'An app', type: 'public', redirect_uris: [REDIRECT_URI], ...fields }
  const { status, body: app } = await caller.api('POST', '/v1/apps', apiKey, body)
  if (status !== 201) throw new Error(`no app: ${status} ${JSON.stringify(app)}`)
  return app
}

export interface Person {
  readonly id: string
  readonly tenantId: string
  readonly email: string
  readonly password: string
}

/** One more member of a tenant: the default one's unless it is named. */
export async function createPerson(
  { storage, clock }: Pick<TestDeployment, 'storage' | 'clock'>,
  { role = 'owner', tenantId }: { role?: MemberRole; tenantId?: string } = {},
): Promise<Person> {
  const { database } = storage
  const tenant = tenantId ?? (await database.tenant.findFirstOrThrow({ where: { name: 'default' } })).id
  const password = randomBytes(12).toString('base64url')
  const person = { id: newRecordId('mem'), tenantId: tenant, email: `${newRecordId('p')}@example.com` }
  const passwordHash = await hash(password)
  await database.member.create({ data: { ...person, passwordHash, role, createdAt: new Date(clock.now()) } })
  return { ...person, password }
}

export interface PersonalToken {
  readonly id: string
  readonly personal_access_token: string
}

/** As the person makes it at their account page; without `scopes` it has whatever they have. */
export async function makePersonalToken(
  deployment: Pick<TestDeployment, 'storage' | 'clock' | 'masterKeys'>,
  { id: memberId, tenantId, email }: Person,
  {
    mode = 'live',
    scopes = 'all',
    name = 'laptop',
    expiresAt = null,
  }: Partial<Omit<NewPersonalAccessToken, 'memberId'>> & { mode?: Mode } = {},
): Promise<PersonalToken> {
  const { clock, masterKeys } = deployment
  const scope = { tenantId, mode }
  const origin = { actor: { type: 'member' as const, id: memberId, name: email } }
  const token = { memberId, name, scopes, expiresAt }
  const issued = await changeOf(deployment)(scope, origin, (transaction) =>
    issuePersonalAccessToken(transaction, scope, createDigests(masterKeys), token, new Date(clock.now())),
  )
  if (!issued) throw new Error('no such member')
  return { id: issued.row.id, personal_access_token: issued.personalAccessToken }
}

export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

export interface Agreed {
  readonly code: string
  readonly code_verifier: string
  readonly redirect_uri: string
}

/** Parameters of an authorization request. */
export type Asked = Readonly<Record<string, string | undefined>>

/** What happened last in a browser. */
export interface Page {
  readonly status: number
  readonly path: string
  readonly text: string
  readonly location: string | undefined
  readonly setCookies: readonly string[]
}

/** A browser without JavaScript: keeps cookies, follows redirects within the issuer, submits the forms that it finds. */
export interface Browser {
  readonly cookies: Map<string, string>
  open(path: string): Promise<Page>
  /** The form whose action ends so, filled in with `fields` besides what is hidden in it. */
  submit(page: Page, action: RegExp, fields?: Record<string, string>): Promise<Page>
  /** From the app's request to the redirect back to it: signs in and agrees where it is asked to. */
  authorize(app: TestApp, asked?: Asked): Promise<URL>
}

export function createBrowser(caller: Caller, person: Pick<Person, 'email' | 'password'>): Browser {
  const cookies = new Map<string, string>()
  const header = () => ({ cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') })

  function keep(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  async function follow(path: string, response: Awaited<ReturnType<Caller['get']>>): Promise<Page> {
    const setCookies = [response.headers['set-cookie'] ?? []].flat()
    keep(setCookies)
    const { location } = response.headers
    const page = { status: response.status, path, text: response.text, location, setCookies }
    if (location === undefined) return page
    const target = new URL(location, caller.issuer)
    return target.origin === caller.issuer ? open(target.pathname + target.search) : page
  }

  const open = async (path: string) => follow(path, await caller.get(path, header()))

  const submit: Browser['submit'] = async (page, action, fields = {}) => {
    const forms = [...page.text.matchAll(/<form[^>]*\baction="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)]
    const [, target = '', inside = ''] = forms.find(([, to = '']) => action.test(unescaped(to))) ?? []
    if (!target) throw new Error(`no form for ${action} at ${page.path} (${page.status}):\n${page.text}`)
    const hidden = [...inside.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
      /name="([^"]*)"/.exec(input)?.[1] ?? '',
      unescaped(/value="([^"]*)"/.exec(input)?.[1] ?? ''),
    ])
    const path = new URL(unescaped(target), caller.issuer).pathname
    const form = { ...Object.fromEntries(hidden), ...fields }
    return follow(path, await caller.form(path, form, { ...header(), origin: caller.issuer }))
  }

  return {
    ...{ cookies, open, submit },
    async authorize(app, asked = {}) {
      const request = { client_id: app.client_id, response_type: 'code', ...asked }
      const query = new URLSearchParams(
        Object.entries(request).filter((entry): entry is [string, string] => !!entry[1]),
      )
      let page = await open(`/oauth/authorize?${query}`)
      if (/name="password"/.test(page.text)) {
        page = await submit(page, /\/password$/, { email: person.email, password: person.password })
      }
      if (/name="decision"/.test(page.text)) page = await submit(page, /\/consent$/, { decision: 'allow' })
      if (!page.location) throw new Error(`no redirect to the app at ${page.path} (${page.status}):\n${page.text}`)
      return new URL(page.location)
    },
  }
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

/** A code of this app for whoever uses the browser, with the verifier that goes with it. */
export async function agree(browser: Browser, app: TestApp, asked: Asked = {}): Promise<Agreed> {
  const verifier = randomBytes(32).toString('base64url')
  const [redirectUri] = app.redirect_uris as [string]
  const pkce = { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' }
  const back = await browser.authorize(app, { redirect_uri: redirectUri, ...pkce, ...asked })
  const code = back.searchParams.get('code')
  if (!code) throw new Error(`no code: ${back.href}`)
  return { code, code_verifier: verifier, redirect_uri: asked.redirect_uri ?? redirectUri }
}

/**
 * A code as the authorization endpoint keeps it when a person has agreed, without the way through the pages
 * (test/oauth/authorization.test.ts and test/sign-in go there).
 */
export async function issueCode(
  deployment: Pick<TestDeployment, 'storage' | 'clock' | 'masterKeys'>,
  person: Person,
  app: TestApp,
  { scope = ['openid', 'api-keys:read', 'api-keys:write'], resource, ...rest }: IssuedCode,
): Promise<Agreed & { readonly consentRef: string; readonly consentId: string }> {
  const { storage, clock, masterKeys } = deployment
  const digests = createDigests(masterKeys)
  const within = { tenantId: person.tenantId, mode: 'live' as const }
  const origin = { actor: { type: 'member' as const, id: person.id, name: person.email } }
  const openid = scope.filter((each) => !each.includes(':'))
  const scopes = { openid, [resource]: scope.filter((each) => each.includes(':')) }
  const given = { memberId: person.id, clientRecordId: app.id, scopes }
  const { ref } = await changeOf(deployment)(within, origin, (transaction) =>
    giveConsent(transaction, within, given, new Date(clock.now())),
  )
  const { epoch } = await storage.database.standing.findUniqueOrThrow({ where: { ref } })
  const { id: consentId } = await storage.database.consent.findUniqueOrThrow({ where: { ref } })
  const code = randomBytes(32).toString('base64url')
  const verifier = randomBytes(32).toString('base64url')
  const [redirectUri] = app.redirect_uris as [string]
  const codes = createAuthorizationCodes({ state: storage.state.live, digests, clock })
  await codes.keep(
    code,
    {
      ...{ clientId: app.client_id, redirectUri, codeChallenge: challengeOf(verifier), memberId: person.id },
      ...{ consentRef: ref, consentEpoch: epoch, scope, resource },
      ...{ authTime: Math.floor(clock.now() / 1000), amr: ['pwd'], ...rest },
    },
    clock.now() + CODE_LIFETIME,
  )
  return { code, code_verifier: verifier, redirect_uri: redirectUri, consentRef: ref, consentId }
}

export interface IssuedCode {
  readonly resource: string
  readonly scope?: readonly string[]
  readonly dpopJkt?: string
  readonly nonce?: string
}
