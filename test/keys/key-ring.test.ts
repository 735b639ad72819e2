import { randomBytes } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, type Mock, test, vi } from 'vitest'
import { startFollowing } from '../../keys/follow.ts'
import { ALGS, type Alg } from '../../keys/generate.ts'
import { createKeyRing, type KeyRing } from '../../keys/key-ring.ts'
import { LONGEST_TOKEN_SECONDS, REMOVAL_MARGIN_SECONDS } from '../../keys/life.ts'
import { ensureKeys, type Needs, rotate } from '../../keys/rotate.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { DAY, openMemory, SECOND, START } from './database.ts'

let opened: Awaited<ReturnType<typeof openMemory>>
let clock: TestClock
let needs: Needs & { mode: 'live'; rotationDays: number; log: { info: Mock; error: Mock } }
const secret = randomBytes(32)

beforeAll(async () => {
  opened = await openMemory()
}, 60_000)
beforeEach(async () => {
  await opened.database.signingKey.deleteMany()
  clock = createTestClock(START)
  const masterKeys = deriveMasterKeys([secret])
  const log = { info: vi.fn(), error: vi.fn() }
  needs = { database: opened.database, masterKeys, clock, mode: 'live', rotationDays: 90, log }
  await ensureKeys(needs)
})
afterAll(() => opened.close())

const sign = (ring: KeyRing, alg: Alg) => {
  const { kid, privateKey } = ring.current().signer(alg)
  return new SignJWT({}).setProtectedHeader({ alg, kid }).sign(privateKey)
}
const verify = (ring: KeyRing, token: string) =>
  jwtVerify(token, createLocalJWKSet(JSON.parse(ring.current().jwks.body)))
const published = (ring: KeyRing) => ring.current().jwks.keys.map(({ kid }) => kid)
test.each(ALGS)('what the %s signer signs verifies by the JWKS', async (alg) => {
  const ring = await createKeyRing(needs)
  await expect(verify(ring, await sign(ring, alg))).resolves.toBeDefined()
})

test('the modes have nothing in common', async () => {
  const live = await createKeyRing(needs)
  const sandbox = await createKeyRing({ ...needs, mode: 'test' })
  expect(published(live).filter((kid) => published(sandbox).includes(kid))).toEqual([])
  await expect(verify(sandbox, await sign(live, 'ES256'))).rejects.toThrow('no applicable key')
})

test('ES256 comes first, and of each algorithm the key that signs', async () => {
  const ring = await createKeyRing(needs)
  await rotate(needs, { mode: 'live' })
  await ring.refresh()
  const keys = ring.current().signingKeys
  expect(keys.map(({ alg }) => alg)).toEqual(['ES256', 'ES256', 'EdDSA', 'EdDSA', 'RS256', 'RS256'])
  for (const alg of ALGS) expect(keys.find((key) => key.alg === alg)?.kid).toBe(ring.current().signer(alg).kid)
  expect(keys.every((key) => typeof key.d === 'string')).toBe(true)
})

test('a rotated key is published, then signs; the old one verifies until its last token is gone [attack 81]', async () => {
  const ring = await createKeyRing(needs)
  const old = ring.current().signer('ES256').kid
  const { rotated } = await rotate(needs, { mode: 'live', alg: 'ES256' })
  const next = rotated[0]?.kid

  await ring.follow()
  expect(published(ring)).toContain(next)
  expect(ring.current().signer('ES256').kid).toBe(old)

  clock.advance(360 * SECOND - 1)
  await ring.follow()
  expect(ring.current().signer('ES256').kid).toBe(old)
  const token = await sign(ring, 'ES256')

  clock.advance(1)
  await ring.follow()
  expect(ring.current().signer('ES256').kid).toBe(next)
  await expect(verify(ring, token)).resolves.toBeDefined()

  clock.advance((LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS) * SECOND)
  await ring.follow()
  expect(published(ring)).not.toContain(old)
  await expect(verify(ring, token)).rejects.toThrow('no applicable key')
})

test('one node rotates what is due, the other follows', async () => {
  const [one, other] = await Promise.all([createKeyRing(needs), createKeyRing(needs)])
  clock.advance(90 * DAY)
  await Promise.all([one.follow(), other.follow()])
  await Promise.all([one.refresh(), other.refresh()])
  expect(published(one)).toHaveLength(6)
  expect(one.current().jwks.etag).toBe(other.current().jwks.etag)
})

test('refresh says whether anything changed, and listeners hear of it once', async () => {
  const ring = await createKeyRing(needs)
  const listener = vi.fn()
  const stop = ring.onChange(listener)
  expect(await ring.refresh()).toBe(false)
  await rotate(needs, { mode: 'live', alg: 'EdDSA' })
  expect(await ring.refresh()).toBe(true)
  expect(await ring.refresh()).toBe(false)
  expect(listener.mock.calls).toEqual([[ring.current()]])
  stop()
  clock.advance(DAY)
  expect(await ring.refresh()).toBe(true)
  expect(listener).toHaveBeenCalledOnce()
})

