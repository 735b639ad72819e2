import { beforeAll, expect, test } from 'vitest'
import { createMembers } from '../../server/people/member.ts'
import type { Database } from '../../server/storage/database.ts'
import { describeDeployments } from '../deployments.ts'

describeDeployments('members by their address', (open) => {
  let database: Database

  beforeAll(async () => {
    const { nodes } = await open()
    database = nodes[0].database
    const createdAt = new Date()
    await database.tenant.createMany({
      data: ['ten_1', 'ten_2'].map((id) => ({ id, name: id, plan: 'standard', status: 'active', createdAt })),
    })
    const member = (id: string, tenantId: string, email: string) => ({
      ...{ id, tenantId, email, passwordHash: `hash of ${id}`, role: 'member', createdAt },
    })
    await database.member.createMany({
      data: [
        member('mem_1', 'ten_1', 'Ada_L@example.com'),
        member('mem_2', 'ten_1', 'adaXl@example.com'),
        member('mem_3', 'ten_2', 'ada_l@example.com'),
        member('mem_4', 'ten_2', 'lin@example.com'),
      ],
    })
  })

  const found = async (email: string, tenantId?: string) =>
    (await createMembers({ database }).withEmail(email, tenantId)).map(({ id }) => id).sort()

  test('without regard to case, in one tenant or in all', async () => {
    expect(await found(' ADA_l@EXAMPLE.com', 'ten_1')).toEqual(['mem_1'])
    expect(await found('ada_l@example.com')).toEqual(['mem_1', 'mem_3'])
    expect(await found('ada_l@example.com', 'ten_3')).toEqual([])
  })

  // PostgreSQL folds U+0130 to `i`, we don't: whoever counts wrong passwords by address would count two.
  test('no letter stands for another, whatever the database takes for the same', async () => {
    expect(await found('LIN@example.com')).toEqual(['mem_4'])
    expect(await found('l\u0130n@example.com')).toEqual([])
  })

  test.each(['%', 'ada%', '___________________', 'a\\', '\\%', ''])(
    '%j is an address, not a pattern',
    async (email) => {
      expect(await found(email)).toEqual([])
    },
  )
})
