import { Resolver } from 'node:dns/promises'
import type { RequestListener } from 'node:http'
import { base64url } from 'jose'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { many } from '../command/caller.ts'
import { describeDeployment } from '../deployments.ts'
import { nameServer } from '../outbound/name-server.ts'
import { json, origin } from '../outbound/origin.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { SUB, type Trust, trust } from './exchange-trust.ts'

const MB = 1_000_000
const COOL_DOWN = 30_000
const METADATA = '169.254.169.254/latest/meta-data/'

describeDeployment('cluster', "an issuer's keys", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let good: { issuer: TestIssuer; trusted: Trust }

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
    good = await withTrust(await issuerOf())
  })
  const issuerOf = () => createIssuer({ aud: live.issuer, clock: deployment.clock })
  const withTrust = async (issuer: TestIssuer, more: object = {}) => ({
    issuer,
    trusted: await trust(deployment, { issuer: issuer.url, more }),
  })
  const sign = (issuer: TestIssuer) => issuer.sign({ sub: SUB })

  /** Not a 500, and with a time at which to come again; `why` is what an admin is told. */
  async function expectAway(trusted: Trust, token: string, why: string) {
    const { status, body, headers } = await trusted.exchange(token)
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(await trusted.explain(token)).toMatchObject({
      held: false,
      check: 'keys_unavailable',
      got: expect.stringContaining(why),
    })
  }

  /** Bytes of spaces, as fast as they are taken; how many were. */
  function endless(most = Number.POSITIVE_INFINITY) {
    const taken = { bytes: 0, requests: 0 }
    const chunk = Buffer.alloc(64 * 1024, ' ')
    const answer: RequestListener = (_, response) => {
      taken.requests += 1
      const more = () => {
        while (!response.destroyed && taken.bytes < most) {
          taken.bytes += chunk.length
          if (!response.write(chunk)) return
        }
        response.end()
      }
      response.writeHead(200, { 'content-type': 'application/json' }).on('drain', more)
      more()
    }
    return { taken, answer }
  }

  test.each([
    ['a hundred megabytes', 100 * MB],
    ['without an end', Number.POSITIVE_INFINITY],
  ])('that are %s: cut off, once for all who wait, and others notice nothing [attack 52]', async (_, size) => {
    const { taken, answer } = endless(size)
    const { port } = await origin(answer)
    const { issuer, trusted } = await withTrust(await issuerOf(), { jwks_uri: `http://127.0.0.1:${port}/jwks` })
    const token = await sign(issuer)
    const waiting = Array.from({ length: 10 }, () => expectAway(trusted, token, 'jwks_too_large'))
    await good.trusted.expectTaken(await sign(good.issuer))
    await Promise.all(waiting)
    expect(taken.requests).toBe(1)
    // What the sockets between us hold; none of it is kept.
    expect(taken.bytes).toBeLessThan(20 * MB)
  })

  test('that never come: given up after five seconds, and others notice nothing [attack 52]', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    const shortened = vi
      .spyOn(AbortSignal, 'timeout')
      .mockImplementation((milliseconds) => timeout(milliseconds === 5_000 ? 250 : milliseconds))
    onTestFinished(() => shortened.mockRestore())
    const { issuer, trusted } = await withTrust(await issuerOf())
    issuer.misbehave('hang', 'jwks')
    const token = await sign(issuer)
    const waiting = expectAway(trusted, token, 'jwks_timed_out')
    await expect.poll(() => issuer.requests.jwks).toBe(1)
    await good.trusted.expectTaken(await sign(good.issuer))
    await waiting
    expect(shortened).toHaveBeenCalledWith(5_000)
  })

  describe('that are elsewhere', () => {
    test.each([301, 302, 303, 307, 308])(
      'a redirect by %d is not followed, wherever it leads [attack 52]',
      async (status) => {
        const trap = await origin(json(good.issuer.jwks))
        for (const location of [`http://${METADATA}`, `http://127.0.0.1:${trap.port}/`, '//127.0.0.1/', '/jwks']) {
          const { port, requests } = await origin((_, response) => void response.writeHead(status, { location }).end())
          const { issuer, trusted } = await withTrust(await issuerOf(), { jwks_uri: `http://127.0.0.1:${port}/jwks` })
          await expectAway(trusted, await sign(issuer), 'jwks_redirected')
          expect(requests).toHaveLength(1)
        }
        expect(trap.requests).toEqual([])
      },
    )

    test.each([
      [`http://${METADATA}`, 'not_https'],
      [`https://${METADATA}`, 'forbidden_address'],
      ['https://[::ffff:169.254.169.254]/', 'forbidden_address'],
      ['https://0xa9fea9fe/', 'forbidden_address'],
      ['https://10.0.0.1/jwks', 'forbidden_address'],
      ['https://user@127.0.0.1/jwks', 'bad_url'],
      ['file:///etc/passwd', 'not_https'],
    ])('discovery that leads to %s is not followed [attack 52]', async (jwks_uri, why) => {
      const { issuer, trusted } = await withTrust(await issuerOf())
      issuer.publish.discovery.jwks_uri = jwks_uri
      await expectAway(trusted, await sign(issuer), `jwks_${why}`)
    })

    test('a name that leads elsewhere once it was judged: only the judged address is asked [attack 52]', async () => {
      const judged = await origin(json(good.issuer.jwks))
      const trap = await origin(json(good.issuer.jwks), { address: '127.0.0.2', port: judged.port })
      const zone = { a: ['127.0.0.1'], aaaa: [] }
      const { address } = await nameServer(zone)
      const { resolve4 } = Resolver.prototype
      const asked = vi.spyOn(Resolver.prototype, 'resolve4').mockImplementation(async function (this: Resolver, host) {
        this.setServers([address])
        const found = await (resolve4 as (host: string) => Promise<string[]>).call(this, host)
        zone.a.splice(0, 1, '127.0.0.2')
        return found as never
      })
      onTestFinished(() => asked.mockRestore())
      const { issuer, trusted } = await withTrust(good.issuer, { jwks_uri: `http://rebind.test:${judged.port}/jwks` })
      await trusted.expectTaken(await sign(issuer))
      expect([asked.mock.calls.length, judged.requests.length]).toEqual([1, 1])
      const stranger = await (await issuerOf()).sign({ iss: issuer.url, sub: SUB })
      await expectAway(trusted, stranger, 'jwks_not_https')
      expect([asked.mock.calls.length, judged.requests.length, trap.requests.length]).toEqual([2, 1, 0])
    })
  })

  test.each<[string, RequestListener, string]>([
    ['HTML', json('<!doctype html><title>Sign in</title>', { 'content-type': 'text/html' }), 'bad_type'],
    ['HTML that says it is JSON', json('<!doctype html>'), 'malformed'],
    ['a bomb', json(Buffer.alloc(10), { 'content-encoding': 'gzip' }), 'encoded'],
    ['a set of a thousand keys', json({ keys: Array(1000).fill({ kty: 'RSA' }) }), 'invalid'],
    ['an error', (_, response) => void response.writeHead(500).end(), 'bad_status'],
  ])('that are %s [attack 52]', async (_, answer, why) => {
    const { port } = await origin(answer)
    const { issuer, trusted } = await withTrust(await issuerOf(), { jwks_uri: `http://127.0.0.1:${port}/jwks` })
    await expectAway(trusted, await sign(issuer), `jwks_${why}`)
    await good.trusted.expectTaken(await sign(good.issuer))
  })

  test('two of one kid: neither counts [attack 52]', async () => {
    const [{ issuer, trusted }, evil] = [await withTrust(await issuerOf()), await issuerOf()]
    const kid = issuer.jwks.keys[0]?.kid as string
    issuer.jwks.keys.push({ ...evil.jwks.keys[0], kty: 'RSA', kid })
    await trusted.expectRefused(await sign(issuer), '(key)')
    await trusted.expectRefused(await evil.sign({ iss: issuer.url, sub: SUB }, { kid }), '(key)')
  })

  test('a thousand unknown kids: one fetch per cool-down, and known ones are taken throughout [attack 52]', async () => {
    const { issuer, trusted } = await withTrust(await issuerOf())
    await trusted.expectTaken(await sign(issuer))
    const [, body, signature] = (await sign(issuer)).split('.')
    const unknown = (at: number) =>
      `${base64url.encode(JSON.stringify({ alg: 'RS256', kid: `unknown-${at}` }))}.${body}.${signature}`
    const flood = async (count: number) => {
      const answers = await many(count, (at) => trusted.exchange(unknown(at)).then(({ status }) => status))
      expect(answers.filter((status) => status !== 400 && status !== 503)).toEqual([])
    }
    await flood(700)
    expect(issuer.requests).toEqual({ discovery: 1, jwks: 2 })
    for (let cooled = 1; cooled <= 3; cooled++) {
      deployment.clock.advance(COOL_DOWN)
      await Promise.all([flood(100), sign(issuer).then(trusted.expectTaken)])
      expect(issuer.requests.jwks).toBe(2 + cooled)
    }
    await good.trusted.expectTaken(await sign(good.issuer))
  })

  test("that can't be had: known ones are taken for a day, unknown ones are 503 until they can [attack 53]", async () => {
    const { issuer, trusted } = await withTrust(await issuerOf())
    const minutes = (count: number) => deployment.clock.advance(count * 60_000)
    await trusted.expectTaken(await sign(issuer))
    issuer.misbehave('hang up')
    minutes(23 * 60 + 59)
    await trusted.expectTaken(await sign(issuer))
    const [, ...rest] = (await sign(issuer)).split('.')
    const unknown = [base64url.encode('{"alg":"RS256","kid":"unknown"}'), ...rest].join('.')
    await expectAway(trusted, unknown, 'unreachable')
    minutes(1)
    await expectAway(trusted, await sign(issuer), 'unreachable')
    issuer.misbehave(undefined)
    minutes(5)
    await trusted.expectTaken(await sign(issuer))
  })
})