test('a listener that throws is logged and keeps nobody else from hearing', async () => {
  const ring = await createKeyRing(needs)
  const heard = vi.fn()
  ring.onChange(() => {
    throw new Error('broken')
  })
  ring.onChange(heard)
  await rotate(needs, { mode: 'live', alg: 'EdDSA' })
  await ring.refresh()
  expect(heard).toHaveBeenCalledOnce()
  expect(needs.log.error).toHaveBeenCalledOnce()
})

test('a key set that was handed out stays as it was', async () => {
  const ring = await createKeyRing(needs)
  const before = ring.current()
  const body = before.jwks.body
  await rotate(needs, { mode: 'live' })
  await ring.refresh()
  expect(ring.current()).not.toBe(before)
  expect(before.jwks.body).toBe(body)
})

test('the wrong master key stops the start with a sentence', async () => {
  const wrong = { ...needs, masterKeys: deriveMasterKeys([randomBytes(32)]) }
  await expect(createKeyRing(wrong)).rejects.toThrow(/sealed under master key [0-9a-f]{8}, which is not among/)
})

test('without keys the start stops too', async () => {
  await opened.database.signingKey.deleteMany()
  await expect(createKeyRing(needs)).rejects.toThrow('no signing keys for live mode')
})

test('the start seals anew under the current master key', async () => {
  const masterKeys = deriveMasterKeys([randomBytes(32), secret])
  await createKeyRing({ ...needs, masterKeys })
  const rows = await opened.database.signingKey.findMany({ where: { mode: 'live' } })
  expect(rows.every((row) => row.sealedPrivate.startsWith(`v1.${masterKeys.current.id}.`))).toBe(true)
})

test('a node that has yet to get the new master key goes on with the keys it has', async () => {
  const ring = await createKeyRing(needs)
  const before = ring.current()
  const ahead = { ...needs, masterKeys: deriveMasterKeys([randomBytes(32), secret]) }
  await createKeyRing(ahead)
  expect(await ring.refresh()).toBe(false)
  await rotate(ahead, { mode: 'live', alg: 'ES256' })
  await expect(ring.refresh()).rejects.toThrow('which is not among those configured')
  expect(ring.current()).toBe(before)
})

test('a public key written into the table by hand is not published', async () => {
  const { publicJwk: planted } = await opened.database.signingKey.findFirstOrThrow({ where: { mode: 'test' } })
  await opened.database.signingKey.updateMany({ where: { mode: 'live' }, data: { publicJwk: planted as object } })
  const ring = await createKeyRing(needs)
  expect(ring.current().jwks.body).not.toContain((planted as { x: string }).x)
})

test('following notices another node by itself', async () => {
  const ring = await createKeyRing(needs)
  const changed = new Promise((resolve) => ring.onChange(resolve))
  const stop = startFollowing([ring], { log: needs.log, intervalMs: 1 })
  await rotate(needs, { mode: 'live', alg: 'ES256' })
  expect(await changed).toBe(ring.current())
  await stop()
})

test('an outage is logged when it begins and when it ends, and survived with the old keys', async () => {
  const ring = await createKeyRing(needs)
  const before = ring.current()
  let away = true
  const looks: (() => void)[] = []
  const look = () => new Promise<void>((resolve) => looks.push(resolve))
  const flaky: KeyRing = {
    ...ring,
    async follow() {
      looks.shift()?.()
      if (away) throw new Error('the database is away')
      await ring.follow()
    },
  }
  const recovered = new Promise<void>((resolve) => needs.log.info.mockImplementation(() => resolve()))
  const stop = startFollowing([flaky], { log: needs.log, intervalMs: 1 })
  for (let times = 0; times < 3; times++) await look()
  expect(needs.log.error).toHaveBeenCalledOnce()
  expect(ring.current()).toBe(before)
  away = false
  await recovered
  await stop()
  expect(needs.log.error).toHaveBeenCalledOnce()
})

test('the error of the database reaches whoever asked for a refresh, and the next refresh is unharmed', async () => {
  let away = false
  const signingKey = new Proxy(opened.database.signingKey, {
    get(target, name, receiver) {
      if (away && name === 'findMany') return () => Promise.reject(new Error('away'))
      return Reflect.get(target, name, receiver)
    },
  })
  const database = { signingKey } as unknown as Needs['database']
  const ring = await createKeyRing({ ...needs, database })
  away = true
  await expect(ring.refresh()).rejects.toThrow('away')
  away = false
  expect(await ring.refresh()).toBe(false)
})
