import { beforeAll, describe, expect, test } from 'vitest'
import { CHOSEN_SECRET_GUESSES } from '../../server/credentials/chosen-secret-limit.ts'
import { describeDeployments } from '../deployments.ts'
import { addApiClient, chosen } from '../management/api-clients.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'

const { clientFromNetwork, clientFromKnownNetwork, network, client } = CHOSEN_SECRET_GUESSES

interface Pair {
  readonly client_id: string
  readonly client_secret: string
}

describeDeployments('guessing a chosen secret', (open, name) => {
  let deployment: TestDeployment
  let one: Caller
  let other: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    one = deployment.nodes[0].at('live')
    other = deployment.nodes[1].at('live')
  })

  const newClient = async () => addApiClient(one, (await createTenant(deployment)).keys.live.api_key)

  let used = 0
  const freshAddress = () => `2001:db8:${(++used).toString(16)}::1`

  const from = (address: string, { client_id, client_secret }: Pair, at = one) =>
    at.form(
      '/oauth/token',
      { grant_type: 'client_credentials', client_id, client_secret },
      { 'x-forwarded-for': address },
    )

  let guesses = 0
  const wrong = (pair: Pair): Pair => ({ ...pair, client_secret: `Wr0ng-guess-${++guesses}` })

  const guess = async (pair: Pair, address: string, times: number) => {
    for (let each = 0; each < times; each++) {
      const { status } = await from(address, wrong(pair), each % 2 ? one : other)
      expect([each, status]).toEqual([each, 401])
    }
  }

  test('from one network: after so many not even the right one is looked at; elsewhere it is [attack 1]', async () => {
    const it = await newClient()
    const here = freshAddress()
    await guess(it, here, clientFromNetwork)
    for (const at of [one, other]) {
      const refused = await from(here, it, at)
      expect([refused.status, refused.body.error]).toEqual([429, 'rate_limited'])
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(900)
    }
    // A customer's whole /48 is one.
    expect((await from(here.replace('::1', ':9:1::1'), it)).status).toBe(429)
    expect((await from(freshAddress(), it, other)).status).toBe(200)
  })

  test('a client that nobody has is answered to the letter as one that somebody has', async () => {
    const nobody = chosen() as Pair
    const somebody = await newClient()
    const [here, there] = [freshAddress(), freshAddress()]
    for (let each = 0; each <= clientFromNetwork; each++) {
      const [a, b] = [await from(here, wrong(nobody)), await from(there, wrong(somebody))]
      expect([a.status, a.body]).toEqual([b.status, b.body])
    }
  })

  test('many at once get no further than one after the other', async () => {
    const it = await newClient()
    const here = freshAddress()
    const flood = await Promise.all(
      Array.from({ length: 60 }, (_, each) => from(here, wrong(it), each % 2 ? one : other)),
    )
    const looked = flood.filter(({ status }) => status === 401).length
    // On each node two are under way while the last one counts.
    expect(looked).toBeLessThanOrEqual(clientFromNetwork + 3)
    expect(flood.filter(({ status }) => status === 429).length).toBe(60 - looked)
  })

  test('strangers can’t lock the owner out: neither what is remembered, nor a network that is known [attack 1]', async () => {
    const it = await newClient()
    const home = freshAddress()
    expect((await from(home, it, one)).status).toBe(200)
    // From everywhere, one after the other: all of the client's tries are used up.
    for (let each = 0; each < client; each += clientFromNetwork) await guess(it, freshAddress(), clientFromNetwork)
    expect((await from(freshAddress(), wrong(it), other)).status).toBe(429)
    // This node remembers; for the other it is new, and from home.
    expect((await from(freshAddress(), it, one)).status).toBe(200)
    if (name !== 'embedded') expect((await from(freshAddress(), it, other)).status).toBe(429)
    expect((await from(home, it, other)).status).toBe(200)
  }, 60_000)

  test('a known network answers for its own failures', async () => {
    const it = await newClient()
    const home = freshAddress()
    expect((await from(home, it, one)).status).toBe(200)
    await guess(it, home, clientFromKnownNetwork)
    expect((await from(home, wrong(it), other)).status).toBe(429)
    expect((await from(home, it, one)).status).toBe(200)
  }, 60_000)

  test('from one network at many clients', async () => {
    const here = freshAddress()
    for (let each = 0; each < network; each += clientFromNetwork) await guess(chosen() as Pair, here, clientFromNetwork)
    expect((await from(here, wrong(chosen() as Pair))).status).toBe(429)
    expect((await from(here, await newClient())).status).toBe(429)
  }, 60_000)

  test('made-up ids fill no store: not one counter each', async () => {
    const { state } = deployment.storage
    const here = freshAddress()
    await guess({ client_id: 'made up, and by nobody', client_secret: '' }, here, 1)
    expect(await state.live.findRecord('chosen:made up, and by nobody')).toBeUndefined()
  })

  // Redis counts lifetimes by its own clock.
  if (name !== 'cluster') {
    test('after a quarter of an hour it begins anew', async () => {
      const it = await newClient()
      const here = freshAddress()
      await guess(it, here, clientFromNetwork)
      expect((await from(here, it)).status).toBe(429)
      deployment.clock.advance(15 * 60_000)
      expect((await from(here, it)).status).toBe(200)
    })
  }

  describe('other limits are not touched', () => {
    test('keys still work from where a chosen secret was guessed', async () => {
      const here = freshAddress()
      await guess(await newClient(), here, clientFromNetwork)
      expect((await from(here, deployment.made.live)).status).toBe(200)
    })
  })

  test('sixty requests at once with the right secret: all are served, on cold nodes', async () => {
    const it = await newClient()
    const here = freshAddress()
    const all = await Promise.all(Array.from({ length: 60 }, (_, each) => from(here, it, each % 2 ? one : other)))
    expect(all.filter(({ status }) => status === 200)).toHaveLength(60)
  })
})
