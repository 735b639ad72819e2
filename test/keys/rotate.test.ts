import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ALGS } from '../../keys/generate.ts'
import { LONGEST_TOKEN_SECONDS, REMOVAL_MARGIN_SECONDS } from '../../keys/life.ts'
import { ensureKeys, type Needs, removeRetired, resealKeys, rotate, rotateDue } from '../../keys/rotate.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { DAY, openMemory, SECOND, START } from './database.ts'

let opened: Awaited<ReturnType<typeof openMemory>>
let clock: TestClock
let needs: Needs
const secret = randomBytes(32)

beforeAll(async () => {
  opened = await openMemory()
}, 60_000)
beforeEach(async () => {
  await opened.database.signingKey.deleteMany()
  clock = createTestClock(START)
  needs = { database: opened.database, masterKeys: deriveMasterKeys([secret]), clock }
})
afterAll(() => opened.close())

const count = () => opened.database.signingKey.count()

test('the first start makes a key of each algorithm for each mode, which sign at once', async () => {
  const made = await ensureKeys(needs)
  expect(made.map(({ mode, alg }) => `${mode} ${alg}`)).toEqual([
    ...ALGS.map((alg) => `live ${alg}`),
    ...ALGS.map((alg) => `test ${alg}`),
  ])
  expect(made.every(({ signsFrom }) => signsFrom.getTime() === START)).toBe(true)
  expect(await count()).toBe(6)
})

test('later starts make none', async () => {
  await ensureKeys(needs)
  expect(await ensureKeys(needs)).toEqual([])
  expect(await count()).toBe(6)
})

test('five nodes that start at once make one set', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => ensureKeys(needs)))
  expect(made.flat()).toHaveLength(6)
  expect(await count()).toBe(6)
})

test('a dump holds no private member of any key', async () => {
  await ensureKeys(needs)
  const dump = await opened.dump()
  expect(dump).toContain('"kty":"EC"')
  expect(dump).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/)
})

test('a rotation publishes a key that waits; rotating again finds that it was done', async () => {
  await ensureKeys(needs)
  clock.advance(DAY)
  const { rotated, already } = await rotate(needs, { mode: 'live', alg: 'ES256' })
  expect(rotated).toMatchObject([{ mode: 'live', alg: 'ES256', signsFrom: new Date(START + DAY + 360 * SECOND) }])
  expect(already).toEqual([])
  expect(await rotate(needs, { mode: 'live', alg: 'ES256' })).toEqual({ rotated: [], already: ['ES256'] })
  expect(await count()).toBe(7)
})

test('without an algorithm all of the mode are rotated, and none of the other mode', async () => {
  await ensureKeys(needs)
  const { rotated } = await rotate(needs, { mode: 'test' })
  expect(rotated.map(({ alg }) => alg)).toEqual([...ALGS])
  expect(rotated.every(({ mode }) => mode === 'test')).toBe(true)
})

test('of five nodes that rotate at once, one does', async () => {
  await ensureKeys(needs)
  const all = await Promise.all(Array.from({ length: 5 }, () => rotate(needs, { mode: 'live', alg: 'ES256' })))
  expect(all.flatMap(({ rotated }) => rotated)).toHaveLength(1)
  expect(all.flatMap(({ already }) => already)).toHaveLength(4)
})

test('on schedule a key is followed at the age set, once', async () => {
  await ensureKeys(needs)
  const due = { mode: 'live', rotationDays: 30 } as const
  clock.advance(30 * DAY - 1)
  expect(await rotateDue(needs, due)).toEqual([])
  clock.advance(1)
  const all = await Promise.all([rotateDue(needs, due), rotateDue(needs, due)])
  expect(all.flat().map(({ alg }) => alg)).toEqual([...ALGS])
})

test('a retired key goes when its last token is gone, its private half with it; the others stay', async () => {
  await ensureKeys(needs)
  const before = await opened.database.signingKey.findFirstOrThrow({ where: { mode: 'live', alg: 'ES256' } })
  await rotate(needs, { mode: 'live', alg: 'ES256' })
  clock.advance((360 + LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS) * SECOND - 1)
  expect(await removeRetired(needs, 'live')).toEqual([])
  clock.advance(1)
  expect(await removeRetired(needs, 'live')).toEqual([before.kid])
  const after = await opened.database.signingKey.findUniqueOrThrow({ where: { kid: before.kid } })
  expect(after).toMatchObject({ sealedPrivate: '', removedAt: new Date(clock.now()) })
  expect(await removeRetired(needs, 'live')).toEqual([])
  expect(await opened.database.signingKey.count({ where: { removedAt: null } })).toBe(6)
})

test('a new master key re-seals what an older one sealed; then the older one is not needed', async () => {
  await ensureKeys(needs)
  const next = randomBytes(32)
  const both = { ...needs, masterKeys: deriveMasterKeys([next, secret]) }
  expect(await resealKeys(both, 'live')).toBe(3)
  expect(await resealKeys(both, 'live')).toBe(0)
  expect(await resealKeys({ ...needs, masterKeys: deriveMasterKeys([next]) }, 'live')).toBe(0)
})
