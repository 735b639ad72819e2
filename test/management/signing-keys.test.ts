import { beforeAll, describe, expect, test } from 'vitest'
import { LONGEST_TOKEN_SECONDS, REMOVAL_MARGIN_SECONDS } from '../../keys/life.ts'
import { rotate } from '../../keys/rotate.ts'
import { MODES, type Mode } from '../../server/mode/mode.ts'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { expectProblem } from './problem.ts'

interface Listed {
  readonly kid: string
  readonly alg: string
  readonly status: string
  readonly signs_from: string
  readonly removed_from: string | null
  readonly public_jwk: Record<string, string>
}

describeDeployment('cluster', '/v1/signing-keys', (open) => {
  let deployment: TestDeployment
  let tenant: TestTenant

  beforeAll(async () => {
    deployment = await startDeployment(open)
    tenant = await createTenant(deployment)
  })

  const at = (mode: Mode = 'live') => deployment.nodes[0].at(mode)
  const list = async (mode: Mode = 'live'): Promise<Listed[]> => {
    const { status, body } = await at(mode).api('GET', '/v1/signing-keys', tenant.keys[mode].api_key)
    expect([status, body.next_cursor]).toEqual([200, null])
    return body.data
  }

  test.each(MODES)('%s: what the JWKS publishes, in its order, and no private half', async (mode) => {
    const keys = await list(mode)
    const jwks = (await at(mode).get('/oauth/jwks')).body
    expect(keys.map(({ public_jwk }) => public_jwk)).toEqual(jwks.keys)
    for (const { status, removed_from } of keys) expect([status, removed_from]).toEqual(['signing', null])
    for (const name of ['"d"', '"p"', '"q"', '"dp"', '"k"']) expect(JSON.stringify(keys)).not.toContain(name)
  })

  test('the modes have nothing in common', async () => {
    const live = (await list('live')).map(({ kid }) => kid)
    for (const { kid } of await list('test')) expect(live).not.toContain(kid)
  })

  describe('of a key that is rotated', () => {
    test('the successor is published, then signs; the old one retires and goes', async () => {
      const { storage, masterKeys, clock } = deployment
      const ring = deployment.nodes[0].node.keyRings.live
      const old = (await list()).find(({ alg }) => alg === 'ES256')?.kid
      const { rotated } = await rotate(
        { database: storage.database, masterKeys, clock },
        { mode: 'live', alg: 'ES256' },
      )
      const next = rotated[0]?.kid
      const statuses = async () => {
        await ring.follow()
        return Object.fromEntries(
          (await list()).flatMap(({ kid, alg, status }) => (alg === 'ES256' ? [[kid, status]] : [])),
        )
      }
      expect(await statuses()).toEqual({ [`${old}`]: 'signing', [`${next}`]: 'published' })
      const successor = (await list()).find(({ kid }) => kid === next)
      const goes = (await list()).find(({ kid }) => kid === old)?.removed_from
      clock.advance(Date.parse(successor?.signs_from ?? '') - clock.now())
      expect(await statuses()).toEqual({ [`${old}`]: 'retiring', [`${next}`]: 'signing' })
      expect(Date.parse(goes ?? '') - clock.now()).toBe((LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS) * 1000)
      clock.advance(Date.parse(goes ?? '') - clock.now())
      expect(await statuses()).toEqual({ [`${next}`]: 'signing' })
    })
  })

  test('it wants signing-keys:read, and takes no change', async () => {
    const key = tenant.keys.live.api_key
    const narrow = { kind: 'standard', name: 'n', scopes: ['tenant:read'] }
    const { api_key } = (await at().api('POST', '/v1/api-keys', key, narrow)).body
    const refused = await at().api('GET', '/v1/signing-keys', api_key)
    expectProblem(refused, 403, 'insufficient_scope', { scope: 'signing-keys:read' })
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      expect((await at().api(method, '/v1/signing-keys', key, {})).status).toBeGreaterThanOrEqual(404)
    }
  })
})
