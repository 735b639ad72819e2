import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newStandardKey } from '../../server/credentials/format.ts'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'

interface ScannerKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly pem: string
}

function scannerKey(id: string, namedCurve = 'P-256'): ScannerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  return { id, privateKey, pem: publicKey.export({ type: 'spki', format: 'pem' }) as string }
}

/** What GitHub answers at /meta/public_keys/secret_scanning. */
async function startKeyServer() {
  const state = { keys: [] as ScannerKey[], fetches: 0, isUp: true }
  const server = createServer((_, response) => {
    state.fetches++
    if (!state.isUp) return void response.writeHead(503).end()
    const public_keys = state.keys.map(({ id, pem }) => ({ key_identifier: id, key: pem, is_current: true }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ public_keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close().closeAllConnections())
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { state, host, url: new URL(`http://${host}/meta/public_keys/secret_scanning`) }
}

type KeyServer = Awaited<ReturnType<typeof startKeyServer>>

const FILE = 'https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt'
const HOUR = 3600_000

describeDeployment('cluster', 'POST /oauth/leaked/github', (open) => {
  let deployment: TestDeployment
  let server: KeyServer
  let tenant: TestTenant
  let key: ScannerKey

  beforeAll(async () => {
    server = await startKeyServer()
    key = scannerKey('first')
    server.state.keys = [key]
    const options = { outboundAllow: [server.host], secretScanningKeysUrl: server.url }
    deployment = await startDeployment(open, options)
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    server.state.keys = [key]
    server.state.isUp = true
  })

  const at = (node: 0 | 1 = 0, mode: 'live' | 'test' = 'live') => deployment.nodes[node].at(mode)
  const signature = (body: string, { privateKey }: ScannerKey) =>
    sign('sha256', Buffer.from(body), privateKey).toString('base64')
  const post = (body: string, headers: Record<string, string>, mode: 'live' | 'test' = 'live') =>
    at(0, mode).form('/oauth/leaked/github', body, { 'content-type': 'application/json', ...headers })
  const signedBy = (by: ScannerKey, body: string) => ({
    'Github-Public-Key-Identifier': by.id,
    'Github-Public-Key-Signature': signature(body, by),
  })
  const report = (matches: unknown, by = key, mode: 'live' | 'test' = 'live') => {
    const body = typeof matches === 'string' ? matches : JSON.stringify(matches)
    return post(body, signedBy(by, body), mode)
  }
  const match = (token: string, more: object = {}) => ({
    token,
    type: 'keycourt_key',
    url: FILE,
    source: 'content',
    ...more,
  })
  const feedback = (token: string, label: string) => ({
    token_hash: createHash('sha256').update(token).digest('hex'),
    token_type: 'keycourt_key',
    label,
  })
  const isGood = async () => (await at(1).token(tenant.keys.live)).status === 200
  const entries = () =>
    deployment.storage.database.auditEntry.findMany({ where: { tenantId: tenant.id, action: 'credential.leaked' } })

  test('kills what it names, says what was real, and the log has where it was found [attack 84]', async () => {
    const token = tenant.keys.live.api_key
    const nobodys = newStandardKey('live', 'abcdefgh2345')
    const { status, body, text } = await report([match(nobodys), match(token), match('hunter2')])
    expect([status, body]).toEqual([
      200,
      [feedback(nobodys, 'false_positive'), feedback(token, 'true_positive'), feedback('hunter2', 'false_positive')],
    ])
    expect(text).not.toContain(token)
    expect(await isGood()).toBe(false)
    const details = { kind: 'api_key', reported_by: 'github', url: FILE, source: 'content', sandbox: false }
    expect(await entries()).toMatchObject([{ actorType: 'anonymous', mode: 'live', details }])
  })

  test('a second report of the same is the same, and changes nothing [attack 84]', async () => {
    const token = tenant.keys.live.api_key
    const first = await report([match(token), match(token)])
    expect(first.body).toEqual([feedback(token, 'true_positive'), feedback(token, 'true_positive')])
    expect((await report([match(token)])).body).toEqual([feedback(token, 'true_positive')])
    expect(await entries()).toHaveLength(1)
  })

  test('one that is malformed keeps none of the others alive', async () => {
    const token = tenant.keys.live.api_key
    const { body } = await report([null, 7, {}, { token: 5 }, [], { token: 'x'.repeat(5000), type: 'a' }, match(token)])
    expect(body).toEqual([feedback(token, 'true_positive')])
    expect(await isGood()).toBe(false)
  })

  test('what is of the other mode is left out, and nothing happens to it', async () => {
    const { status, body } = await report([match(tenant.keys.test.api_key)])
    expect([status, body]).toEqual([200, []])
    expect((await at(1, 'test').token(tenant.keys.test)).status).toBe(200)
    const there = await report([match(tenant.keys.test.api_key)], key, 'test')
    expect(there.body).toEqual([feedback(tenant.keys.test.api_key, 'true_positive')])
  })

  test.each([
    ['as it is', (token: string) => token],
    ['percent-encoded', (token: string) => token.replaceAll('_', '%5F')],
    ['percent-encoded twice', (token: string) => token.replaceAll('_', '%255f')],
    ['with a stray percent sign', (token: string) => `100%/${token.replaceAll('_', '%5F')}`],
    ['to the letter', (token: string) => Buffer.from(token).toString('hex').replace(/../g, '%$&')],
  ])('an address that holds a credential, %s, is scrubbed before it is kept', async (_, written) => {
    const token = (await at(0).token(tenant.keys.live)).body.access_token
    const url = `https://github.com/x?key=${written(token)}`
    await report([match(token, { url, source: 'x'.repeat(5000) })])
    const [entry] = await entries()
    const text = JSON.stringify(entry)
    expect(text).toContain('https://github.com/x?key=')
    for (const part of [token, written(token)]) expect(text).not.toContain(part.slice(-30))
    expect(text.length).toBeLessThan(3000)
  })

  describe('nothing is done', () => {
    const body = () => JSON.stringify([match(tenant.keys.live.api_key)])
    const cases: [string, number, () => PromiseLike<{ status: number }>][] = [
      ['without a signature', 401, () => post(body(), {})],
      ['without its key', 401, () => post(body(), { 'Github-Public-Key-Signature': signature(body(), key) })],
      ['for an altered body', 401, () => post(`${body()} `, signedBy(key, body()))],
      [
        'for a signature that is none',
        401,
        () => post(body(), { ...signedBy(key, body()), 'Github-Public-Key-Signature': 'x' }),
      ],
      ['for another’s key under a known name', 401, () => report(body(), { ...scannerKey('first') })],
      ['for a key that the scanner doesn’t have', 401, () => report(body(), scannerKey('stranger'))],
    ]
    test.each(cases)('%s [attack 84]', async (_, status, send) => {
      expect((await send()).status).toBe(status)
      expect(await isGood()).toBe(true)
      expect(await entries()).toEqual([])
    })

    test.each([
      ['no array', 422, '{"token":"a"}'],
      ['no JSON', 422, '[{'],
      ['too many', 422, JSON.stringify(Array(1001).fill({}))],
      [
        'ten thousand tokens',
        422,
        JSON.stringify(Array.from({ length: 10_000 }, () => newStandardKey('live', 'abcdefgh2345'))),
      ],
      ['too large', 413, JSON.stringify(['x'.repeat(1024 * 1024)])],
    ])('for what is %s, signed or not [attack 84]', async (_, status, text) => {
      expect((await report(text)).status).toBe(status)
    })
  })

  test('a new key is fetched when it signs, at most once a minute; one that is withdrawn is a stranger’s', async () => {
    deployment.clock.advance(HOUR)
    const next = scannerKey('second')
    server.state.keys = [next]
    const { fetches } = server.state
    expect((await report([], next)).status).toBe(200)
    expect((await report([])).status).toBe(401)
    for (let count = 0; count < 5; count++) expect((await report([], scannerKey('made up'))).status).toBe(401)
    expect(server.state.fetches).toBe(fetches + 1)
    deployment.clock.advance(61_000)
    server.state.keys = [next, key]
    expect((await report([])).status).toBe(200)
    expect(server.state.fetches).toBe(fetches + 2)
  })

  test('while the keys can’t be fetched, those that are known are good', async () => {
    expect((await report([])).status).toBe(200)
    server.state.isUp = false
    deployment.clock.advance(48 * HOUR)
    expect((await report([])).status).toBe(200)
    expect((await report([], scannerKey('second'))).status).toBe(401)
  })

  test('a key on another curve is no key', async () => {
    deployment.clock.advance(HOUR)
    const other = scannerKey('P-384', 'P-384')
    server.state.keys = [other, key]
    expect((await report([], other)).status).toBe(401)
    expect((await report([])).status).toBe(200)
  })
})

describeDeployment('database', 'POST /oauth/leaked/github without keys', (open) => {
  test('an address inside the network is not asked: 503, and nothing is done', async () => {
    const server = await startKeyServer()
    const key = scannerKey('first')
    server.state.keys = [key]
    const deployment = await startDeployment(open, { secretScanningKeysUrl: server.url })
    const body = JSON.stringify([{ token: deployment.made.live.api_key, type: 'a' }])
    const answer = await deployment.nodes[0].at('live').form('/oauth/leaked/github', body, {
      ...{ 'content-type': 'application/json', 'Github-Public-Key-Identifier': key.id },
      'Github-Public-Key-Signature': sign('sha256', Buffer.from(body), key.privateKey).toString('base64'),
    })
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(answer.headers['retry-after']).toBe('60')
    expect(server.state.fetches).toBe(0)
    expect((await deployment.nodes[0].at('live').token(deployment.made.live)).status).toBe(200)
  })
})
