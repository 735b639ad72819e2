import { randomBytes } from 'node:crypto'
import {
  type Asked,
  type Browser,
  challengeOf,
  createBrowser,
  type Page,
  type Person,
  type TestApp,
} from '../oauth/people.ts'
import type { Caller, TestDeployment } from '../start.ts'

/** An app's request as its query. */
export const requestOf = (app: TestApp, asked: Asked = {}): string => {
  const pkce = { code_challenge: challengeOf(randomBytes(32).toString('base64url')), code_challenge_method: 'S256' }
  const request = {
    client_id: app.client_id,
    response_type: 'code',
    redirect_uri: app.redirect_uris[0],
    ...pkce,
    ...asked,
  }
  const given = Object.entries(request).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/oauth/authorize?${new URLSearchParams(given)}`
}

export interface Visitor extends Browser {
  /** At the sign-in page of an app. */
  at(app: TestApp, asked?: Asked): Promise<Page>
  password(page: Page, password?: string, email?: string): Promise<Page>
  /** A form as somebody writes it by hand. */
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Page>
  /** Signed in at the account page. */
  account(): Promise<Page>
}

/** A person with a fresh browser. */
export function visit(caller: Caller, person: Pick<Person, 'email' | 'password'>): Visitor {
  const browser = createBrowser(caller, person)
  const password: Visitor['password'] = (page, password = person.password, email = person.email) =>
    browser.submit(page, /\/password$/, { email, password })
  return {
    ...browser,
    password,
    at: (app, asked) => browser.open(requestOf(app, asked)),
    account: async () => password(await browser.open('/account')),
    async post(path, form, headers = {}) {
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const { status, text, headers: answer } = await caller.form(path, form, { cookie, ...headers })
      const setCookies = [answer['set-cookie'] ?? []].flat() as string[]
      return { status, path, text, location: answer.location, setCookies }
    },
  }
}

/** What a page's forms send back unseen. */
export const csrfOf = ({ text }: Page): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''

export const codeIn = ({ location }: Page): string | null => new URL(location ?? 'none:').searchParams.get('code')
export const errorIn = ({ location }: Page): string | null => new URL(location ?? 'none:').searchParams.get('error')

/** What was audited of somebody, oldest first. */
export async function auditedOf({ storage }: Pick<TestDeployment, 'storage'>, person: Person, action: string) {
  const aboutThem = { OR: [{ actorId: person.id }, { targetId: person.id }] }
  const where = { tenantId: person.tenantId, action, ...aboutThem }
  return storage.database.auditEntry.findMany({ where, orderBy: { seq: 'asc' } })
}
