import { hash } from '@node-rs/argon2'
import { beforeAll, describe, expect, test } from 'vitest'
import { newAppSecret, newPublicId } from '../../server/credentials/format.ts'
import { callerAt } from '../command/caller.ts'
import { describeDeployment } from '../deployments.ts'
import { addApiClient } from '../management/api-clients.ts'
import { agree, createApp, createBrowser, createPerson, makePersonalToken } from '../oauth/people.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

/** What bcrypt looks at, and an argon2id of ours must not stop at. */
const BYTES = 72

describeDeployment('cluster', 'secrets that are nearly right', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    admin = deployment.made.live.api_key
  })

  const post = async (path: string, body: object) => (await live.api('POST', path, admin, body)).body
  const minting = ({ client_id, client_secret }: Key, form: object = {}) =>
    live.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret, ...form })
  const longer = (secret: string): string => secret.padEnd(BYTES, 'x') + 'y'.repeat(30)

  describe('up to the 72nd byte', () => {
    test('secrets of keys, apps and API clients that go on [attack 5]', async () => {
      const end = { scopes: ['apps:read'], expires_at: '2099-01-01T00:00:00Z' }
      const pairs: [Key, number][] = [
        [await post('/v1/api-keys', { kind: 'standard', name: 'k' }), 200],
        [await post('/v1/api-keys', { kind: 'enterprise', name: 'E', ...end }), 200],
        [await addApiClient(live, admin, { client_secret: `a1!${'x'.repeat(27)}` }), 200],
        // Authenticated, and not allowed this grant.
        [(await createApp(live, admin, { type: 'confidential' })) as Key, 400],
      ]
      for (const [pair, right] of pairs) {
        const tries = [pair.client_secret, `${pair.client_secret}x`, longer(pair.client_secret)]
        const statuses = []
        for (const client_secret of tries) statuses.push((await minting({ ...pair, client_secret })).status)
        expect([pair.client_id, ...statuses]).toEqual([pair.client_id, right, 401, 401])
      }
    })

    test('service tokens and people’s own that go on [attack 5]', async () => {
      const { id } = await post('/v1/service-users', { name: 'robot', role: 'viewer' })
      const { service_token } = await post(`/v1/service-users/${id}/tokens`, { name: 't' })
      const { personal_access_token } = await makePersonalToken(deployment, await createPerson(deployment))
      for (const token of [service_token, personal_access_token, admin]) {
        const tries = [token, `${token}x`, longer(token)]
        const statuses = []
        for (const credential of tries) statuses.push((await live.api('GET', '/v1/me', credential)).status)
        expect(statuses).toEqual([200, 401, 401])
        expect((await live.introspect(deployment.made.live, longer(token))).body).toEqual({ active: false })
      }
    })

    test('passwords: the 73rd byte counts [attack 5]', async () => {
      const app = await createApp(live, admin)
      const person = await createPerson(deployment)
      const password = `${'p'.repeat(BYTES)} and so on`
      const passwordHash = await hash(password)
      await deployment.storage.database.member.update({ where: { id: person.id }, data: { passwordHash } })
      for (const wrong of [password.slice(0, BYTES), `${'p'.repeat(BYTES)} or so on`]) {
        const browser = createBrowser(live, { ...person, password: wrong })
        await expect(agree(browser, app)).rejects.toThrow('no redirect to the app')
      }
      expect((await agree(createBrowser(live, { ...person, password }), app)).code).toBeTruthy()
    })
  })

  test('an app’s secret goes with no other app, and no key’s id goes with it [attack 2]', async () => {
    const [one, other] = [
      await createApp(live, admin, { type: 'confidential' }),
      await createApp(live, admin, { type: 'confidential' }),
    ] as [Key, Key]
    const invented = newAppSecret('live', newPublicId())
    const tries = [
      { ...one, client_secret: other.client_secret },
      { ...one, client_secret: invented },
      { ...deployment.made.live, client_secret: one.client_secret },
      { ...one, client_id: one.client_id.replace('app_', 'tk_') },
    ]
    for (const pair of tries) expect((await minting(pair)).body.error).toBe('invalid_client')
  })

  test('a key that is wrong at its beginning takes as long as one that is wrong at its end [attack 6]', async () => {
    const { client_id, client_secret: right } = deployment.made.live
    const other = (letter = '') => (letter === '0' ? '1' : '0')
    const wrong = [
      other(right[0]) + right.slice(1),
      right.slice(0, 24) + other(right[24]) + right.slice(25),
      right.slice(0, -1) + other(right.at(-1)),
      right.slice(0, -1),
      `${right}0`,
    ]
    const { issuer } = live
    const caller = callerAt(Number(new URL(issuer).port), issuer)
    const times = wrong.map((): number[] => [])
    // In turn, so that whatever else this machine does is shared out evenly.
    for (let round = 0; round < 200; round++) {
      for (const [at, client_secret] of wrong.entries()) {
        const began = performance.now()
        expect((await caller.token({ client_id, client_secret })).status).toBe(401)
        times[at]?.push(performance.now() - began)
      }
    }
    const medians = times.map((all) => all.sort((one, two) => one - two)[all.length / 2] as number)
    // A look into a store would double it.
    expect(Math.max(...medians)).toBeLessThan(1.6 * Math.min(...medians))
  })

  describe('Basic', () => {
    const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    const asking = (authorization: string) =>
      live.form('/oauth/token', { grant_type: 'client_credentials' }, { authorization })

    test('`+` is a space and `%2B` a plus: of two clients with such names never the other [attack 2]', async () => {
      const spaced = await addApiClient(live, admin, { client_id: 'a b', client_secret: 'Sp4ced:one' })
      const plus = await addApiClient(live, admin, { client_id: 'a+b', client_secret: 'Plu55-one' })
      const whose = async (text: string) => {
        const { status, body } = await asking(encoded(text))
        if (status !== 200) return status
        return (await live.introspect(deployment.made.live, body.access_token)).body.client_id
      }
      // RFC 6749 §2.3.1: each part is form-encoded first. The second colon belongs to the secret.
      expect(await whose(`a+b:${spaced.client_secret}`)).toBe('a b')
      expect(await whose(`a%2Bb:${plus.client_secret}`)).toBe('a+b')
      expect(await whose(`a b:${spaced.client_secret}`)).toBe('a b')
      expect(await whose(`a+b:${plus.client_secret}`)).toBe(401)
      expect(await whose(`a%2Bb:${spaced.client_secret}`)).toBe(401)
      expect(await whose(`a+b%3ASp4ced:one`)).toBe(401)
    })

    const right = () => deployment.made.live
    test.each<[string, () => string]>([
      ['a second colon at the end', () => encoded(`${right().client_id}:${right().client_secret}:`)],
      ['a second colon before it', () => encoded(`${right().client_id}::${right().client_secret}`)],
      ['a plus behind the id', () => encoded(`${right().client_id}+:${right().client_secret}`)],
      ['a plus before the secret', () => encoded(`${right().client_id}:+${right().client_secret}`)],
      ['an encoded colon only', () => encoded(`${right().client_id}%3A${right().client_secret}`)],
      ['an encoded NUL', () => encoded(`${right().client_id}:${right().client_secret}%00`)],
      ['an encoded line feed', () => encoded(`${right().client_id}:${right().client_secret}%0A`)],
      ['half an escape', () => encoded(`${right().client_id}:${right().client_secret}%`)],
      ['an escape of no UTF-8', () => encoded(`${right().client_id}:${right().client_secret}%ff`)],
      ['a line feed', () => encoded(`${right().client_id}:${right().client_secret}\n`)],
      ['no padding', () => encoded(`${right().client_id}:${right().client_secret}`).replaceAll('=', '')],
      ['too much padding', () => `${encoded(`${right().client_id}:${right().client_secret}`)}==`],
      [
        'the other alphabet',
        () => encoded(`${right().client_id}:${right().client_secret}\u00fb\u00ff`).replace('/', '_'),
      ],
      ['two colons and nothing else', () => encoded('::')],
    ])('%s beside a right key: 400 or 401 [attack 2]', async (_, authorization) => {
      const { status, body } = await asking(authorization())
      expect([
        [400, 'invalid_request'],
        [401, 'invalid_client'],
      ]).toContainEqual([status, body.error])
    })

    test('beside that, the key itself is right', async () => {
      expect((await asking(encoded(`${right().client_id}:${right().client_secret}`))).status).toBe(200)
    })
  })
})
