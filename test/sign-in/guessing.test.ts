import { beforeAll, beforeEach, expect, test } from 'vitest'
import { GUESSES } from '../../server/people/guess-limit.ts'
import { describeDeployment } from '../deployments.ts'
import { createApp, createPerson, type Page, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { auditedOf, csrfOf, type Visitor, visit } from './at.ts'

const QUARTER_HOUR = 15 * 60_000
const HOUR = 60 * 60_000

let networks = 0
/** An address that nothing has failed from. */
const newAddress = () => `203.0.${113 + Math.floor(++networks / 250)}.${networks % 250}`

describeDeployment('database', 'guessing passwords', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let owner: Person

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
  })
  beforeEach(async () => {
    owner = await createPerson(deployment)
  })

  interface From {
    readonly address: string
    readonly visitor?: Visitor
    readonly email?: string
  }

  async function tries(
    password: string,
    { address, visitor = visit(live, owner), email = owner.email }: From,
  ): Promise<Page> {
    const headers = { 'x-forwarded-for': address }
    const page = await visitor.at(app)
    const form = { csrf: csrfOf(page), email, password }
    return visitor.post(`${page.path}/password`, form, headers)
  }
  const fails = async (times: number, from: From) => {
    const statuses = new Set<number>()
    for (let each = 0; each < times; each++) statuses.add((await tries('wrong', from)).status)
    return [...statuses]
  }

  test('a network that failed too often at an account waits, right password or not, and then may go on', async () => {
    const address = newAddress()
    expect(await fails(GUESSES.networkAtAccount, { address })).toEqual([400])
    const refused = await tries(owner.password, { address })
    expect([refused.status, refused.text.includes('Try again in 15 minutes')]).toEqual([429, true])
    expect((await tries(owner.password, { address: newAddress() })).status).toBe(303)
    deployment.clock.advance(QUARTER_HOUR)
    expect((await tries(owner.password, { address })).status).toBe(303)
    expect(await auditedOf(deployment, owner, 'member.sign_in_refused')).toMatchObject([
      { actorType: 'anonymous', targetId: owner.id, details: { reason: 'too_many_attempts' }, ip: address },
    ])
  })

  test('RFC 6177 §2: the networks of one /48 may all be one customer’s, and count as one', async () => {
    const site = `2001:db8:${++networks}`
    for (let each = 0; each < GUESSES.networkAtAccount; each++) {
      expect(await fails(1, { address: `${site}:${each}::1` })).toEqual([400])
    }
    expect((await tries(owner.password, { address: `${site}:ff::1` })).status).toBe(429)
    expect((await tries(owner.password, { address: `2001:db8:${++networks}:ff::1` })).status).toBe(303)
  })

  test('an address that nobody has is limited just the same', async () => {
    const from = { address: newAddress(), email: `nobody-${owner.email}` }
    expect(await fails(GUESSES.networkAtAccount, from)).toEqual([400])
    expect((await tries('wrong', from)).status).toBe(429)
  })

  test('a browser that has signed in before answers for its own failures alone', async () => {
    const address = newAddress()
    const home = visit(live, owner)
    await home.password(await home.at(app))
    const known = visit(live, owner)
    known.cookies.set('kc_device_live', home.cookies.get('kc_device_live') ?? '')
    await fails(GUESSES.networkAtAccount, { address })
    expect((await tries(owner.password, { address })).status).toBe(429)
    expect((await tries(owner.password, { address, visitor: known })).status).toBe(303)
    expect(await fails(GUESSES.deviceAtAccount, { address, visitor: known })).toEqual([400])
    expect((await tries(owner.password, { address, visitor: known })).status).toBe(429)
  })

  test('what one knows of a device opens no other account, and nobody can make it up', async () => {
    const address = newAddress()
    const other = await createPerson(deployment)
    const theirs = visit(live, other)
    await theirs.password(await theirs.at(app))
    const mark = theirs.cookies.get('kc_device_live') ?? ''
    expect(mark).toMatch(/^[\w-]{22}\.[\w-]{43}$/)
    await fails(GUESSES.networkAtAccount, { address })
    for (const value of [mark, `${'x'.repeat(22)}.${'y'.repeat(43)}`, 'junk']) {
      const visitor = visit(live, owner)
      visitor.cookies.set('kc_device_live', value)
      expect((await tries(owner.password, { address, visitor })).status).toBe(429)
    }
  })

  test('whoever has the same address in another tenant knows no device of the owner', async () => {
    const namesake = await createPerson(deployment, { tenantId: (await createTenant(deployment)).id })
    const { database } = deployment.storage
    await database.member.update({ where: { id: namesake.id }, data: { email: owner.email } })
    const theirs = visit(live, { ...namesake, email: owner.email })
    expect((await theirs.account()).text).toContain('Your account')
    const mark = theirs.cookies.get('kc_device_live') ?? ''
    const guess = async () => {
      const visitor = visit(live, owner)
      visitor.cookies.set('kc_device_live', mark)
      const form = { csrf: csrfOf(await visitor.open('/account')), email: owner.email, password: 'wrong' }
      return (await visitor.post('/account/sign-in/password', form, { 'x-forwarded-for': address })).status
    }
    const address = newAddress()
    expect(await fails(GUESSES.networkAtAccount, { address })).toEqual([400])
    expect(await guess()).toBe(429)
  })

  test('guesses from everywhere make it strict, and still lock nobody out', async () => {
    const networks = Array.from({ length: GUESSES.account / GUESSES.networkAtAccount }, newAddress)
    for (const address of networks) expect(await fails(GUESSES.networkAtAccount, { address })).toEqual([400])
    const another = newAddress()
    expect(await fails(GUESSES.whenStrict, { address: another })).toEqual([400])
    expect((await tries(owner.password, { address: another })).status).toBe(429)
    expect((await tries(owner.password, { address: newAddress() })).status).toBe(303)
    deployment.clock.advance(HOUR)
    expect(await fails(2, { address: another })).toEqual([400])
  }, 60_000)

  test('a network that tries many accounts waits as well', async () => {
    const address = newAddress()
    for (let each = 0; each < GUESSES.network; each++) {
      expect((await tries('wrong', { address, email: `${each}-${owner.email}` })).status).toBe(400)
    }
    const { status, text } = await tries(owner.password, { address })
    expect([status, text.includes('Too many attempts')]).toEqual([429, true])
  }, 60_000)

  test('the answer says when to come back', async () => {
    const address = newAddress()
    await fails(GUESSES.networkAtAccount, { address })
    const visitor = visit(live, owner)
    const page = await visitor.at(app)
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const form = { csrf: csrfOf(page), email: owner.email, password: owner.password }
    const { headers } = await live.form(`${page.path}/password`, form, { cookie, 'x-forwarded-for': address })
    expect(Number(headers['retry-after'])).toBe(QUARTER_HOUR / 1000)
  })
})
