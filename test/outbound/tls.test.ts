import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { selfSigned } from './certificate.ts'
import { dnsOf, json, origin } from './origin.ts'

const limits = { limit: 1_000, timeout: 5_000 }
const tls = selfSigned('origin.test')
const trusting = createOutbound({ allow: ['127.0.0.0/8'], resolvers: dnsOf(['127.0.0.1']), ca: tls.cert })
const usual = createOutbound({ allow: ['127.0.0.0/8'], resolvers: dnsOf(['127.0.0.1']) })

afterEach(() => vi.unstubAllEnvs())

describe('RFC 9110 §4.3.4: the certificate', () => {
  test.each(['origin.test', '127.0.0.1'])('is for %s', async (host) => {
    const { port } = await origin(json({ a: 1 }), { tls })
    expect(await trusting.getJson(`https://${host}:${port}/`, limits)).toMatchObject({ ok: true, value: { a: 1 } })
  })

  test('is for another host', async () => {
    const { port, requests } = await origin(json({}), { tls })
    expect(await trusting.getJson(`https://other.test:${port}/`, limits)).toEqual({
      ok: false,
      reason: 'unreachable',
      detail: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    expect(requests).toEqual([])
  })

  test('is of nobody we trust, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const { port, requests } = await origin(json({}), { tls })
    expect(await usual.getJson(`https://origin.test:${port}/`, limits)).toEqual({
      ok: false,
      reason: 'unreachable',
      detail: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    })
    expect(requests).toEqual([])
  })

  test('is missing: https to a plain server', async () => {
    const { port } = await origin(json({}))
    expect(await trusting.getJson(`https://origin.test:${port}/`, limits)).toMatchObject({ reason: 'unreachable' })
  })
})

test('no proxy of the environment sees a request', async () => {
  const [proxy, server] = [await origin(json({ from: 'proxy' })), await origin(json({ from: 'origin' }))]
  const url = `http://127.0.0.1:${server.port}/`
  const module = new URL('../../server/outbound/outbound.ts', import.meta.url).href
  const ours = `(await import('${module}')).createOutbound({ allow: ['127.0.0.1'] })
    .getJson('${url}', { limit: 99, timeout: 9000 }).then((fetched) => console.log(JSON.stringify(fetched)))`
  const nodes = `(await import('node:http')).get('${url}', (response) => response.pipe(process.stdout))`
  const proxies = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: '', no_proxy: '' }
  const env = { ...process.env, ...proxies, http_proxy: proxies.HTTP_PROXY, NODE_USE_ENV_PROXY: '1' }
  const run = async (code: string) =>
    JSON.parse((await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { env })).stdout)

  expect(await run(ours)).toMatchObject({ ok: true, value: { from: 'origin' } })
  expect(proxy.requests).toEqual([])
  // The environment does name a proxy, as Node's own client shows.
  expect(await run(nodes)).toEqual({ from: 'proxy' })
})
