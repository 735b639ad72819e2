import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'

const TYPE = 'application/token-introspection+jwt'

describeDeployment('database', 'introspection as a JWT (RFC 9701)', (open) => {
  let deployment: TestDeployment
  let live: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })

  const ask = (token: string, accept = TYPE, key = deployment.made.live, at = live) =>
    at.form('/oauth/introspect', { token }, { authorization: basic(key), accept })

  async function open_(jwt: string, at = live) {
    const keys = createLocalJWKSet((await at.get('/oauth/jwks')).body)
    const expected = { issuer: at.issuer, audience: deployment.made.live.client_id, typ: 'token-introspection+jwt' }
    return (await jwtVerify(jwt, keys, expected)).payload
  }

  test('§4, §5: asked for by its type it is signed by the mode, for whoever asked', async () => {
    const { access_token } = (await live.token(deployment.made.live, { scope: 'api-keys:read' })).body
    const { status, headers, text } = await ask(access_token).buffer(true)
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, TYPE, 'no-store'])
    const payload = await open_(text)
    expect(payload.token_introspection).toMatchObject({ active: true, scope: 'api-keys:read' })
    expect(payload.iat).toBe(Math.floor(deployment.clock.now() / 1000))
  })

  test('§5: typ is token-introspection+jwt, and there is neither sub nor exp: it is no access token', async () => {
    const { access_token } = (await live.token(deployment.made.live)).body
    const { text } = await ask(access_token).buffer(true)
    expect(decodeProtectedHeader(text).typ).toBe('token-introspection+jwt')
    const payload = await open_(text)
    expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
    expect((await live.introspect(deployment.made.live, text)).body).toEqual({ active: false })
  })

  test('§5: of what is not active it says that, and nothing more [attack 67]', async () => {
    const narrow = { kind: 'standard', name: 'narrow', scopes: ['api-keys:read'] }
    const { body: key } = await live.api('POST', '/v1/api-keys', deployment.made.live.api_key, narrow)
    const { access_token } = (await live.token(deployment.made.live)).body
    for (const [token, by] of [
      ['garbage', deployment.made.live],
      [access_token, key], // it lacks tokens:introspect
    ] as const) {
      const { text } = await ask(token, TYPE, by).buffer(true)
      expect(JSON.parse(Buffer.from(text.split('.')[1] as string, 'base64url').toString())).toMatchObject({
        token_introspection: { active: false },
      })
      expect(text.length).toBeLessThan(500)
    }
  })

  test('whoever takes anything gets JSON', async () => {
    for (const accept of ['*/*', 'application/json', 'application/jwt', 'application/*']) {
      expect((await ask('garbage', accept)).body).toEqual({ active: false })
    }
    const listed = await ask('garbage', `application/json;q=0.5, ${TYPE};q=1`).buffer(true)
    expect(listed.headers['content-type']).toBe(TYPE)
  })

  test("the other mode's key doesn't open it", async () => {
    const { text } = await ask('garbage').buffer(true)
    await expect(open_(text, deployment.nodes[0].at('test'))).rejects.toThrow()
  })
})
