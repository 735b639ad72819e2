import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { expectFields } from './problem.ts'

const PROVIDERS = '/v1/workload-providers'
const condition = (claim: string, value: unknown, op = 'equals') => ({ claim, op, value })

describeDeployment('database', 'POST /v1/workload-providers/:id/explain', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: string
  let issuer: TestIssuer
  let providerId: string
  const ids: string[] = []

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
    key = deployment.made.live.api_key
    issuer = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    const user = (await live.api('POST', '/v1/service-users', key, { name: 'u', role: 'viewer' })).body
    const provider = { platform: 'github-actions', name: 'GitHub', issuer: issuer.url }
    providerId = (await live.api('POST', PROVIDERS, key, provider)).body.id
    for (const conditions of [
      [condition('repository_id', '74'), condition('ref', 'refs/heads/main')],
      [condition('repository_id', '99')],
    ]) {
      deployment.clock.advance(1)
      const body = { service_user_id: user.id, conditions }
      ids.push((await live.api('POST', `${PROVIDERS}/${providerId}/bindings`, key, body)).body.id)
    }
  })

  const explain = async (subject_token: string) => {
    const { status, body } = await live.api('POST', `${PROVIDERS}/${providerId}/explain`, key, { subject_token })
    expect(status).toBe(200)
    return body
  }
  const claims = { repository_id: '74', ref: 'refs/heads/main', event_name: 'push' }

  test('a good token: which binding takes it, and what the other wanted', async () => {
    const { matches, verification, bindings, claims: said } = await explain(await issuer.sign(claims))
    expect([matches, verification]).toEqual([true, { held: true }])
    expect(said).toMatchObject(claims)
    expect(bindings).toEqual([
      expect.objectContaining({
        ...{ id: ids[0], matches: true, disabled: false },
        conditions: [
          { claim: 'repository_id', op: 'equals', expected: '74', got: '74', held: true },
          { claim: 'ref', op: 'equals', expected: 'refs/heads/main', got: 'refs/heads/main', held: true },
        ],
      }),
      expect.objectContaining({
        ...{ id: ids[1], matches: false },
        conditions: [{ claim: 'repository_id', op: 'equals', expected: '99', got: '74', held: false }],
      }),
    ])
  })

  test('what the platform denies is told apart from the conditions', async () => {
    const { matches, bindings } = await explain(await issuer.sign({ ...claims, event_name: 'pull_request_target' }))
    expect(matches).toBe(false)
    expect(bindings[0].conditions.every(({ held }: { held: boolean }) => held)).toBe(true)
    expect(bindings[0].denials).toContainEqual({
      ...{ check: 'event_name denied', held: false },
      ...{ expected: 'not pull_request_target', got: 'pull_request_target' },
    })
  })

  test('a claim that is not there is null', async () => {
    const { bindings } = await explain(await issuer.sign({ repository_id: '74' }))
    expect(bindings[0].conditions[1]).toMatchObject({ claim: 'ref', got: null, held: false })
  })

  test('looking at a token does not use it up, and says the same each time', async () => {
    const token = await issuer.sign(claims)
    expect(await explain(token)).toEqual(await explain(token))
    expect((await explain(` ${token}\n`)).matches).toBe(true)
  })

  describe('a token that is not good is compared all the same', () => {
    test.each([
      ['expired', { exp: 1_000_000_000, iat: 999_999_999 }],
      ['audience', { aud: 'https://other.example' }],
      ['issuer', { iss: 'https://other.example' }],
    ])('%s', async (check, more) => {
      const { matches, verification, bindings } = await explain(await issuer.sign({ ...claims, ...more }))
      expect([matches, verification.held, verification.check]).toEqual([false, false, check])
      expect(verification.expected).not.toBeNull()
      expect(bindings[0]).toMatchObject({ matches: false, conditions: [{ held: true }, { held: true }] })
    })

    test('one that is none', async () => {
      const { matches, verification, bindings, claims: said } = await explain('garbage')
      expect([matches, verification.check, said]).toEqual([false, 'malformed', null])
      expect(bindings[0]).toMatchObject({ matches: false, conditions: [{ got: null, held: false }, { got: null }] })
    })
  })

  test('disabled: no match, and it says why', async () => {
    const token = await issuer.sign(claims)
    await live.api('PATCH', `/v1/workload-bindings/${ids[0]}`, key, { disabled: true })
    expect((await explain(token)).bindings[0]).toMatchObject({ disabled: true, matches: false })
    await live.api('PATCH', `/v1/workload-bindings/${ids[0]}`, key, { disabled: false })
    await live.api('PATCH', `${PROVIDERS}/${providerId}`, key, { disabled: true })
    expect(await explain(token)).toMatchObject({ matches: false, verification: { held: false, check: 'disabled' } })
    await live.api('PATCH', `${PROVIDERS}/${providerId}`, key, { disabled: false })
    expect((await explain(token)).matches).toBe(true)
  })

  test('no token, or far too much of one: 422', async () => {
    for (const body of [{}, { subject_token: '' }, { subject_token: 'a'.repeat(20_001) }]) {
      expectFields(await live.api('POST', `${PROVIDERS}/${providerId}/explain`, key, body), '/subject_token')
    }
  })
})
