import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { agree, type Browser, type TestApp } from '../oauth/people.ts'
import { createProver } from '../oauth/prover.ts'
import { basic, type Caller } from './caller.ts'
import {
  authorizationPath,
  authorizationRequest,
  beginFamily,
  browserAt,
  createAppAt,
  redeem,
  refresh,
  tokenOf,
} from './person.ts'

/** By what it is, since a failure must not print it. */
export type Credentials = Record<string, string>

interface Place {
  readonly caller: Caller
  readonly issuer: string
  readonly made: Bootstrap
}

/** Uses every credential that people and their apps have, well and badly; all of them, dead or alive. */
export async function useCredentialsOfPeople(place: Place): Promise<Credentials> {
  const { caller, issuer, made } = place
  const app = await createAppAt(caller, made.live.api_key, { refresh_retry_window: 300 })
  const browser = browserAt(caller, issuer, made.owner)
  return {
    password: made.owner.password,
    ...(await mistypePassword(place, app)),
    ...(await useCodes(place, browser, app)),
    ...(await rotate(place, browser, app)),
    ...(await push(place, browser, app)),
    ...(await authenticateApps(place, browser)),
    ...(await prove(place, browser)),
    ...cookiesOf('signed in', browser),
  }
}

function cookiesOf(of: string, { cookies }: Browser): Credentials {
  const named = [...cookies].map(([name, value]) => [`cookie ${name} (${of})`, value])
  return Object.fromEntries(named)
}

async function mistypePassword({ caller, issuer, made }: Place, app: TestApp): Promise<Credentials> {
  const mistyped = randomBytes(12).toString('base64url')
  const browser = browserAt(caller, issuer, made.owner)
  const page = await browser.open(authorizationPath(app, 'v'.repeat(43)))
  const refused = await browser.submit(page, /\/password$/, { email: made.owner.email, password: mistyped })
  if (refused.location) throw new Error('the wrong password was taken')
  await browser.open(`/oauth/interaction/${mistyped}`)
  return { mistyped, ...cookiesOf('at the sign-in page', browser) }
}

/** One redeemed twice, one never, one with a wrong verifier. */
async function useCodes({ caller }: Place, browser: Browser, app: TestApp): Promise<Credentials> {
  const [twice, never, wrongly] = [await agree(browser, app), await agree(browser, app), await agree(browser, app)]
  const { json } = await redeem(caller, app, twice)
  await redeem(caller, app, twice)
  const wrong = randomBytes(32).toString('base64url')
  await redeem(caller, app, { ...wrongly, code_verifier: wrong })
  await caller.send('GET', `/oauth/authorize?code=${never.code}&code_verifier=${never.code_verifier}`)
  return {
    ...{ 'redeemed code': twice.code, 'open code': never.code, 'mistaken code': wrongly.code },
    ...{ verifier: twice.code_verifier, 'wrong verifier': wrong, 'verifier in a query': never.code_verifier },
    ...{ 'access token of a reused code': json.access_token, 'refresh token of a reused code': json.refresh_token },
  }
}

/** Three generations, the last of them fetched twice; and a family that theft ended. */
async function rotate({ caller, issuer, made }: Place, browser: Browser, app: TestApp): Promise<Credentials> {
  const first = await beginFamily(caller, browser, app, { scope: 'openid api-keys:read' })
  const second = (await refresh(caller, app, first.refresh_token)).json
  const third = (await refresh(caller, app, second.refresh_token)).json
  const again = (await refresh(caller, app, second.refresh_token)).json
  if (again.refresh_token !== third.refresh_token) throw new Error('no retry')
  const stolen = await beginFamily(caller, browser, app)
  const newest = (await refresh(caller, app, (await refresh(caller, app, stolen.refresh_token)).json.refresh_token))
    .json
  await refresh(caller, app, stolen.refresh_token)
  for (const token of [first.refresh_token, third.refresh_token, third.access_token, newest.access_token]) {
    await caller.introspect(made.live, token)
    await caller.api('GET', '/oauth/userinfo', token)
    await caller.send('GET', `/v1/me?access_token=${token}`, { headers: { 'x-api-key': token } })
  }
  await browser.open(`/oauth/logout?${new URLSearchParams({ id_token_hint: third.id_token, state: issuer })}`)
  return {
    ...{ 'refresh token 1': first.refresh_token, 'refresh token 2': second.refresh_token },
    ...{ 'refresh token 3': third.refresh_token, 'access token 1': first.access_token, 'ID token': third.id_token },
    ...{ 'access token 2': second.access_token, 'access token 3': third.access_token, retried: again.access_token },
    ...{ 'stolen refresh token': stolen.refresh_token, 'newest of a dead family': newest.refresh_token },
  }
}

