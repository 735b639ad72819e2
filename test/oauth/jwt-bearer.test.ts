import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { createProver } from './prover.ts'
import { createServiceUser, createWorkloads, equals, JWT_BEARER, type TestServiceUser } from './workloads.ts'

describeDeployments('jwt-bearer (RFC 7523 §2.1)', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let platform: TestIssuer
  let user: TestServiceUser

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    const [one, two] = deployment.nodes
    live = one.at('live')
    other = two.at('live')
    platform = await createIssuer({ aud: live.issuer, clock: deployment.clock })
    const workloads = createWorkloads(deployment)
    user = await createServiceUser(live, deployment.made.live.api_key)
    const provider = await workloads.provider({ issuer: platform.url, singleUse: true })
    await workloads.binding(provider, user, { conditions: [equals('sub', 'job')], scopes: ['apps:read', 'apps:write'] })
  })

  const signed = (claims = {}) => platform.sign({ sub: 'job', ...claims })
  const grant = (form: object, at: Caller = live, headers = {}) =>
    at.form('/oauth/token', { grant_type: JWT_BEARER, client_id: user.client_id, ...form } as never, headers)

  test('an assertion of the platform gives what the binding does, and no more', async () => {
    const { status, body } = await grant({ assertion: await signed() })
    expect([status, body.scope, body.token_type]).toEqual([200, 'apps:read apps:write', 'Bearer'])
    expect(body).not.toHaveProperty('issued_token_type')
    expect(body).not.toHaveProperty('refresh_token')
    const introspected = (await live.introspect(deployment.made.live, body.access_token)).body
    expect(introspected).toMatchObject({ sub: user.client_id, act: { iss: platform.url, sub: 'job' } })
    const beyond = await grant({ assertion: await signed(), scope: 'api-keys:read' })
    expect(beyond.body.error).toBe('invalid_scope')
  })

  test('RFC 9449 §5: with a proof the token is bound', async () => {
    const prover = await createProver(deployment.clock.now)
    const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)
    expect((await grant({ assertion: await signed() }, live, { dpop })).body.token_type).toBe('DPoP')
  })

  test('§3.1: an assertion that is not acceptable is invalid_grant, and the check is named', async () => {
    const wrong: [object, string][] = [
      [{ sub: 'another' }, 'sub equals'],
      [{ aud: 'https://other.example' }, 'audience'],
      [{ exp: 1, iat: 1 }, 'expired'],
    ]
    for (const [claims, check] of wrong) {
      const { status, body } = await grant({ assertion: await signed(claims) })
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
      expect(body.error_description).toContain(check)
    }
  })

  test('none, an empty one, two of them: invalid_request', async () => {
    const token = await signed()
    for (const assertion of [[], [''], [token, token]]) {
      const { status, body } = await grant({ assertion })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
  })

  test('the same one over both doors and nodes at once: good once [attack 51]', async () => {
    const assertion = await signed()
    const exchange = {
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', client_id: user.client_id },
      ...{ subject_token: assertion, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
    }
    const answers = await Promise.all([
      ...[live, other, live, other].map((node) => grant({ assertion }, node)),
      ...[live, other].map((node) => node.form('/oauth/token', exchange)),
    ])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('without the name of a service user nobody is meant', async () => {
    const { status, body } = await live.form('/oauth/token', { grant_type: JWT_BEARER, assertion: await signed() })
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })
})
