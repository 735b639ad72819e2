import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { connectRedis, redisReady } from '../../server/storage/redis/connection.ts'
import { createSweep } from '../../server/storage/sweeper.ts'
import { createTestClock } from '../clock.ts'
import { many } from '../command/caller.ts'
import { describeDeployments, type OpenStorage, type StorageSettings } from '../deployments.ts'
import { createProver, type Prover } from '../oauth/prover.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

/** Seconds that the `iat` of a proof may be off, either way. */
const WINDOW = 300
/** Seconds that a record outlives its proof, for nodes whose clocks are behind. */
const SKEW = 60
const PROOFS = 200

/** A remembered proof: under what name, and for how many more seconds. */
interface Remembered {
  readonly name: string
  readonly left: number
}

// What a million of them come to is for the bench to measure: here, that each record ends, and with its proof.
describeDeployments('what is remembered of DPoP proofs', (open, name) => {
  let deployment: TestDeployment
  let settings: StorageSettings
  let nodes: readonly [Caller, Caller]
  let prover: Prover
  let now: number

  beforeAll(async () => {
    const opening: OpenStorage = async (needs) => {
      const opened = await open(needs)
      settings = opened.settings
      return opened
    }
    // An hour behind: nothing is swept that isn't over by the database's clock as well, which a test can't move.
    deployment = await startDeployment(opening, { clock: createTestClock(Date.now() - 3_600_000) })
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
    prover = await createProver(deployment.clock.now)
    now = Math.floor(deployment.clock.now() / 1000)
  })
  const prove = (claims: object) => prover.prove('POST', `${nodes[0].issuer}/oauth/token`, { ...claims })
  const mint = (dpop: string, at = 0) => nodes[at % 2 ? 1 : 0].token(deployment.made.live, {}, { dpop })

  /** All of it, as it is in the store. */
  async function remembered(): Promise<Remembered[]> {
    const { storage, clock } = deployment
    if (settings.redisUrl === undefined) {
      const rows = await storage.database.$queryRaw<{ key: string; expires_at: Date }[]>`
        SELECT key, expires_at FROM replay_memory WHERE mode = 'live' AND key <> 'ping'`
      return rows.map((row) => ({ name: row.key, left: (row.expires_at.getTime() - clock.now()) / 1000 }))
    }
    const redis = connectRedis(settings.redisUrl)
    onTestFinished(() => redis.disconnect())
    await redisReady(redis, 5_000)
    const keys = await redis.keys('kc:l:r*')
    return Promise.all(keys.map(async (key) => ({ name: key, left: (await redis.pttl(key)) / 1000 })))
  }

  test('lasts as long as each of them is good, and no longer, under a short name [attack 66]', async () => {
    const nonce = (await mint(await prove({ iat: now }))).headers['dpop-nonce']
    const nonceEnds = (Math.floor(now / 60) + 5) * 60
    const ends = [now + WINDOW + 1]
    await many(PROOFS - 1, async (at) => {
      const iat = now - WINDOW + Math.floor(((2 * WINDOW + 1) * at) / PROOFS)
      const jti = `${at}`.padEnd(256, 'x')
      // With a nonce, dated as they like.
      const claims = at % 4 ? { iat, jti } : { iat: 10 ** at, jti, nonce }
      ends.push(at % 4 ? iat + WINDOW + 1 : nonceEnds)
      expect((await mint(await prove(claims), at)).status).toBe(200)
    })

    const records = await remembered()
    expect(records).toHaveLength(PROOFS)
    expect(Math.max(...records.map((record) => record.name.length))).toBeLessThan(64)
    const left = records.map((record) => record.left).sort((a, b) => a - b)
    ends.sort((a, b) => a - b)
    // Redis counts by its own clock, which goes on meanwhile.
    const elapsed = name === 'cluster' ? SKEW : 1
    for (const [at, end] of ends.entries()) {
      expect(left[at]).toBeLessThanOrEqual(end - now + SKEW + 1)
      expect(left[at]).toBeGreaterThan(end - now + SKEW - elapsed)
    }
  })

  test('does not grow by those that are refused, however often they come [attack 66]', async () => {
    const seen = await prove({ iat: now })
    await mint(seen)
    const before = await remembered()
    await many(50, async (at) => {
      const wrong = await prove({ jti: `wrong ${at}`, ...(at % 2 ? { iat: 1 } : { htm: 'GET' }) })
      for (const proof of [wrong, seen]) expect((await mint(proof, at)).status).toBe(400)
    })
    expect(await remembered()).toHaveLength(before.length)
  })

  // Redis forgets by itself, by the lifetime of each key, which was looked at above.
  test.skipIf(name === 'cluster')('is swept away once they are over, and not before [attack 66]', async () => {
    const sweep = createSweep({ stores: [deployment.storage.state.live], vacuum: async () => {} })
    const after = async (seconds: number) => {
      deployment.clock.advance(seconds * 1000)
      await sweep.run()
      return remembered()
    }
    const before = await remembered()
    expect(await after(0)).toHaveLength(before.length)
    const half = WINDOW + SKEW
    expect(await after(half)).toHaveLength(before.filter(({ left }) => left > half).length)
    expect(await after(WINDOW + 2)).toEqual([])
  })
})
