import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createKeyRing } from '../../keys/key-ring.ts'
import { ensureKeys, type Needs, removeRetired, rotate } from '../../keys/rotate.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Database } from '../../server/storage/database.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { DAY, START } from './database.ts'

const log = { info() {}, error() {} }

describeDeployments('signing keys on several nodes', (open) => {
  test('start, rotation and removal happen once, and every node ends with the same set [attack 81]', {
    timeout: 60_000,
  }, async () => {
    const { nodes } = await open()
    const clock = createTestClock(START)
    const masterKeys = deriveMasterKeys([randomBytes(32)])
    const needsOf = ({ database }: { database: Database }): Needs => ({ database, masterKeys, clock })
    const several = [...nodes, ...nodes, ...nodes].map(needsOf)

    const made = await Promise.all(several.map(ensureKeys))
    expect(made.flat()).toHaveLength(6)

    const rings = await Promise.all(
      nodes.map((node) => createKeyRing({ ...needsOf(node), log, mode: 'live', rotationDays: 90 })),
    )
    const rotations = await Promise.all(several.map((needs) => rotate(needs, { mode: 'live' })))
    expect(rotations.flatMap(({ rotated }) => rotated)).toHaveLength(3)

    clock.advance(2 * DAY)
    const removals = await Promise.all(several.map((needs) => removeRetired(needs, 'live')))
    expect(removals.flat()).toHaveLength(3)

    await Promise.all(rings.map((ring) => ring.follow()))
    const [one, other] = rings.map((ring) => ring.current())
    expect(one?.jwks.keys).toHaveLength(3)
    expect(one?.jwks.etag).toBe(other?.jwks.etag)
  })
})
