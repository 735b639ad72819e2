import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openUnder, sealUnder } from '../../server/credentials/sealed-under.ts'
import { decodeToken, encodeToken, type StoredToken } from '../../server/oauth/token-record.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const text = hostileText.map((each) => each.slice(0, 40))
const named = text.filter(Boolean)
const time = fc.integer({ min: 0, max: 2 ** 40 })
const delegation = fc.record({ memberId: named, consentRef: text, consentEpoch: fc.nat(), familyId: text })
const workload = fc.record({
  iss: text,
  sub: text,
  claims: fc.dictionary(
    named.filter((name) => name !== '__proto__'),
    text,
    { maxKeys: 3, noNullPrototype: true },
  ),
  providerId: text,
  bindingId: text,
  bindingRef: text,
  bindingEpoch: fc.nat(),
})
const act = fc.record({ iss: text, sub: text })
const lineage = fc.record({
  depth: fc.nat(5),
  parents: fc.array(fc.record({ digest: text, clientRef: text }), { maxLength: 2 }),
})
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const token: fc.Arbitrary<StoredToken> = fc
  .record({
    clientId: text,
    tenantId: text,
    scope: text,
    audience: text,
    iat: time,
    life: fc.nat(86_400),
    epoch: fc.nat(),
    jkt: optional(named),
    delegation: optional(delegation),
    workload: optional(workload),
    act: optional(act),
    lineage: optional(lineage),
  })
  .map(({ life, ...rest }) => ({ ...rest, exp: rest.iat + life }))

test('what is kept of a token is read back as it was, with any of its parts and without', () => {
  fc.assert(
    fc.property(token, (each) => void expect(decodeToken(encodeToken(each))).toEqual(each)),
    { numRuns: 2_000 },
  )
})

test('what is sealed under a secret opens for it, and for nobody who is one character off; nor does what was altered', () => {
  const secrets = named
    .map((each) => each.toWellFormed())
    .chain((secret) =>
      fc.tuple(
        fc.constant(secret),
        mutated(secret).map((each) => each.toWellFormed()),
      ),
    )
  fc.assert(
    fc.property(
      secrets,
      text.map((each) => each.toWellFormed()),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      ([secret, other], plain, place, change) => {
        const sealed = sealUnder(secret, plain)
        expect(openUnder(secret, sealed)).toBe(plain)
        if (other !== secret) expect(() => openUnder(other, sealed)).toThrow()
        const bytes = Buffer.from(sealed, 'base64url')
        bytes[place % bytes.length] = (bytes[place % bytes.length] as number) ^ change
        expect(() => openUnder(secret, bytes.toString('base64url'))).toThrow()
      },
    ),
    { numRuns: 500 },
  )
})
