import { verify } from '@node-rs/argon2'
import { describe, expect, test } from 'vitest'
import { createChosenSecrets } from '../../server/credentials/chosen-secret.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'

const [OLD, NEW] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

describe('chosen secrets', () => {
  const secrets = createChosenSecrets(deriveMasterKeys([OLD]))

  test('argon2id, with a pepper: whoever has a dump can’t even guess', async () => {
    const stored = await secrets.hash('Passw0rd!')
    const text = stored.digest.toString()
    expect(text).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await verify(text, 'Passw0rd!')).toBe(false)
    expect(await secrets.verify('Passw0rd!', stored)).toBe(true)
    expect(await secrets.verify('Passw0rd?', stored)).toBe(false)
  })

  test('all of it counts: the 73rd byte as the first [attack 5]', async () => {
    const long = `P4ss!${'x'.repeat(75)}`
    const stored = await secrets.hash(long)
    for (const wrong of [long.slice(0, 72), `${long.slice(0, 72)}yyyyyyyy`, `${long}x`]) {
      expect(await secrets.verify(wrong, stored)).toBe(false)
      expect(secrets.wasRight(wrong, stored)).toBe(false)
    }
    expect(await secrets.verify(long, stored)).toBe(true)
  })

  test('other master keys still verify; without theirs nothing does', async () => {
    const stored = await secrets.hash('Passw0rd!')
    expect(await createChosenSecrets(deriveMasterKeys([NEW, OLD])).verify('Passw0rd!', stored)).toBe(true)
    expect(await createChosenSecrets(deriveMasterKeys([NEW])).verify('Passw0rd!', stored)).toBe(false)
    const claimed = { ...stored, hashKey: deriveMasterKeys([NEW]).current.id }
    expect(await createChosenSecrets(deriveMasterKeys([NEW, OLD])).verify('Passw0rd!', claimed)).toBe(false)
  })

  test('what was right is remembered, with this very hash; nothing else is', async () => {
    const [stored, again] = [await secrets.hash('Rem3mber!'), await secrets.hash('Rem3mber!')]
    expect(secrets.wasRight('Rem3mber!', stored)).toBe(false)
    await secrets.verify('Rem3mber?', stored)
    await secrets.verify('Rem3mber!', stored)
    expect(secrets.wasRight('Rem3mber!', stored)).toBe(true)
    expect(secrets.wasRight('Rem3mber?', stored)).toBe(false)
    expect(secrets.wasRight('Rem3mber!', again)).toBe(false)
  })

  test('it remembers so many and no more', async () => {
    const few = createChosenSecrets(deriveMasterKeys([OLD]), 2)
    const stored = await Promise.all(['0ne-and-a', '2wo-and-a', '3hree-an'].map((secret) => few.hash(secret)))
    for (const [at, secret] of ['0ne-and-a', '2wo-and-a', '3hree-an'].entries()) await few.verify(secret, stored[at])
    expect(
      ['0ne-and-a', '2wo-and-a', '3hree-an'].map((secret, at) => few.wasRight(secret, stored[at] as never)),
    ).toEqual([false, true, true])
  })

  test('for nobody, and for a hash that is none, it takes as long', async () => {
    const stored = await secrets.hash('Passw0rd!')
    const time = async (of: Parameters<typeof secrets.verify>[1]) => {
      const began = performance.now()
      for (let each = 0; each < 6; each++) expect(await secrets.verify('Wr0ng-one', of)).toBe(false)
      return performance.now() - began
    }
    await time(undefined)
    const [nobody, unknownKey, somebody] = [
      await time(undefined),
      await time({ ...stored, hashKey: '' }),
      await time(stored),
    ]
    // Without the decoy it would be a thousandth.
    expect(Math.min(nobody, unknownKey)).toBeGreaterThan(somebody / 4)
    expect(await secrets.verify('Passw0rd!', { ...stored, digest: Buffer.from('not a hash') })).toBe(false)
  })

  test('who sets many secrets at once leaves the threads to those who authenticate', async () => {
    const stored = await secrets.hash('Passw0rd!')
    let made = 0
    const many = Array.from({ length: 40 }, () => secrets.hash('An0ther-one').then(() => made++))
    expect(await secrets.verify('Passw0rd!', stored)).toBe(true)
    expect(made).toBeLessThan(10)
    await Promise.all(many)
  })
})
