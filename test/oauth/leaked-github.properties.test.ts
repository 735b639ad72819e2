import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newStandardKey } from '../../server/credentials/format.ts'
import { describeDeployment } from '../deployments.ts'
import { hostileText, mutated } from '../hostile-text.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const RUNS = 60
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ID = 'the-scanner'

describeDeployment('embedded', 'a report of leaked credentials', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let keyServer: Server
  let networks = 0

  beforeAll(async () => {
    const key = publicKey.export({ type: 'spki', format: 'pem' })
    keyServer = createServer((_, response) => {
      const document = { public_keys: [{ key_identifier: ID, key, is_current: true }] }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
    })
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve))
    const host = `127.0.0.1:${(keyServer.address() as AddressInfo).port}`
    deployment = await startDeployment(open, {
      trustProxy: true,
      outboundAllow: [host],
      secretScanningKeysUrl: new URL(`http://${host}/keys`),
    })
    live = deployment.nodes[0].at('live')
  })
  afterAll(() => void keyServer.close().closeAllConnections())

  const signatureOf = (body: string) => sign('sha256', Buffer.from(body), privateKey).toString('base64')
  const post = (body: string, signature = signatureOf(body)) =>
    live.form('/oauth/leaked/github', body, {
      ...{ 'content-type': 'application/json', 'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1` },
      ...{ 'Github-Public-Key-Identifier': ID, 'Github-Public-Key-Signature': signature },
    })
  const isAlive = async () => (await live.token(deployment.made.live)).status === 200

  const text = hostileText.map((each) => each.slice(0, 300).toWellFormed())
  const token = fc.oneof(
    text,
    fc.constant(0).map(() => newStandardKey('live', 'aaaaaaaaaaaa')),
    fc.constant(0).map(() => newStandardKey('test', 'aaaaaaaaaaaa')),
  )
  const match = fc.record(
    { token, type: text, url: text, source: text },
    { requiredKeys: ['token', 'type'], noNullPrototype: true },
  )

  test('that is signed and anything at all is answered in its own terms: a verdict for each match that is one', async () => {
    const matches = fc.array(
      fc.oneof({ weight: 3, arbitrary: match }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) }),
      { maxLength: 5 },
    )
    await fc.assert(
      fc.asyncProperty(matches, async (report) => {
        const { status, body } = await post(JSON.stringify(report))
        expect(status).toBe(200)
        const hashes = new Set(
          report.map((each) =>
            createHash('sha256')
              .update(String((each as { token?: unknown } | null)?.token))
              .digest('hex'),
          ),
        )
        for (const verdict of body)
          expect([hashes.has(verdict.token_hash), verdict.label, Object.keys(verdict).sort()]).toEqual([
            true,
            'false_positive',
            ['label', 'token_hash', 'token_type'],
          ])
        expect(body.length).toBeLessThanOrEqual(report.length)
      }),
      { numRuns: RUNS },
    )
    await fc.assert(
      fc.asyncProperty(
        fc
          .oneof(
            text,
            fc.json(),
            fc
              .json()
              .chain(mutated)
              .map((each) => each.toWellFormed()),
          )
          .filter(Boolean),
        async (body) => {
          const { status } = await post(body)
          expect([200, 422]).toContain(status)
        },
      ),
      { numRuns: RUNS },
    )
  })

  test('one character from the one that was signed kills nothing', async () => {
    const report = JSON.stringify([
      { token: deployment.made.live.api_key, type: 'keycourt_key', url: '', source: 'content' },
    ])
    const signature = signatureOf(report)
    await fc.assert(
      fc.asyncProperty(mutated(report), async (changed) => {
        const { status } = await post(changed.toWellFormed(), signature)
        expect(status).toBe(401)
      }),
      { numRuns: RUNS },
    )
    const headers = fc
      .oneof(mutated(signature), fc.base64String({ minLength: 90, maxLength: 120 }))
      .filter((each) => /^[\x21-\x7e]+$/.test(each))
    await fc.assert(
      fc.asyncProperty(headers, async (changed) => {
        // The same bytes, spelled in another way, are the same signature.
        fc.pre(!Buffer.from(changed, 'base64').equals(Buffer.from(signature, 'base64')))
        expect((await post(report, changed)).status).toBe(401)
      }),
      { numRuns: RUNS },
    )
    expect(await isAlive()).toBe(true)
    expect((await post(report, signature)).body).toMatchObject([{ label: 'true_positive' }])
    expect(await isAlive()).toBe(false)
  })
})
