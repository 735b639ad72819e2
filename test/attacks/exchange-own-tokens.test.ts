import { beforeAll, expect, test } from 'vitest'
import { describeDeployments } from '../deployments.ts'
import { createApp, createPerson, issueCode, type TestApp } from '../oauth/people.ts'
import { createServiceUser, createWorkloads, equals, TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

const TYPES = ['access_token', 'refresh_token', 'id_token', 'jwt', 'saml2']

describeDeployments('a token of our own, in exchange', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let app: TestApp
  let tokens: { access_token: string; refresh_token: string; id_token: string }

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    app = await createApp(live, deployment.made.live.api_key)
    const scope = ['openid', 'apps:read', 'apps:write']
    const code = await issueCode(deployment, await createPerson(deployment), app, { resource: live.issuer, scope })
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...code } as never
    tokens = (await live.form('/oauth/token', form)).body
    expect(tokens.id_token).toMatch(/^ey/)
  })
  const form = (subject_token: string, subject_type: string, more: object = {}) =>
    ({
      grant_type: TOKEN_EXCHANGE,
      ...{ subject_token, subject_token_type: type(subject_type), ...more },
    }) as Record<string, string>

  test('a refresh or ID token, a sandbox token, a key, of whatever type, to whoever asks: refused [attack 56]', async () => {
    const sandbox = (await deployment.nodes[0].at('test').token(deployment.made.test)).body.access_token
    const { id, client_id } = await createServiceUser(live, deployment.made.live.api_key)
    expect(id).toMatch(/^su_/)
    const subjects = [tokens.refresh_token, tokens.id_token, sandbox, deployment.made.live.api_key]
    for (const subject of subjects) {
      for (const claimed of TYPES) {
        const asked = form(subject, claimed)
        const answers = [
          await live.token(deployment.made.live, asked),
          await live.form('/oauth/token', { ...asked, client_id: app.client_id }),
          await live.form('/oauth/token', { ...asked, client_id }),
        ]
        for (const { status, body } of answers) {
          expect([status, body.error]).toEqual([400, expect.stringMatching(/^(invalid_request|unauthorized_client)$/)])
        }
      }
    }
    // None of it counts as theft: the family lives.
    const refreshed = { grant_type: 'refresh_token', client_id: app.client_id, refresh_token: tokens.refresh_token }
    const { status, body } = await live.form('/oauth/token', refreshed)
    expect(status).toBe(200)
    tokens = { ...tokens, ...body }
  })

  test('an ID token of ours as of a platform, even where a provider has our name [attack 56]', async () => {
    const workloads = createWorkloads(deployment)
    const user = await createServiceUser(live, deployment.made.live.api_key)
    // The management API makes no such provider.
    const ours = await workloads.provider({ issuer: live.issuer, audiences: [app.client_id] })
    const { sub } = JSON.parse(Buffer.from(tokens.id_token.split('.')[1] ?? '', 'base64url').toString())
    await workloads.binding(ours, user, { conditions: [equals('sub', sub)] })
    for (const claimed of ['jwt', 'id_token']) {
      const asked = form(tokens.id_token, claimed, { client_id: user.client_id })
      const { status, body } = await live.form('/oauth/token', asked)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      expect(body.error_description).toContain('(issuer)')
    }
  })

  test.each(TYPES.slice(1))(
    'asked for as %s: refused, and no answer has a refresh token [attack 58]',
    async (wanted) => {
      const { client_id } = app
      const asked = form(tokens.access_token, 'access_token', { client_id })
      const { status, body } = await live.form('/oauth/token', { ...asked, requested_token_type: type(wanted) })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      const given = await live.form('/oauth/token', { ...asked, requested_token_type: type('access_token') })
      expect([given.status, given.body.issued_token_type]).toEqual([200, type('access_token')])
      expect(given.body).not.toHaveProperty('refresh_token')
    },
  )
})
