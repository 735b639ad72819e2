import { hash } from '@node-rs/argon2'
import { describe, expect, test } from 'vitest'
import { createGate } from '../../server/credentials/gate.ts'
import type { MemberWithPassword } from '../../server/people/member.ts'
import { createPasswords } from '../../server/people/password.ts'

const member = async (id: string, password: string): Promise<MemberWithPassword> => ({
  ...{ id, tenantId: 'ten_1', email: 'ada@example.com', role: 'owner', requirePasskey: false },
  passwordHash: await hash(password),
})

describe('passwords', () => {
  const passwords = createPasswords()

  test('whose it is, of several with one address', async () => {
    const those = await Promise.all([member('mem_1', 'one'), member('mem_2', 'two')])
    expect(await passwords.check(those, 'two')).toEqual({ outcome: 'right', member: those[1] })
    expect(await passwords.check(those, 'three')).toEqual({ outcome: 'wrong' })
  })

  test('a hash that is none is nobody’s password', async () => {
    const broken = { ...(await member('mem_1', 'one')), passwordHash: 'not a hash' }
    expect(await passwords.check([broken], 'one')).toEqual({ outcome: 'wrong' })
  })

  test('an address that nobody has costs a verification as well', async () => {
    const those = [await member('mem_1', 'one')]
    const time = async (members: MemberWithPassword[]) => {
      const began = performance.now()
      for (let each = 0; each < 8; each++) await passwords.check(members, 'wrong')
      return performance.now() - began
    }
    await time([])
    const [nobody, somebody] = [await time([]), await time(those)]
    // Without the decoy it would be a thousandth.
    expect(nobody).toBeGreaterThan(somebody / 4)
  })

  test('of a flood some run, some wait, and all others are told so at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => passwords.check([], 'x')))
    const count = (outcome: string) => outcomes.filter((each) => each.outcome === outcome).length
    expect([count('wrong'), count('busy')]).toEqual([36, 24])
  })
})

describe('the gate', () => {
  test('never more than so many inside, and a failure frees its place', async () => {
    const gate = createGate(2, 10)
    let inside = 0
    let most = 0
    const work = async (fails: boolean) => {
      most = Math.max(most, ++inside)
      await Promise.resolve()
      inside--
      if (fails) throw new Error('no')
      return 'done'
    }
    const all = await Promise.allSettled(
      [true, false, true, false, false].map((fails) => gate('full', () => work(fails))),
    )
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(most).toBe(2)
    expect(await gate('full', () => work(false))).toBe('done')
  })
})
