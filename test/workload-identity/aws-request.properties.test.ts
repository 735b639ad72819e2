import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCallerIdentity, principalOf } from '../../server/workload-identity/aws/caller-identity.ts'
import { AUDIENCE_HEADER, parseSignedRequest } from '../../server/workload-identity/aws/signed-request.ts'
import { createTestClock } from '../clock.ts'
import { hostileText, mutated } from '../hostile-text.ts'
import { createWorkload } from './sts.ts'

const clock = createTestClock(1_800_000_000_000)
const audience = fc.oneof(fc.webUrl(), fc.constant('https://auth.example.com'))
const region = fc.constantFrom('us-east-1', 'eu-central-1', 'us-gov-west-1', 'ap-southeast-2')
const signed = fc
  .tuple(audience, region)
  .map(([url, where]) => ({ url, where, token: createWorkload(clock, url).sign({ region: where }) }))

describe('a signed request', () => {
  test('is read as it was signed: for whom, when, and where it goes', () => {
    fc.assert(
      fc.property(signed, ({ url, where, token }) => {
        expect(parseSignedRequest(token)).toMatchObject({
          host: `sts.${where}.amazonaws.com`,
          audience: url,
          signedAt: clock.now() / 1000,
        })
      }),
      { numRuns: 200 },
    )
  })

  /** Whatever it was made of: what we would send, and to whom. */
  function expectHarmless(token: string): void {
    const request = parseSignedRequest(token)
    if (!request) return
    expect(request.host).toMatch(/^sts\.(?:[a-z]{2}(?:-gov)?-[a-z]+-\d\.)?amazonaws\.com$/)
    const names = Object.keys(request.headers)
    const allowed = [
      'authorization',
      'host',
      'x-amz-date',
      'x-amz-security-token',
      'x-amz-content-sha256',
      AUDIENCE_HEADER,
    ]
    expect(names.filter((name) => !allowed.includes(name))).toEqual([])
    const list = /SignedHeaders=([^,]+),/.exec(request.headers.authorization as string)?.[1]?.split(';')
    expect(new Set(list)).toEqual(new Set([...names.filter((name) => name !== 'authorization'), 'host']))
    for (const value of Object.values(request.headers)) expect(value).toMatch(/^[\x20-\x7e]+$/)
    expect(request.headers[AUDIENCE_HEADER]).toBe(request.audience)
    expect(request.headers.host ?? request.host).toBe(request.host)
    expect([typeof request.signedAt, request.signature.length]).toEqual(['number', 64])
  }

  test('with one character changed, in its JSON or outside of it, is none, or says no more than AWS is asked', () => {
    const changed = signed.chain(({ token }) =>
      fc.oneof(
        mutated(token),
        mutated(decodeURIComponent(token)).map((text) => encodeURIComponent(text.toWellFormed())),
      ),
    )
    fc.assert(fc.property(changed, expectHarmless), { numRuns: 2_000 })
  })

  test('with anything in the place of one of its parts is none, or says no more than AWS is asked', () => {
    const value = fc.oneof(
      hostileText,
      fc.constantFrom(
        'https://sts.amazonaws.com.evil.example/',
        'https://evil.example/?Action=GetCallerIdentity&Version=2011-06-15',
        'host',
        'x-amz-date',
        'https://sts.us-east-1.amazonaws.com/?Action=AssumeRole&Version=2011-06-15',
        'sts.amazonaws.com\r\nx: y',
      ),
    )
    const changed = fc
      .tuple(signed, fc.nat(), value, fc.constantFrom('key', 'value', 'url', 'method', 'more', 'twice'))
      .map(([{ token }, at, text, part]) => {
        const request = JSON.parse(decodeURIComponent(token)) as { headers: { key: string; value: string }[] } & Record<
          string,
          unknown
        >
        const header = request.headers[at % request.headers.length] as { key: string; value: string }
        if (part === 'key' || part === 'value') header[part] = text
        else if (part === 'twice') request.headers.push({ ...header, value: text })
        else request[part] = text
        return encodeURIComponent(JSON.stringify(request).toWellFormed())
      })
    fc.assert(fc.property(changed, expectHarmless), { numRuns: 2_000 })
  })

  test('is none if it is anything at all', () => {
    const any = fc.oneof(
      hostileText,
      fc.json(),
      fc.json().map(encodeURIComponent),
      fc.jsonValue().map((headers) => JSON.stringify({ url: 'https://sts.amazonaws.com/', method: 'POST', headers })),
    )
    fc.assert(
      fc.property(any, (token) => parseSignedRequest(token) === undefined),
      { numRuns: 1_000 },
    )
  })
})

describe("AWS's answer", () => {
  const account = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 12, maxLength: 12 })
  const word = fc.string({ unit: fc.constantFrom(...'abcXYZ09_+=,.@-'), minLength: 1, maxLength: 12 })
  const caller = fc.tuple(account, word, word).chain(([id, role, session]) =>
    fc.constantFrom(
      { id, arn: `arn:aws:sts::${id}:assumed-role/${role}/${session}`, principal: `arn:aws:iam::${id}:role/${role}` },
      { id, arn: `arn:aws:iam::${id}:user/${role}`, principal: `arn:aws:iam::${id}:user/${role}` },
      {
        id,
        arn: `arn:aws-cn:sts::${id}:assumed-role/${role}/${session}`,
        principal: `arn:aws-cn:iam::${id}:role/${role}`,
      },
      { id, arn: `arn:aws:iam::${id}:root`, principal: `arn:aws:iam::${id}:root` },
    ),
  )
  const answer = (Account: unknown, Arn: unknown, UserId: unknown = 'AROAEXAMPLE:session') => ({
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: { Account, Arn, UserId },
      ResponseMetadata: { RequestId: 'x' },
    },
  })

  test('names a role by its session, and everybody else by what they are', () => {
    fc.assert(
      fc.property(caller, ({ id, arn, principal }) => {
        const parsed = parseCallerIdentity(answer(id, arn))
        expect(parsed).toMatchObject({ account: id, arn })
        expect(parsed && principalOf(parsed)).toBe(principal)
      }),
      { numRuns: 500 },
    )
  })

  test('names nobody where the account and the name disagree, or anything is out of form', () => {
    const other = fc.oneof(account, hostileText, fc.jsonValue())
    fc.assert(
      fc.property(caller, other, fc.oneof(hostileText, fc.jsonValue()), ({ id, arn }, wrong, text) => {
        if (wrong !== id) expect(parseCallerIdentity(answer(wrong, arn))).toBeUndefined()
        for (const each of [answer(id, text), { ...answer(id, arn), more: text }, { Error: answer(id, arn) }, text]) {
          const parsed = parseCallerIdentity(each)
          if (parsed) expect([parsed.account, parsed.arn.includes(id)]).toEqual([id, true])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('one character off is of the same account, or nobody', () => {
    const changed = caller.chain((each) => mutated(each.arn).map((arn) => ({ ...each, arn })))
    fc.assert(
      fc.property(changed, ({ id, arn }) => {
        const parsed = parseCallerIdentity(answer(id, arn))
        if (parsed)
          expect(principalOf(parsed)).toMatch(
            new RegExp(`^arn:aws(-us-gov|-cn)?:iam::${id}:|^arn:aws(-us-gov|-cn)?:sts::${id}:`),
          )
      }),
      { numRuns: 1_000 },
    )
  })
})
