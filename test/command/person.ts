import {
  type Asked,
  agree,
  type Browser,
  challengeOf,
  createBrowser,
  REDIRECT_URI,
  type TestApp,
} from '../oauth/people.ts'
import type { Answer, Caller } from './caller.ts'

type Owner = Parameters<typeof createBrowser>[1]

/** A browser at one process: what it needs of a caller is the same here as within a test's own process. */
export function browserAt(caller: Caller, issuer: string, owner: Owner): Browser {
  const asked = {
    issuer,
    get: (path: string, headers: Record<string, string> = {}) => caller.send('GET', path, { headers }),
    form: (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
      caller.send('POST', path, { form, headers }),
  }
  return createBrowser(asked as unknown as Parameters<typeof createBrowser>[0], owner)
}

export async function createAppAt(caller: Caller, apiKey: string, fields: object = {}): Promise<TestApp> {
  const body = { name: 'An app', type: 'public', redirect_uris: [REDIRECT_URI], ...fields }
  const { status, text, json } = await caller.api('POST', '/v1/apps', apiKey, body)
  if (status !== 201) throw new Error(`no app: ${status} ${text}`)
  return json
}

/** An authorization request of an app. */
export const authorizationRequest = (app: TestApp, verifier: string, asked: Asked = {}): Record<string, string> => ({
  ...{ client_id: app.client_id, response_type: 'code', redirect_uri: REDIRECT_URI, state: 's' },
  ...{ code_challenge: challengeOf(verifier), code_challenge_method: 'S256', ...(asked as Record<string, string>) },
})

/** As a browser opens it. */
export const authorizationPath = (...request: Parameters<typeof authorizationRequest>): string =>
  `/oauth/authorize?${new URLSearchParams(authorizationRequest(...request))}`

/** What the app sends to the token endpoint; a confidential one with its secret. */
export const tokenOf = (caller: Caller, { client_id, client_secret }: TestApp, form: object): Promise<Answer> =>
  caller.send('POST', '/oauth/token', { form: { client_id, ...(client_secret && { client_secret }), ...form } })

export const refresh = (caller: Caller, app: TestApp, refresh_token: string): Promise<Answer> =>
  tokenOf(caller, app, { grant_type: 'refresh_token', refresh_token })

export const redeem = (caller: Caller, app: TestApp, code: object): Promise<Answer> =>
  tokenOf(caller, app, { grant_type: 'authorization_code', ...code })

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** A family of its own, of whoever uses the browser. */
export async function beginFamily(caller: Caller, browser: Browser, app: TestApp, asked: Asked = {}): Promise<Tokens> {
  const { status, text, json } = await redeem(caller, app, await agree(browser, app, asked))
  if (status !== 200) throw new Error(`no tokens: ${status} ${text}`)
  return json
}
