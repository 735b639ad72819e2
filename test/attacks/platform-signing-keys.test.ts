import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { rotate } from '../../keys/rotate.ts'
import { describeDeployment } from '../deployments.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'

const SECOND = 1_000
/** How often a node looks whether the keys have changed; one of ours is as late as it may be. */
const LOOK = 3 * SECOND

describeDeployment('cluster', 'signing keys that are rotated under load', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]

  beforeAll(async () => {
    deployment = await startDeployment(open)
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
  })

  /** A relying party as RFC 9111 lets it be: it keeps the key set for as long as it was told to, and never asks before. */
  function relyingParty(at: Caller) {
    let kept: { keys: JSONWebKeySet; until: number } | undefined
    return async (jwt: string) => {
      const now = deployment.clock.now()
      if (!kept || kept.until <= now) {
        const { body, headers } = await at.get('/oauth/jwks')
        const maxAge = Number(/max-age=(\d+)/.exec(headers['cache-control'] as string)?.[1])
        kept = { keys: body, until: now + maxAge * SECOND }
      }
      await jwtVerify(jwt, createLocalJWKSet(kept.keys), { currentDate: new Date(now), issuer: at.issuer })
    }
  }

  const sign = async (at: Caller) => {
    const headers = { authorization: basic(deployment.made.live), accept: 'application/token-introspection+jwt' }
    const { status, text } = await at.form('/oauth/introspect', { token: 'x' }, headers).buffer(true)
    expect(status).toBe(200)
    return text
  }

  test('of all signatures, by either node, before, during and after, none fails to verify [attack 81]', async () => {
    const { clock, masterKeys, storage } = deployment
    const needs = { database: storage.database, masterKeys, clock }
    const rings = deployment.nodes.map(({ node }) => node.keyRings.live) as [Ring, Ring]
    // Of different age: one fetched just before each rotation, the others some time before it.
    const verifiers = Array.from({ length: 6 }, (_, at) => relyingParty(nodes[at % 2] as Caller))
    const failed: unknown[] = []
    const kids = new Set<string>()
    let made = 0

    async function load(step: number): Promise<void> {
      const jwts = await Promise.all([...nodes, ...nodes].map(sign))
      made += jwts.length
      for (const jwt of jwts) kids.add(decodeProtectedHeader(jwt).kid as string)
      const reading = verifiers.flatMap((verify, at) => (step % 6 >= at ? jwts.map((jwt) => verify(jwt)) : []))
      for (const outcome of await Promise.allSettled(reading)) {
        if (outcome.status === 'rejected') failed.push([step, String(outcome.reason)])
      }
    }

    let step = 0
    /** In the open a node looks every three seconds: the second as late as that. */
    async function pass(milliseconds: number): Promise<void> {
      clock.advance(milliseconds)
      await rings[0].follow()
      await load(step++)
      clock.advance(LOOK)
      await rings[1].follow()
      await load(step++)
    }

    for (let round = 0; round < 3; round++) {
      await pass(10 * SECOND)
      // Under way while both sign.
      const rotating = rotate(needs, { mode: 'live' })
      await load(step++)
      expect((await rotating).rotated).toHaveLength(3)
      for (let at = 0; at < 12; at++) await pass(37 * SECOND)
    }
    expect(failed).toEqual([])
    expect(kids.size).toBe(4) // the first one, and one for each rotation
    expect(made).toBeGreaterThan(300)
  }, 60_000)
})

type Ring = TestDeployment['nodes'][0]['node']['keyRings']['live']
