import { sign } from 'aws4'
import { expect, test } from 'vitest'
import { AWS_STS, createAwsRequests } from '../../server/workload-identity/aws-request.ts'
import { createTestClock } from '../clock.ts'
import { providerOf } from './provider.ts'
import { createSts } from './sts.ts'

const OURS = 'https://auth.example.com'
const CREDENTIALS = {
  accessKeyId: 'ASIAABCDEFGHIJKLMNOP',
  secretAccessKey: 'of-the-workload', // what the stand-in of STS knows
  sessionToken: 'session',
}

/** A subject token, as a workload with an ordinary signer makes it. */
function signed(headers: Record<string, string>, region = 'eu-central-1') {
  const host = `sts.${region}.amazonaws.com`
  const path = '/?Action=GetCallerIdentity&Version=2011-06-15'
  const request = sign({ service: 'sts', method: 'POST', ...{ host, path, region, headers } }, CREDENTIALS)
  const list = Object.entries(request.headers ?? {}).map(([key, value]) => ({ key, value }))
  return encodeURIComponent(JSON.stringify({ url: `https://${host}${path}`, method: 'POST', headers: list }))
}

async function verifier() {
  const sts = await createSts()
  const state = { remember: async () => true }
  const requests = createAwsRequests({ issuer: OURS, outbound: sts.outbound, state, clock: createTestClock() })
  return { sts, verify: (token: string) => requests.verify(token, providerOf(AWS_STS, { platform: 'aws' })) }
}

test('a GetCallerIdentity request that aws4 signed is taken, and AWS of its region is asked', async () => {
  const { sts, verify } = await verifier()
  const subject = { issuer: AWS_STS, subject: 'arn:aws:iam::123456789012:role/Ingest' }
  expect(await verify(signed({ 'x-keycourt-audience': OURS }))).toMatchObject({ ok: true, subject })
  expect(sts.asked).toEqual([expect.stringMatching(/^https:\/\/sts\.eu-central-1\.amazonaws\.com\//)])
})

test.each([
  ['that says not whom it is for', {}, 'malformed'],
  ['for somebody else', { 'x-keycourt-audience': 'https://other.example' }, 'audience'],
  ['with more in it than it must say', { 'x-keycourt-audience': OURS, accept: 'text/html' }, 'malformed'],
])('one %s is refused, and AWS is not asked', async (_, headers, check) => {
  const { sts, verify } = await verifier()
  expect(await verify(signed(headers as Record<string, string>))).toMatchObject({ ok: false, failed: { check } })
  expect(sts.asked).toEqual([])
})

test('one that was changed after it was signed is refused by AWS', async () => {
  const { sts, verify } = await verifier()
  const token = signed({ 'x-keycourt-audience': 'https://other.example' })
  const changed = token.replace(encodeURIComponent('https://other.example'), encodeURIComponent(OURS))
  expect(await verify(changed)).toMatchObject({ ok: false, failed: { check: 'signature' } })
  expect(sts.asked).toHaveLength(1)
})
