import type { RequestListener } from 'node:http'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { epochSeconds } from '../../server/clock.ts'
import { AWS_STS, createAwsRequests } from '../../server/workload-identity/aws-request.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { json } from '../outbound/origin.ts'
import { providerOf } from './provider.ts'
import { createSts, createWorkload, identity } from './sts.ts'

const OURS = 'https://auth.example.com'
const noState = { remember: () => Promise.reject(new Error('nothing may be remembered')) }
const failing = (check: string) => ({ ok: false, failed: { check, held: false } })

async function scene(answer?: RequestListener) {
  // SigV4 counts whole seconds.
  const clock = createTestClock(Math.floor(Date.now() / 1000) * 1000)
  const sts = await createSts(answer)
  const requests = createAwsRequests({ issuer: OURS, outbound: sts.outbound, state: noState, clock })
  const provider = providerOf(AWS_STS, { platform: 'aws' })
  const verify = (token: string, of = provider) => requests.verify(token, of)
  return { clock, sts, provider, verify, workload: createWorkload(clock, OURS), now: epochSeconds(clock.now()) }
}

describe('a signed GetCallerIdentity request', () => {
  test('tells who signed, as AWS says it', async () => {
    const { verify, workload, sts, now } = await scene()
    expect(await verify(workload.sign())).toEqual({
      ok: true,
      subject: {
        issuer: AWS_STS,
        subject: 'arn:aws:iam::123456789012:role/Ingest',
        claims: {
          iss: AWS_STS,
          sub: 'arn:aws:iam::123456789012:role/Ingest',
          account: '123456789012',
          arn: 'arn:aws:sts::123456789012:assumed-role/Ingest/i-0abc',
          user_id: 'AROAEXAMPLE:i-0abc',
          'https://sts.amazonaws.com/': { aws_account: '123456789012' },
        },
        jti: expect.stringMatching(/^[0-9a-f]{64}$/),
        issuedAt: now,
        expiresAt: now + 900,
      },
    })
    expect(sts.asked).toEqual(['https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15'])
  })

  test('is sent as our own: with its signed headers, and no body', async () => {
    const { verify, workload, sts } = await scene()
    await verify(workload.sign())
    expect(Object.keys(sts.requests[0]?.headers ?? {}).sort()).toEqual(
      [
        ...['accept', 'accept-encoding', 'authorization', 'connection', 'content-length', 'host', 'user-agent'],
        ...['x-amz-date', 'x-amz-security-token', 'x-keycourt-audience'],
      ].sort(),
    )
    expect(sts.requests[0]?.headers).toMatchObject({ 'content-length': '0', accept: 'application/json' })
  })

  test.each(['eu-central-1', 'us-gov-west-1', 'ap-southeast-2'])('may be for %s', async (region) => {
    const { verify, workload, sts } = await scene()
    expect(await verify(workload.sign({ region }))).toMatchObject({ ok: true })
    expect(sts.asked[0]).toMatch(`https://sts.${region}.amazonaws.com/`)
  })

  test('may be without a session, for a slash, or with the hash of its body', async () => {
    const { verify, workload } = await scene()
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    const url = 'https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15'
    for (const made of [
      { headers: { 'x-amz-security-token': undefined } },
      { url },
      { headers: { 'x-amz-content-sha256': empty } },
    ]) {
      expect(await verify(workload.sign(made))).toMatchObject({ ok: true })
    }
  })
})

describe('goes nowhere but to AWS', () => {
  test.each([
    'sts.us-east-1.amazonaws.com.evil.example',
    'evil.example',
    'evil-sts.us-east-1.amazonaws.com',
    'sts.evil.amazonaws.com',
    'sts.us-east-1.evil.amazonaws.com',
    'sts-us-east-1.amazonaws.com',
    's3.us-east-1.amazonaws.com',
    'STS.us-east-1.amazonaws.com',
    'sts.us-east-1.amazonaws.com.',
    'sts.us-east-1.amazonaws.com:8443',
    'user@sts.us-east-1.amazonaws.com',
    '169.254.169.254',
    'sts.eu-west-1.amazonaws.com',
  ])('%s', async (host) => {
    const { verify, workload, sts } = await scene()
    expect(await verify(workload.sign({ host }))).toMatchObject(failing('malformed'))
    expect(sts.asked).toEqual([])
  })

  const HOST = 'https://sts.us-east-1.amazonaws.com'
  test.each([
    `${HOST}?Action=AssumeRole&Version=2011-06-15`,
    `${HOST}?Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole`,
    `${HOST}?Action=GetCallerIdentity&Version=2011-06-15#`,
    `${HOST}/x?Action=GetCallerIdentity&Version=2011-06-15`,
    `${HOST}/`,
    HOST,
    `${HOST}\\?Action=GetCallerIdentity&Version=2011-06-15`,
    'http://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
    `${HOST}?Action=GetCallerIdentity&Version=2011-06-15\n`,
  ])('CVE-2020-16250: and for nothing else there: %s', async (url) => {
    const { verify, workload, sts } = await scene()
    expect(await verify(workload.sign({ url }))).toMatchObject(failing('malformed'))
    expect(sts.asked).toEqual([])
  })
})