/** A pushed request that waits, one that a browser is at, and one that became a code. */
async function push({ caller, issuer, made }: Place, browser: Browser, app: TestApp): Promise<Credentials> {
  const pushed = async () => {
    const { json } = await caller.send('POST', '/oauth/par', { form: authorizationRequest(app, 'v'.repeat(43)) })
    return json.request_uri as string
  }
  const open = (at: Browser, request_uri: string) =>
    at.open(`/oauth/authorize?${new URLSearchParams({ client_id: app.client_id, request_uri })}`)
  const [waiting, pending, used] = [await pushed(), await pushed(), await pushed()]
  const newcomer = browserAt(caller, issuer, made.owner)
  await open(newcomer, pending)
  const { location } = await open(browser, used)
  const secretOf = (uri: string) => uri.slice(uri.lastIndexOf(':') + 1)
  return {
    ...{ 'waiting request_uri': secretOf(waiting), 'pending request_uri': secretOf(pending) },
    ...{ 'used request_uri': secretOf(used), 'code of it': new URL(location as string).searchParams.get('code') ?? '' },
    ...cookiesOf('at a pushed request', newcomer),
  }
}

/** By a secret, a wrong one, a signed assertion, and the same again. */
async function authenticateApps({ caller, issuer, made }: Place, browser: Browser): Promise<Credentials> {
  const { api_key } = made.live
  const withSecret = await createAppAt(caller, api_key, { type: 'confidential' })
  const { client_secret } = withSecret as { client_secret: string }
  const tokens = await beginFamily(caller, browser, withSecret)
  const pair = { client_id: withSecret.client_id, client_secret }
  const { refresh_token } = tokens
  await caller.send('POST', '/oauth/token', {
    form: { grant_type: 'refresh_token', refresh_token },
    headers: basic(pair),
  })
  const wrong = `${client_secret.slice(0, 20)}${randomBytes(18).toString('hex')}`
  await caller.token({ ...pair, client_secret: wrong })

  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
  const withKey = await createAppAt(caller, api_key, { type: 'confidential', jwks })
  const client_assertion = await new SignJWT({ jti: randomBytes(16).toString('hex') })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(withKey.client_id)
    .setSubject(withKey.client_id)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const code = await agree(browser, withKey)
  const form = { grant_type: 'authorization_code', client_assertion, client_assertion_type, ...code }
  const answers = [await tokenOf(caller, withKey, form), await tokenOf(caller, withKey, form)]
  if (answers.map(({ status }) => status).join() !== '200,401') throw new Error('the assertion was not used as meant')
  return { 'app secret': client_secret, 'wrong app secret': wrong, 'client assertion': client_assertion }
}

/** A bound family; the proof again, and another that is too old. */
async function prove({ caller, issuer, made }: Place, browser: Browser): Promise<Credentials> {
  const app = await createAppAt(caller, made.live.api_key, { require_dpop: true })
  const prover = await createProver(Date.now)
  const dpop = await prover.prove('POST', `${issuer}/oauth/token`)
  const old = await prover.prove('POST', `${issuer}/oauth/token`, { iat: 1 })
  const code = { grant_type: 'authorization_code', client_id: app.client_id, ...(await agree(browser, app)) }
  const use = (proof: string) => caller.send('POST', '/oauth/token', { form: code, headers: { dpop: proof } })
  await use(old)
  const { json } = await use(dpop)
  await use(dpop)
  return {
    'DPoP proof': dpop,
    'old DPoP proof': old,
    'bound token': json.access_token,
    'its successor': json.refresh_token,
  }
}
