import { beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../server/storage/open.ts'
import { callerAt } from '../command/caller.ts'
import { describeDeployments } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { createApp, createPerson, type IssuedCode, issueCode, type Person, type TestApp } from '../oauth/people.ts'
import { createProver } from '../oauth/prover.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'

/** A node's storage, whose next single use `meanwhile` comes before. */
function withSwaps(storage: Storage, meanwhile: () => Promise<void>): Storage {
  const { live } = storage.state
  let isFirst = true
  const swapRecord: typeof live.swapRecord = async (...swap) => {
    if (isFirst) {
      isFirst = false
      await meanwhile()
    }
    return live.swapRecord(...swap)
  }
  return { ...storage, state: { ...storage.state, live: { ...live, swapRecord } } }
}

describeDeployments('an authorization code in the wrong hands', (open) => {
  let deployment: TestDeployment
  let here: Caller
  let there: Caller
  let person: Person
  let app: TestApp
  let thief: TestApp

  beforeAll(async () => {
    deployment = await startDeployment(open)
    here = deployment.nodes[0].at('live')
    there = deployment.nodes[1].at('live')
    person = await createPerson(deployment)
    app = await createApp(here, deployment.made.live.api_key)
    thief = await createApp(here, deployment.made.live.api_key, { name: 'A thief' })
  })

  const issue = async (wishes: Partial<IssuedCode> = {}) => {
    const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, {
      ...{ resource: here.issuer, scope: ['openid', 'api-keys:read'], ...wishes },
    })
    return { code, code_verifier, redirect_uri }
  }
  const redeem = (form: Record<string, string>, { at = here, by = app, headers = {} } = {}) =>
    at.form('/oauth/token', { grant_type: 'authorization_code', client_id: by.client_id, ...form }, headers)
  const refresh = (refresh_token: string, at = here) =>
    at.form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })
  const refused = async (request: ReturnType<typeof redeem>, error = 'invalid_grant') => {
    const { status, body } = await request
    expect([status, body.error]).toEqual([400, error])
  }
  async function expectActive(active: boolean, ...tokens: string[]): Promise<void> {
    for (const token of tokens) {
      for (const at of [here, there]) {
        expect((await at.introspect(deployment.made.live, token)).body.active).toBe(active)
      }
    }
  }

  describe('used twice', () => {
    test.each([1, 30, 59, 3599])(
      '%i s apart: all that its first use gave is dead, on both nodes [attack 29]',
      async (seconds) => {
        const code = await issue()
        const first = (await redeem(code)).body
        const second = (await refresh(first.refresh_token, there)).body
        const tokens = [first.access_token, second.access_token, second.refresh_token]
        deployment.clock.advance(seconds * 1000)
        if (seconds < 3599) await expectActive(true, ...tokens)
        await refused(redeem(code, { at: there }))
        await expectActive(false, ...tokens)
        for (const at of [here, there]) await refused(refresh(second.refresh_token, at))
      },
    )

    test.each<[string, (code: string) => Promise<Record<string, string>>]>([
      ['without the verifier', async (code) => ({ code })],
      ['with a wrong verifier', async (code) => ({ code, code_verifier: 'x'.repeat(43) })],
      ['for another redirect URI', async (code) => ({ code, redirect_uri: 'https://evil.example' })],
    ])('%s: that is enough to tell [attack 29]', async (_, form) => {
      const code = await issue()
      const { access_token, refresh_token } = (await redeem(code)).body
      await refused(redeem(await form(code.code), { at: there }))
      await expectActive(false, access_token, refresh_token)
    })
  })

  describe('of another client', () => {
    test('edited: not that code, and it stays good [attack 31]', async () => {
      const code = await issue()
      const last = code.code.slice(-1)
      const edits = [
        code.code.slice(0, -1) + (last === 'A' ? 'B' : 'A'),
        `${code.code}.${thief.client_id}`,
        `${code.code}=`,
        code.code.replace(/^./, (first) => (first === 'x' ? 'y' : 'x')),
        `${code.code}\0`,
        ` ${code.code}`,
      ]
      for (const edited of edits) await refused(redeem({ ...code, code: edited }, { by: thief, at: there }))
      expect((await redeem(code)).status).toBe(200)
    })

    test('as it is: refused with all that belongs to it, and burnt for its own client on both nodes [attack 31]', async () => {
      const code = await issue()
      await refused(redeem(code, { by: thief, at: there }))
      for (const at of [here, there]) await refused(redeem(code, { at }))
    })

    test("a confidential client's in the hands of a public one [attack 31]", async () => {
      const confidential = await createApp(here, deployment.made.live.api_key, { type: 'confidential' })
      const issued = await issueCode(deployment, person, confidential, { resource: here.issuer })
      const { code, code_verifier, redirect_uri } = issued
      const form = { code, code_verifier, redirect_uri }
      await refused(redeem(form, { by: thief }))
      const secret = { client_secret: confidential.client_secret as string }
      await refused(redeem({ ...form, ...secret }, { by: confidential, at: there }))
    })

    test('after its own client used it: what that got is dead [attack 31]', async () => {
      const code = await issue()
      const { access_token, refresh_token } = (await redeem(code)).body
      await refused(redeem(code, { by: thief, at: there }))
      await expectActive(false, access_token, refresh_token)
    })

    test('seen unused, then used by its own client, then burnt: what that got is dead [attack 31]', async () => {
      const code = await issue()
      let got: Record<string, string> = {}
      const { port } = await startPublicNode(deployment, {
        storage: withSwaps(deployment.storage, async () => {
          got = (await redeem(code)).body
        }),
      })
      const form = { grant_type: 'authorization_code', client_id: thief.client_id, ...code }
      const answer = await callerAt(port, LIVE).send('POST', '/oauth/token', { form })
      expect([answer.status, answer.json.error]).toEqual([400, 'invalid_grant'])
      expect(got).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) })
      await expectActive(false, got.access_token as string, got.refresh_token as string)
    })

    test('at the same moment, 20 times over two nodes: never to the thief, and no token stays [attack 31]', async () => {
      const code = await issue()
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, turn) => {
          const by = turn % 2 ? thief : app
          return { by, answer: await redeem(code, { by, at: turn % 4 < 2 ? here : there }) }
        }),
      )
      const won = answers.filter(({ answer }) => answer.status === 200)
      expect(won.length).toBeLessThanOrEqual(1)
      expect(won.filter(({ by }) => by === thief)).toEqual([])
      for (const { answer } of won) await expectActive(false, answer.body.access_token, answer.body.refresh_token)
    })

    test('a DPoP key of the thief makes no difference', async () => {
      const prover = await createProver(deployment.clock.now)
      const code = await issue()
      const dpop = await prover.prove('POST', `${here.issuer}/oauth/token`)
      await refused(redeem(code, { by: thief, headers: { dpop } }))
      await refused(redeem(code))
    })
  })

  describe('with other wishes than those that were agreed to', () => {
    test('a scope beyond is refused, a narrower one is given [attack 32]', async () => {
      const code = await issue()
      await refused(redeem({ ...code, scope: 'openid api-keys:read api-keys:write tenant:write' }), 'invalid_scope')
      const { status, body } = await redeem({ ...code, scope: 'openid api-keys:read' })
      expect([status, body.scope]).toEqual([200, 'openid api-keys:read'])
      const { scope } = (await there.introspect(deployment.made.live, body.access_token)).body
      expect(scope).toBe('openid api-keys:read')
      const key = await there.api('POST', '/v1/api-keys', body.access_token, { kind: 'standard', name: 'more' })
      expect(key.status).toBe(403)
      const wider = await refresh(body.refresh_token)
      expect(wider.body.scope).toBe('openid api-keys:read')
    })

    test('another resource, two, one with a fragment, or its twin with a slash more [attack 32]', async () => {
      const resource = `https://${app.client_id.replace('_', '-')}.example/api`
      const made = { identifier: resource, name: 'Other', scopes: ['other:read'] }
      expect((await here.api('POST', '/v1/resources', deployment.made.live.api_key, made)).status).toBe(201)
      const code = await issue()
      for (const other of [resource, `${here.issuer}/v1`, `${here.issuer}#x`, `${resource}/`, 'garbage']) {
        await refused(redeem({ ...code, resource: other }), 'invalid_target')
      }
      const two = new URLSearchParams({ grant_type: 'authorization_code', client_id: app.client_id, ...code })
      for (const each of [here.issuer, resource]) two.append('resource', each)
      await refused(here.form('/oauth/token', two.toString()), 'invalid_target')
      const { body } = await redeem({ ...code, resource: here.issuer })
      expect((await there.introspect(deployment.made.live, body.access_token)).body.aud).toBe(here.issuer)
    })
  })
})
