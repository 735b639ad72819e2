import { base64url, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { ath, createProver, type Prover } from '../oauth/prover.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

type Claims = Record<string, unknown>

/** Where proofs are shown: the token endpoint, and an API with a bound token. */
interface Door {
  readonly name: string
  readonly method: string
  readonly path: string
  show(dpop: string | string[] | undefined): Promise<{ status: number; error: string | undefined }>
}

describeDeployment('cluster', 'a DPoP proof, at the token endpoint and at an API', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let prover: Prover
  let token: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    prover = await createProver(deployment.clock.now)
    const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
    token = (await live.token(deployment.made.live, {}, { dpop })).body.access_token
  })
  const headersOf = (dpop: string | string[] | undefined) => (dpop === undefined ? {} : { dpop }) as { dpop: string }
  const DOORS: readonly Door[] = [
    {
      ...{ name: 'the token endpoint', method: 'POST', path: '/oauth/token' },
      async show(dpop) {
        const { status, body } = await live.token(deployment.made.live, {}, headersOf(dpop))
        return { status, error: body.error }
      },
    },
    {
      ...{ name: 'an API', method: 'GET', path: '/v1/me' },
      async show(dpop) {
        const { status, headers } = await live.get('/v1/me', { authorization: `DPoP ${token}`, ...headersOf(dpop) })
        return { status, error: /^DPoP .*error="(\w+)"/.exec(headers['www-authenticate'] ?? '')?.[1] }
      },
    },
  ]
  const seconds = () => Math.floor(deployment.clock.now() / 1000)

  describe.each(DOORS)('$name', ({ method, path, show }) => {
    const url = () => live.issuer + path
    const usual = () => ({ ath: ath(token) })
    const prove = (claims: Claims = {}, header: object = {}, by = prover) =>
      by.prove(method, url(), { ...usual(), ...claims } as JWTPayload, header)
    const expectRefused = async (dpop: string | string[], error = 'invalid_dpop_proof') => {
      expect(await show(dpop)).toEqual({ status: method === 'POST' ? 400 : 401, error })
    }
    const expectTaken = async (dpop: string) => expect((await show(dpop)).status).toBe(200)

    test.each<[string, Claims, object]>([
      ['another typ', {}, { typ: 'JWT' }],
      ['no typ', {}, { typ: undefined }],
      ['no jwk', {}, { jwk: undefined }],
      ['no jti', { jti: undefined }, {}],
      ['no htm', { htm: undefined }, {}],
      ['no htu', { htu: undefined }, {}],
      ['no iat', { iat: undefined }, {}],
      ['another htm', { htm: 'PUT' }, {}],
      ['an htm in small letters', { htm: 'post' }, {}],
      ['another host as htu', { htu: 'https://other.example/oauth/token' }, {}],
      ['an htu without a host', { htu: '/oauth/token' }, {}],
    ])('%s [attack 61]', async (_, claims, header) => {
      await expectRefused(await prove(claims, header))
      await expectTaken(await prove())
    })

    test('another path, port, scheme or user as htu [attack 61]', async () => {
      const { host, port } = new URL(live.issuer)
      const others = [
        ...[`${url()}/`, url().toUpperCase(), `${live.issuer}/`, live.issuer, `${live.issuer}//${path}`],
        ...[url().replace('http', 'https'), url().replace(port, '1'), url().replace('//', '//me@'), ` ${url()}`],
        ...[url().replace(host, `${host}.evil.example`), url().replace('localhost', '127.0.0.1')],
      ]
      for (const htu of others) await expectRefused(await prove({ htu }))
    })

    test('an iat that is years off: a nonce is asked for [attack 61]', async () => {
      for (const iat of [1, seconds() - 301, seconds() + 301, 1e12]) {
        await expectRefused(await prove({ iat }), 'use_dpop_nonce')
      }
    })

    test('RS256, none, HMAC, no alg at all [attack 61]', async () => {
      const claims = { htm: method, htu: url(), iat: seconds(), ...usual() }
      const rs256 = await createProver(deployment.clock.now, 'RS256')
      await expectRefused(await prove({}, {}, rs256))
      const [, body = '', signature = ''] = (await prove()).split('.')
      for (const alg of ['none', 'None', undefined, 'HS256', ['ES256'], '']) {
        const head = base64url.encode(JSON.stringify({ typ: 'dpop+jwt', alg, jwk: prover.jwk }))
        for (const rest of [`${body}.${signature}`, `${body}.`]) await expectRefused(`${head}.${rest}`)
      }
      const secret = new TextEncoder().encode('a secret of thirty-two characters')
      const jwk = { kty: 'oct', k: base64url.encode(secret) }
      const hmac = new SignJWT({ ...claims, jti: 'h' }).setProtectedHeader({
        alg: 'HS256',
        typ: 'dpop+jwt',
        jwk,
      } as never)
      await expectRefused(await hmac.sign(secret))
    })

    test('a signature of another key, of other claims, or none [attack 61]', async () => {
      const thief = await createProver(deployment.clock.now)
      await expectRefused(await prove({}, { jwk: prover.jwk }, thief))
      const [head, body, signature = ''] = (await prove()).split('.')
      const [, others] = (await prove()).split('.')
      for (const forged of [`${head}.${others}.${signature}`, `${head}.${body}.`, `${head}.${body}`]) {
        await expectRefused(forged)
      }
      await expectRefused(`${head}.${body}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`)
    })

    test('a private key in jwk, whole or in part [attack 61]', async () => {
      const { privateJwk } = prover
      await expectRefused(await prove({}, { jwk: privateJwk }))
      const { privateKey, publicKey } = await generateKeyPair('PS256', { extractable: true })
      const [all, open] = [await exportJWK(privateKey), await exportJWK(publicKey)]
      const payload = { htm: method, htu: url(), iat: seconds(), ...usual() }
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
        const header = { alg: 'PS256', typ: 'dpop+jwt', jwk: { ...open, [member]: all[member] } }
        const proof = new SignJWT({ ...payload, jti: member }).setProtectedHeader(header as never)
        await expectRefused(await proof.sign(privateKey))
      }
    })

    test('two headers, two proofs in one, words around one, nothing in it [attack 61]', async () => {
      const [one, two] = [await prove(), await prove()]
      await expectRefused([one, two])
      for (const dpop of [`${one}, ${two}`, `${one},`, `${one} ${two}`, `"${one}"`, `DPoP ${one}`, 'x', '..']) {
        await expectRefused(dpop)
      }
      await expectTaken(one)
    })

    test('scheme and host in capitals, query and fragment in htu, claims and headers besides: taken [attack 61]', async () => {
      const shouted = url().replace('http://localhost', 'HTTP://LOCALHOST')
      const spelled = [shouted, `${url()}?a=b`, `${url()}#c`, `${shouted}?a=b#c`]
      for (const htu of spelled) await expectTaken(await prove({ htu }))
      await expectTaken(await prove({ more: { than: 'enough' }, sub: 'me', iss: 'me', aud: 'x', nbf: seconds() - 9 }))
      await expectTaken(await prove({}, { kid: 'mine' }))
    })
  })
})
