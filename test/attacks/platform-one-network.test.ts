import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { newStandardKey } from '../../server/credentials/format.ts'
import { describeDeployment } from '../deployments.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'

/** Spellings of addresses of one customer, who would like to be many (CVE-2026-45364). */
const SPELLINGS: Record<string, (network: number, each: number) => string> = {
  'all over a /64': (network, each) =>
    `2001:db8:${network.toString(16)}:1:${randomBytes(2).toString('hex')}:${each}::${each}`,
  'in letters of either case, padded, compressed or not': (network, each) => {
    const site = network.toString(16)
    const [hex, host] = [site.padStart(4, '0'), each.toString(16)]
    const forms = [
      `2001:db8:${site}:1::${host}`,
      `2001:DB8:${site.toUpperCase()}:1::${host.toUpperCase()}`,
      `2001:0db8:${hex}:0001:0000:0000:0000:${host.padStart(4, '0')}`,
      `2001:db8:${site}:1:0:0:0:${host}`,
      `2001:db8:${site}:1::0:${host}`,
      `2001:db8:${site}:1:0:0:192.0.2.${each}`,
    ]
    return forms[each % forms.length] as string
  },
  'as IPv4, and mapped into IPv6': (network, each) => {
    const [high, low] = [network >> 8, network & 255]
    const hex = `c612:${network.toString(16).padStart(4, '0')}`
    const dotted = `198.18.${high}.${low}`
    const forms = [dotted, `::ffff:${dotted}`, `::FFFF:${dotted}`, `::ffff:${hex}`, `0:0:0:0:0:ffff:${dotted}`]
    return [...forms, `0000:0000:0000:0000:0000:FFFF:${hex.toUpperCase()}`][each % 6] as string
  },
}

describeDeployment('cluster', 'one network under many names', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]
  let networks = 0

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
  })

  type Guess = (at: Caller, from: Record<string, string>) => PromiseLike<{ status: number }>

  const freshKey = async () => (await createTenant(deployment)).keys.live
  const wrongKey = (client_id: string) => newStandardKey('live', client_id.slice(3))
  const DOORS: Record<string, () => Promise<Guess>> = {
    'the token endpoint': async () => {
      const { client_id } = await freshKey()
      return (at, from) => at.token({ client_id, client_secret: wrongKey(client_id).slice(-49) }, {}, from)
    },
    'the management API': async () => {
      const { client_id } = await freshKey()
      return (at, from) => at.get('/v1/me', { 'x-api-key': wrongKey(client_id), ...from })
    },
    introspection: async () => {
      const { client_id, api_key } = await freshKey()
      const form = { token: api_key }
      return (at, from) =>
        at.form('/oauth/introspect', form, {
          authorization: basic({ client_id, client_secret: wrongKey(client_id).slice(-49) }),
          ...from,
        })
    },
    'a chosen secret': async () => {
      const { api_key } = await freshKey()
      const pair = { client_id: `guessed-${randomBytes(6).toString('hex')}`, client_secret: 'the-r1ght-one!' }
      const made = await nodes[0].api('POST', '/v1/api-clients', api_key, { ...pair, permission: 'read' })
      expect(made.status).toBe(201)
      return (at, from) => at.token({ ...pair, client_secret: 'not-the-r1ght!' }, {}, from)
    },
  }

  describe.each(Object.entries(SPELLINGS))('%s', (_, spell) => {
    test.each(Object.entries(DOORS))(
      'at %s: one key of the limit, on both nodes together [attack 75]',
      async (__, door) => {
        const guess = await door()
        const network = ++networks
        const from = (each: number) => ({ 'x-forwarded-for': spell(network, each) })
        const statuses: number[] = []
        for (let each = 1; each <= 25 && statuses.at(-1) !== 429; each++) {
          statuses.push((await guess(nodes[each % 2] as Caller, from(each))).status)
        }
        expect(new Set(statuses.slice(0, -1))).toEqual(new Set([401]))
        expect(statuses.at(-1)).toBe(429)
        // Once more in each of its spellings, at either node; but not its neighbour, who would be the next.
        for (let each = 30; each < 36; each++) {
          for (const at of nodes) expect((await guess(at, from(each))).status).toBe(429)
        }
        expect((await guess(nodes[0], { 'x-forwarded-for': spell(++networks, 1) })).status).toBe(401)
      },
    )
  })
})