describe('what is no such request', () => {
  const evil = { 'x-keycourt-audience': 'https://evil.example' }

  test('is signed for somebody else', async () => {
    const { verify, workload, sts, provider } = await scene()
    expect(await verify(workload.sign({ headers: evil }))).toMatchObject({
      failed: { check: 'audience', expected: [OURS], got: 'https://evil.example' },
    })
    const token = workload.sign()
    expect(await verify(token, { ...provider, audiences: ['https://a.example'] })).toMatchObject(failing('audience'))
    expect(sts.asked).toEqual([])
  })

  test.each<[string, Parameters<ReturnType<typeof createWorkload>['sign']>[0]]>([
    ['does not say for whom', { headers: { 'x-keycourt-audience': undefined } }],
    ['does not sign for whom', { signed: ['host', 'x-amz-date', 'x-amz-security-token'] }],
    ['does not sign its date', { signed: ['host', 'x-amz-security-token', 'x-keycourt-audience'] }],
    ['does not sign its host', { signed: ['x-amz-date', 'x-amz-security-token', 'x-keycourt-audience'] }],
    ['does not sign its session', { signed: ['host', 'x-amz-date', 'x-keycourt-audience'] }],
    [
      'signs what it does not send',
      { signed: ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token', 'x-keycourt-audience'] },
    ],
    ['signs a header twice', { signed: ['host', 'host', 'x-amz-date', 'x-amz-security-token', 'x-keycourt-audience'] }],
    ['wants XML', { headers: { accept: 'application/xml' } }],
    ['has a form for a body', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['frames another', { headers: { 'transfer-encoding': 'chunked' } }],
    ['has a length', { headers: { 'content-length': '100' } }],
    ['has any other header', { headers: { 'x-amz-target': 'x' } }],
    [
      'has another host than its URL',
      { url: 'https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15' },
    ],
    ['has a header with a line break', { headers: { 'x-amz-security-token': 'a\r\nx-evil: b' } }],
    ['has an empty header', { headers: { 'x-amz-security-token': '' } }],
    ['has a date of no calendar', { headers: { 'x-amz-date': '20261399T999999Z' } }],
    ['has a date in another form', { headers: { 'x-amz-date': '2026-11-21T10:00:00Z' } }],
    ['is a GET', { more: { method: 'GET' } }],
    ['has a body', { more: { body: 'Action=AssumeRole' } }],
    ['has no headers', { more: { headers: [] } }],
    ['has headers of another shape', { more: { headers: { authorization: 'x' } } }],
  ])('%s', async (_, made) => {
    const { verify, workload, sts } = await scene()
    expect(await verify(workload.sign(made))).toMatchObject(failing('malformed'))
    expect(sts.asked).toEqual([])
  })

  test('says a header twice, in one case or two', async () => {
    const { verify, workload } = await scene()
    const request = JSON.parse(decodeURIComponent(workload.sign()))
    for (const key of ['x-keycourt-audience', 'X-Keycourt-Audience']) {
      const headers = [...request.headers, { key, value: OURS }]
      expect(await verify(encodeURIComponent(JSON.stringify({ ...request, headers })))).toMatchObject(
        failing('malformed'),
      )
    }
  })

  test('is of another day than its credential', async () => {
    const { verify, workload } = await scene()
    const token = workload.sign().replace(/%2F\d{8}%2F/, '%2F20200101%2F')
    expect(await verify(token)).toMatchObject(failing('malformed'))
  })

  test('no garbage throws', async () => {
    const { verify, workload, sts } = await scene()
    const good = JSON.parse(decodeURIComponent(workload.sign()))
    const other = fc.record({
      url: fc.constantFrom(good.url, 'x'),
      method: fc.constant('POST'),
      headers: fc.jsonValue(),
    })
    const token = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map(encodeURIComponent),
      other.map((each) => JSON.stringify(each)),
    )
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect(await verify(text)).toMatchObject(failing('malformed'))
      }),
    )
    expect(sts.asked).toEqual([])
  })
})

describe('time', () => {
  test('a request is good for five minutes, though AWS would take it for longer', async () => {
    const { verify, workload, clock } = await scene()
    const token = workload.sign()
    clock.advance(330_000)
    expect(await verify(token)).toMatchObject({ ok: true })
    clock.advance(1_000)
    expect(await verify(token)).toMatchObject(failing('too_old'))
  })

  test('and not before its time', async () => {
    const { verify, workload, clock } = await scene()
    clock.advance(31_000)
    const token = workload.sign()
    clock.advance(-31_000)
    expect(await verify(token)).toMatchObject(failing('not_yet_valid'))
  })
})

