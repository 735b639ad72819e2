import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { createApp, createPerson, issueCode, type Person, type TestApp } from '../oauth/people.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { type MortalNode, mortalNode } from './platform-mortal-node.ts'

/** As `kill -9` does it, but at each point there is; test/command/people.test.ts kills whole processes under load. */
describe.each(['database', 'cluster'] as const)('a node that dies between spending and issuing', (only) => {
  describeDeployment(only, 'of two', (open) => {
    let deployment: TestDeployment
    let node: MortalNode
    let dying: Caller
    let other: Caller
    let person: Person

    beforeAll(async () => {
      deployment = await startDeployment(async (needs) => {
        const opened = await open(needs)
        node = mortalNode(opened.nodes[0])
        return { ...opened, nodes: [node.storage, opened.nodes[1]] }
      })
      dying = deployment.nodes[0].at('live')
      other = deployment.nodes[1].at('live')
      person = await createPerson(deployment)
    })

    const newApp = (refresh_retry_window: number) =>
      createApp(dying, deployment.made.live.api_key, { refresh_retry_window })
    const codeOf = async (app: TestApp) => {
      const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, { resource: dying.issuer })
      return { grant_type: 'authorization_code', client_id: app.client_id, code, code_verifier, redirect_uri }
    }
    type Form = Awaited<ReturnType<typeof codeOf>>
    const redeem = (at: Caller, form: Form) => at.form('/oauth/token', form)
    const refresh = (at: Caller, app: TestApp, refresh_token: string) =>
      at.form('/oauth/token', { grant_type: 'refresh_token', client_id: app.client_id, refresh_token })
    const isActive = async (token: string) =>
      (await other.introspect(deployment.made.live, token)).body.active as boolean

    /** Every moment at which it could die. */
    const deaths = (calls: number): string[] =>
      Array.from({ length: calls }, (_, at) =>
        ['before', 'after'].map((when) => `${when} call ${at + 1} of ${calls}`),
      ).flat()
    const dieAs = (death: string) => {
      const [when, , call] = death.split(' ') as ['before' | 'after', string, string]
      node.dieAt(Number(call), when)
    }

    test('with a retry window the retry is answered, and there is one branch, wherever it died [attack 79]', async () => {
      const app = await newApp(300)
      const begin = async () => (await redeem(dying, await codeOf(app))).body
      const unhurt = await begin()
      const calls = await node.count(async () => refresh(dying, app, unhurt.refresh_token))
      expect(calls).toBeGreaterThan(3)
      for (const death of deaths(calls)) {
        const first = await begin()
        dieAs(death)
        const lost = await refresh(dying, app, first.refresh_token)
        const died = node.isDead()
        node.revive()
        if (died) expect([death, lost.status]).toEqual([death, 503])
        const [one, two] = [
          await refresh(other, app, first.refresh_token),
          await refresh(dying, app, first.refresh_token),
        ]
        expect([death, one.status, two.status]).toEqual([death, 200, 200])
        expect([death, two.body.refresh_token]).toEqual([death, one.body.refresh_token])
        if (lost.status === 200) expect(lost.body.refresh_token).toBe(one.body.refresh_token)
        expect((await refresh(other, app, one.body.refresh_token)).status).toBe(200)
        // The first is two generations old by now: had there been another branch, this would end one and not the other.
        expect((await refresh(other, app, first.refresh_token)).body.error).toBe('invalid_grant')
        for (const token of [one.body.access_token, one.body.refresh_token, two.body.access_token]) {
          expect([death, await isActive(token)]).toEqual([death, false])
        }
      }
    })

    test('without one the retry is answered, or all is over: never two families [attack 79]', async () => {
      const app = await newApp(0)
      const begin = async () => (await redeem(dying, await codeOf(app))).body
      const unhurt = await begin()
      const calls = await node.count(async () => refresh(dying, app, unhurt.refresh_token))
      const outcomes = new Set<number>()
      for (const death of deaths(calls)) {
        const first = await begin()
        dieAs(death)
        await refresh(dying, app, first.refresh_token)
        const died = node.isDead()
        node.revive()
        if (!died) continue
        const again = await refresh(other, app, first.refresh_token)
        outcomes.add(again.status)
        expect([death, again.body.error]).toEqual([death, again.status === 200 ? undefined : 'invalid_grant'])
        expect(await isActive(first.access_token)).toBe(again.status === 200)
        if (again.status !== 200) continue
        expect(await isActive(again.body.refresh_token)).toBe(true)
        expect((await refresh(other, app, first.refresh_token)).body.error).toBe('invalid_grant')
        expect(await isActive(again.body.refresh_token)).toBe(false)
      }
      expect(outcomes).toEqual(new Set([200, 400]))
    })

    test('a code is redeemed by the retry, or by nobody: never twice [attack 79]', async () => {
      const app = await newApp(0)
      const unhurt = await codeOf(app)
      const calls = await node.count(async () => redeem(dying, unhurt))
      expect(calls).toBeGreaterThan(3)
      const outcomes = new Set<number>()
      for (const death of deaths(calls)) {
        const form = await codeOf(app)
        dieAs(death)
        const lost = await redeem(dying, form)
        const died = node.isDead()
        node.revive()
        if (died) expect([death, lost.status]).toEqual([death, 503])
        const again = await redeem(other, form)
        outcomes.add(again.status)
        expect([death, again.body.error]).toEqual([death, again.status === 200 ? undefined : 'invalid_grant'])
        if (lost.status === 200) expect([death, again.status]).toEqual([death, 400])
        const given = lost.status === 200 ? lost : again
        if (given.status !== 200) continue
        expect((await redeem(other, form)).body.error).toBe('invalid_grant')
        expect([death, await isActive(given.body.access_token)]).toEqual([death, false])
      }
      expect(outcomes).toEqual(new Set([200, 400]))
    })
  })
})
