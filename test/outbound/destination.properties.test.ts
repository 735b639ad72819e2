import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPublic } from '../../server/outbound/address-rules.ts'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { destinationOf } from '../../server/outbound/destination.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const nothing = allowanceOf([])

test('whatever a document says where its keys are: a public https address, or refused; never an error', async () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((text) => `[${text}]`),
    fc.domain(),
    fc.constantFrom('0x7f.1', '2130706433', 'localhost', '[::ffff:10.0.0.1]'),
  )
  const url = host.map((name) => `https://${name}/keys`)
  // Node 24.21: of a host as long and in capitals canParse says yes, and the constructor throws.
  const long = fc.integer({ min: 15_000, max: 30_000 }).map((length) => `https://${'G'.repeat(length)}`)
  const resolved = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('1.1.1.1', '127.0.0.1')), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(fc.oneof(url, url.chain(mutated), hostileText, long), resolved, async (text, addresses) => {
      const resolve = async () => addresses
      const found = await destinationOf(
        text,
        nothing,
        { ours: resolve, anybodys: resolve },
        new AbortController().signal,
      )
      if (!found.ok) return
      expect([found.url.protocol, found.url.username, found.url.password, found.url.hash]).toEqual([
        'https:',
        '',
        '',
        '',
      ])
      expect([found.addresses.length > 0, found.addresses.filter((address) => !isPublic(address))]).toEqual([true, []])
    }),
    { numRuns: 1_000 },
  )
})
