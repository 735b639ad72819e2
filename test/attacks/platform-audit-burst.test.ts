import { beforeAll, describe, expect, test } from 'vitest'
import { createChain } from '../../server/audit/chain.ts'
import { createDrain } from '../../server/audit/drain.ts'
import { createRecordEvent } from '../../server/audit/record.ts'
import { verifyChain } from '../../server/audit/verify.ts'
import { systemClock } from '../../server/clock.ts'
import { createLog } from '../../server/telemetry/log.ts'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'

const MINTS = 400

describe.each([
  ['database', 3_000], // each turn of the event loop is a row here, and a command there
  ['cluster', 10_000],
] as const)('a burst of events', (only, burst) => {
  describeDeployment(only, 'on two nodes', (open) => {
    let deployment: TestDeployment
    let tenant: TestTenant

    beforeAll(async () => {
      deployment = await startDeployment(open)
      tenant = await createTenant(deployment)
    })

    const verify = () => {
      const { storage, masterKeys } = deployment
      return verifyChain(
        { database: storage.database, chain: createChain(masterKeys) },
        { tenantId: tenant.id, mode: 'live' },
      )
    }
    const entries = (action: string) =>
      deployment.storage.database.auditEntry.findMany({ where: { tenantId: tenant.id, mode: 'live', action } })

    test(`${MINTS} mints at once: each that was answered is in the chain, and no secret is [attack 80]`, async () => {
      const { live } = tenant.keys
      const minting = Array.from({ length: MINTS }, (_, at) => {
        const caller = deployment.nodes[at % 2 ? 1 : 0].at('live')
        return caller.token(live)
      })
      const answers = await Promise.all(minting)
      const answered = answers.filter(({ status }) => status === 200)
      expect(answered).toHaveLength(MINTS)
      await Promise.all(deployment.nodes.map(({ node }) => node.drainEvents()))
      await deployment.nodes[0].node.drainEvents()
      const logged = await entries('token.minted')
      expect(new Set(logged.map(({ requestId }) => requestId))).toEqual(
        new Set(answered.map(({ headers }) => headers['x-request-id'])),
      )
      expect(logged).toHaveLength(MINTS)
      expect((await verify()).wrong).toBeUndefined()
      const text = JSON.stringify(logged)
      // What follows the prefix and the name of the client's standing: 43 random letters and the checksum.
      for (const { body } of answered) expect(text).not.toContain(body.access_token.slice(-30))
      expect(text).not.toContain(live.client_secret.slice(0, 20))
    })

    test('thousands, while both nodes take them in: each once, and the chain holds [attack 80]', async () => {
      const { clock, storage, masterKeys } = deployment
      const before = (await verify()).entries
      const { database, state } = storage
      const chain = createChain(masterKeys)
      const log = createLog({ level: 'silent' })
      const drain = createDrain({ mode: 'live', clock: systemClock, database, state: state.live, chain, log })
      const record = createRecordEvent({ state: state.live, clock, onRecorded() {} })
      const origin = { actor: { type: 'api_key' as const, id: 'key_burst', name: 'burst' } }
      const event = (at: number) => ({ action: 'token.tested', target: { type: 'access_token', id: `${at}` } })
      let isOver = false
      const taking = [drain.all, ...deployment.nodes.map(({ node }) => node.drainEvents)].map(async (take) => {
        while (!isOver) await take()
      })
      for (let at = 0; at < burst; at += 1_000) {
        await Promise.all(Array.from({ length: 1_000 }, (_, each) => record(tenant.id, origin, event(at + each))))
      }
      isOver = true
      await Promise.all(taking)
      await drain.all()
      const targets = (await entries('token.tested')).map(({ targetId }) => Number(targetId))
      expect(targets).toHaveLength(burst)
      expect(new Set(targets).size).toBe(burst)
      expect(await verify()).toMatchObject({ entries: before + burst, wrong: undefined })
      expect((await state.live.pendingEvents(1)).events).toEqual([])
    }, 60_000)
  })
})