describe('what AWS answers', () => {
  test('403 to a signature that it does not know', async () => {
    const { verify, workload } = await scene()
    const forged = workload.sign().replace(/Signature%3D\w{6}/, 'Signature%3D000000')
    expect(await verify(forged)).toMatchObject(failing('signature'))
    // The header is signed: whoever was sent this request cannot turn it into one for us.
    const stolen = createWorkload(createTestClock(), 'https://evil.example').sign()
    expect(await verify(stolen.replace('https%3A%2F%2Fevil.example', encodeURIComponent(OURS)))).toMatchObject(
      failing('signature'),
    )
  })

  test.each<[string, object | string]>([
    ['another action', { AssumeRoleResponse: {} }],
    ['another action beside it', { ...identity(), AssumeRoleWithWebIdentityResponse: {} }],
    ['more beside the result', { GetCallerIdentityResponse: { ...identity().GetCallerIdentityResponse, Other: {} } }],
    ['identity in text', { GetCallerIdentityResponse: JSON.stringify(identity()) }],
    ['no account', identity({ Account: '' })],
    ['a number for an account', identity({ Account: 123456789012 })],
    ['no ARN', identity({ Arn: '' })],
    ['the ARN of another account', identity({ Arn: 'arn:aws:sts::999999999999:assumed-role/Ingest/x' })],
    ['an ARN of something else', identity({ Arn: 'arn:aws:s3::123456789012:bucket' })],
    ['an ARN with more after it', identity({ Arn: 'arn:aws:iam::123456789012:user/a\n' })],
    ['no user', identity({ UserId: undefined })],
  ])('%s: nobody', async (_, document) => {
    const { verify, workload } = await scene(json(document))
    expect(await verify(workload.sign())).toMatchObject(failing('signature'))
  })

  test.each<[string, RequestListener]>([
    ['XML', json('<GetCallerIdentityResponse/>', { 'content-type': 'text/xml' })],
    ['a redirect', (_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['500', (_, response) => void response.writeHead(500).end()],
    ['too much', json(' '.repeat(70_000))],
    ['half of it', json('{"GetCallerIdentityResponse":')],
  ])('%s: ask again later', async (_, answer) => {
    const { verify, workload } = await scene(answer)
    expect(await verify(workload.sign())).toMatchObject({ ...failing('keys_unavailable'), retryAfter: 5 })
  })

  test.each([
    ['arn:aws:iam::123456789012:user/team/ann', 'arn:aws:iam::123456789012:user/team/ann'],
    ['arn:aws:iam::123456789012:root', 'arn:aws:iam::123456789012:root'],
    [
      'arn:aws-us-gov:sts::123456789012:assumed-role/A-b+c=d,e.f@g/s',
      'arn:aws-us-gov:iam::123456789012:role/A-b+c=d,e.f@g',
    ],
    ['arn:aws:sts::123456789012:federated-user/ann', 'arn:aws:sts::123456789012:federated-user/ann'],
  ])('%s is %s', async (arn, subject) => {
    const { verify, workload } = await scene(json(identity({ Arn: arn })))
    expect(await verify(workload.sign())).toMatchObject({ ok: true, subject: { subject, claims: { arn } } })
  })

  test('at most sixteen are asked at once', async () => {
    const answers: (() => void)[] = []
    const { verify, workload, sts } = await scene(
      (request, response) => void answers.push(() => json(identity())(request, response)),
    )
    const waiting = Array.from({ length: 16 }, () => verify(workload.sign()))
    expect(await verify(workload.sign())).toMatchObject({
      failed: { check: 'keys_unavailable', got: 'too_many_requests' },
    })
    await expect.poll(() => answers.length).toBe(16)
    for (const answer of answers) answer()
    expect((await Promise.all(waiting)).every(({ ok }) => ok)).toBe(true)
    expect(sts.asked).toHaveLength(16)

    const next = verify(workload.sign())
    await expect.poll(() => answers.length).toBe(17)
    answers.at(-1)?.()
    expect(await next).toMatchObject({ ok: true })
  })
})

test('a provider must be for such requests, and enabled', async () => {
  const { verify, workload, sts, provider } = await scene()
  const account = 'https://a1b2c3d4-5678-90ab-cdef-111122223333.tokens.sts.global.api.aws'
  expect(await verify(workload.sign(), { ...provider, issuer: account })).toMatchObject(failing('issuer'))
  expect(await verify(workload.sign(), { ...provider, disabled: true })).toMatchObject(failing('disabled'))
  expect(sts.asked).toEqual([])
})

describeDeployments('a signature is good once', (open) => {
  test('of twenty at once, on all nodes together', async () => {
    const clock = createTestClock()
    const sts = await createSts()
    const { nodes } = await open({ clock })
    const provider = providerOf(AWS_STS, { platform: 'aws', singleUse: false })
    const token = createWorkload(clock, OURS).sign()
    const doors = nodes.map(({ state }) =>
      createAwsRequests({ issuer: OURS, outbound: sts.outbound, state: state.live, clock }),
    )
    const verdict = await doors[0]?.verify(token, provider)
    if (!verdict?.ok) throw new Error('refused')
    const uses = Array.from({ length: 20 }, (_, i) => doors[i % 2]?.isFirstUse(verdict.subject, provider, token))
    expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1)
    clock.advance(14 * 60_000)
    expect(await doors[0]?.isFirstUse(verdict.subject, provider, token)).toBe(false)
  })
})
