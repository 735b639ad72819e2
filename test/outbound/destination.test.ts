import { describe, expect, test } from 'vitest'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { destinationOf } from '../../server/outbound/destination.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { dnsOf, json, origin } from './origin.ts'

const limits = { limit: 1_000, timeout: 5_000 }
const distant = new AbortController().signal
const nowhere = dnsOf()
const strict = createOutbound({ allow: [], resolvers: nowhere })

describe('URLs', () => {
  test.each(['', 'origin.test', 'https://', '//origin.test/', 'https://[::1/', 'https://a:70000/'])(
    'no URL: "%s"',
    async (url) => {
      expect(await strict.getJson(url, limits)).toEqual({ ok: false, reason: 'bad_url' })
    },
  )

  test.each([
    'https://user@origin.test/',
    'https://:password@origin.test/',
    'https://origin.test/#part',
    'https://origin.test/#',
  ])('with a user, a password or a fragment: %s', async (url) => {
    expect(await strict.getJson(url, limits)).toEqual({ ok: false, reason: 'bad_url' })
  })

  test.each([
    'http://origin.test/',
    'http://1.1.1.1/',
    'ftp://origin.test/',
    'file:///etc/passwd',
    'data:application/json,1',
  ])('not https, and nobody is asked for the host: %s', async (url) => {
    expect(await strict.getJson(url, limits)).toEqual({ ok: false, reason: 'not_https' })
    expect(nowhere.asked).not.toHaveBeenCalled()
  })

  test.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://0/',
    'https://127.0.0.1./',
    'https://①②⑦.⓪.⓪.①/',
    'https://%31%32%37.0.0.1/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[0:0:0:0:0:ffff:7f00:1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::169.254.169.254]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/',
    'https://10.0.0.1:8443/',
    'https://[fd00:ec2::254]/',
  ])('a private address in whatever spelling: %s', async (url) => {
    expect(await strict.getJson(url, limits)).toEqual({ ok: false, reason: 'forbidden_address' })
  })
})

describe('hosts', () => {
  test('localhost is what the system says it is, and forbidden', async () => {
    const outbound = createOutbound({ allow: [] })
    expect(await outbound.getJson('https://localhost/', limits)).toEqual({ ok: false, reason: 'forbidden_address' })
  })

  test('a name that leads to a private address', async () => {
    const resolvers = dnsOf(['10.1.2.3'])
    const outbound = createOutbound({ allow: ['10.9.0.0/16', 'other.test'], resolvers })
    expect(await outbound.getJson('https://origin.test/', limits)).toEqual({ ok: false, reason: 'forbidden_address' })
  })

  test('a public name is fetched from its addresses, on any port, as an allowed private one beside them', async () => {
    const addresses = ['1.1.1.1', '2606:4700::1111', '10.1.2.3']
    const judged = destinationOf('https://origin.test:8443/a', allowanceOf(['10.0.0.0/8']), dnsOf(addresses), distant)
    expect(await judged).toEqual({ ok: true, url: new URL('https://origin.test:8443/a'), addresses })
  })

  test('a name without addresses, and one whose look-up fails', async () => {
    const fails = async () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }))
    const failing = createOutbound({ allow: [], resolvers: { ours: fails, anybodys: fails } })
    expect(await strict.getJson('https://origin.test/', limits)).toEqual({ ok: false, reason: 'unreachable' })
    expect(await failing.getJson('https://origin.test/', limits)).toEqual({
      ok: false,
      reason: 'unreachable',
      detail: 'ENOTFOUND',
    })
  })

  test('only what the operator named is looked up in the system', async () => {
    const [ours, anybodys] = [dnsOf(), dnsOf()]
    const outbound = createOutbound({
      allow: ['named.test'],
      resolvers: { ours: ours.asked, anybodys: anybodys.asked },
    })
    await outbound.getJson('https://named.test/', limits)
    await outbound.getJson('https://sub.named.test/', limits)
    expect(ours.asked.mock.calls.map(([host]) => host)).toEqual(['named.test'])
    expect(anybodys.asked.mock.calls.map(([host]) => host)).toEqual(['sub.named.test'])
  })

  test('DNS rebinding: the address that was judged is the one connected to', async () => {
    const judged = await origin(json({ from: 'judged' }))
    const trap = await origin(json({ from: 'trap' }), { address: '127.0.0.2', port: judged.port })
    const resolvers = dnsOf(['127.0.0.1'], ['127.0.0.2'])
    const outbound = createOutbound({ allow: ['127.0.0.1'], resolvers })
    expect(await outbound.getJson(`http://origin.test:${judged.port}/`, limits)).toMatchObject({
      value: { from: 'judged' },
    })
    expect(resolvers.asked).toHaveBeenCalledTimes(1)
    // Asked afresh, the name leads elsewhere, and that is judged again.
    expect(await outbound.getJson(`http://origin.test:${judged.port}/`, limits)).toMatchObject({ reason: 'not_https' })
    expect(await outbound.getJson(`https://origin.test:${judged.port}/`, limits)).toMatchObject({
      reason: 'forbidden_address',
    })
    expect(trap.requests).toEqual([])
  })
})

