import { beforeAll, expect, test } from 'vitest'
import { changeClients } from '../../server/management/api-clients/change.ts'
import type { OperationNeeds } from '../../server/management/operation.ts'
import { describeDeployments } from '../deployments.ts'
import { addApiClient } from '../management/api-clients.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'

/** What holds although somebody forgets to ask first, as a node of an older version might. */
describeDeployments('the database keeps the rules of API clients, seed: knox-manage-api-clients', (open) => {
  let deployment: TestDeployment

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })

  async function twoClients() {
    const live = deployment.nodes[0].at('live')
    const admin = (await createTenant(deployment)).keys.live.api_key
    return [await addApiClient(live, admin), await addApiClient(live, admin)] as const
  }
  const write = (id: string, data: object) => deployment.storage.database.apiClient.update({ where: { id }, data })
  const failing = async (id: string, data: object) => {
    const error = await write(id, data).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Error)
    return error as Error
  }
  const needsThatFail = (error: Error, times: number) => {
    let tries = 0
    const change = async () => {
      tries++
      if (tries <= times) throw error
      return 'done'
    }
    return { needs: { change } as unknown as OperationNeeds, tries: () => tries }
  }

  test('no slot has two, and there is no sixth', async () => {
    const [one, other] = await twoClients()
    await failing(other.id, { slot: 1 })
    await failing(other.id, { slot: 6 })
    await failing(one.id, { slot: 0 })
  })

  test('a slot that somebody else has by now is tried again, and not for ever', async () => {
    const [, other] = await twoClients()
    const taken = await failing(other.id, { slot: 1 })
    const once = needsThatFail(taken, 1)
    expect(await changeClients(once.needs, async () => ({ result: '', events: [] }))).toBe('done')
    expect(once.tries()).toBe(2)
    const always = needsThatFail(taken, Infinity)
    await expect(changeClients(always.needs, async () => ({ result: '', events: [] }))).rejects.toBe(taken)
    expect(always.tries()).toBe(3)
  })

  test('a client_id that somebody else has by now is a conflict', async () => {
    const [one, other] = await twoClients()
    const taken = await failing(other.id, { clientId: one.client_id })
    const { needs, tries } = needsThatFail(taken, Infinity)
    await expect(changeClients(needs, async () => ({ result: '', events: [] }))).rejects.toMatchObject({
      ...{ code: 'conflict', details: { detail: 'this client_id is taken' } },
    })
    expect(tries()).toBe(1)
    const error = await failing(one.id, { permission: 'all' })
    const odd = needsThatFail(error, Infinity)
    await expect(changeClients(odd.needs, async () => ({ result: '', events: [] }))).rejects.toBe(error)
  })

  test.each(['slot', 'my slot 1', 'a_slot_b', 'api_client_tenant_id_mode_slot_key'])(
    'a client_id that is taken is a conflict, although it is “%s”',
    async (called) => {
      const live = deployment.nodes[0].at('live')
      const admin = (await createTenant(deployment)).keys.live.api_key
      const { client_secret } = await addApiClient(live, admin, { client_id: called })
      const again = { client_id: called, client_secret, permission: 'read' }
      const { status, body } = await live.api('POST', '/v1/api-clients', admin, again)
      expect([status, body.error]).toEqual([409, 'conflict'])
    },
  )
})