describe('KC_OUTBOUND_ALLOW', () => {
  const cases: [entry: string, host: string, allowed: boolean][] = [
    ['origin.test', 'origin.test:PORT', true],
    ['ORIGIN.test', 'origin.TEST:PORT', true],
    ['origin.test:PORT', 'origin.test:PORT', true],
    ['origin.test:1', 'origin.test:PORT', false],
    ['igin.test', 'origin.test:PORT', false],
    ['test', 'origin.test:PORT', false],
    ['127.0.0.1:PORT', '127.0.0.1:PORT', true],
    ['127.0.0.1:1', '127.0.0.1:PORT', false],
    ['127.0.0.1', '127.0.0.1:PORT', true],
    ['127.0.0.1', 'origin.test:PORT', true],
    ['127.0.0.1', '2130706433:PORT', true],
    ['127.0.0.2', '127.0.0.1:PORT', false],
    ['127.0.0.0/8', 'origin.test:PORT', true],
    ['127.9.9.9/8', 'origin.test:PORT', true],
    ['127.0.0.0/31', '127.0.0.1:PORT', true],
    ['127.0.0.2/31', '127.0.0.1:PORT', false],
    ['10.0.0.0/8', 'origin.test:PORT', false],
    ['::1', '127.0.0.1:PORT', false],
  ]

  test.each(cases)('%s for http://%s: %s', async (entry, host, allowed) => {
    const { port, requests } = await origin(json({}))
    const outbound = createOutbound({ allow: [entry.replace('PORT', `${port}`)], resolvers: dnsOf(['127.0.0.1']) })
    const fetched = await outbound.getJson(`http://${host.replace('PORT', `${port}`)}/`, limits)
    expect(fetched).toMatchObject(allowed ? { ok: true } : { ok: false, reason: 'not_https' })
    expect(requests).toHaveLength(allowed ? 1 : 0)
  })

  test.each(cases.filter(([, , allowed]) => !allowed))('%s for https://%s: %s', async (entry, host) => {
    const { port } = await origin(json({}))
    const outbound = createOutbound({ allow: [entry.replace('PORT', `${port}`)], resolvers: dnsOf(['127.0.0.1']) })
    const fetched = await outbound.getJson(`https://${host.replace('PORT', `${port}`)}/`, limits)
    expect(fetched).toEqual({ ok: false, reason: 'forbidden_address' })
  })

  test('a default port counts as written', async () => {
    const outbound = createOutbound({ allow: ['origin.test:80'], resolvers: dnsOf([]) })
    expect(await outbound.getJson('http://origin.test/', limits)).toMatchObject({ reason: 'unreachable' })
    expect(await outbound.getJson('http://origin.test:81/', limits)).toMatchObject({ reason: 'not_https' })
  })

  test('plain http wants every address of the host allowed', async () => {
    const outbound = createOutbound({ allow: ['127.0.0.1'], resolvers: dnsOf(['127.0.0.1', '1.1.1.1']) })
    expect(await outbound.getJson('http://origin.test/', limits)).toEqual({ ok: false, reason: 'not_https' })
  })
})
