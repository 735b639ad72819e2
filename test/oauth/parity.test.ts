import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { basic, type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'

/**
 * Plain requests are answered by our own route, all others by oidc-provider. So oidc-provider is the oracle: with the
 * plain route off it answers the same requests, and must say the same.
 */
describeDeployment('database', 'the plain route and oidc-provider answer alike', (open) => {
  let plain: Caller
  let byProvider: Caller
  let keys: readonly [Key, Key]

  beforeAll(async () => {
    const deployments = [await startDeployment(open), await startDeployment(open, { plainRoute: false })] as const
    const callers = deployments.map(({ nodes }) => nodes[0].at('live'))
    ;[plain, byProvider] = callers as [Caller, Caller]
    keys = deployments.map(({ made }) => made.live) as unknown as [Key, Key]
    for (const [at, caller] of callers.entries()) {
      const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read'] }
      const { api_key } = (deployments[at] as TestDeployment).made.live
      expect((await caller.api('POST', '/v1/resources', api_key, resource)).status).toBe(201)
    }
  })

  /** What a client sees, without what differs from token to token. */
  async function answer(caller: Caller, key: Key, { form, authorization }: Request) {
    const filled = form.replace('ISSUER', encodeURIComponent(caller.issuer)).replace('CLIENT_ID', key.client_id)
    const body = filled.replace('CLIENT_SECRET', key.client_secret)
    const headers = authorization === 'basic' ? { authorization: basic(key) } : authorization ? { authorization } : {}
    const response = await caller.form('/oauth/token', body, headers)
    return {
      status: response.status,
      body: { ...response.body, ...(response.body.access_token && { access_token: 'a token' }) },
      headers: {
        cacheControl: response.headers['cache-control'],
        challenge: response.headers['www-authenticate']?.replace(caller.issuer, 'ISSUER'),
        type: response.headers['content-type'],
        pragma: response.headers.pragma,
      },
    }
  }

  interface Request {
    readonly form: string
    readonly authorization: string | undefined
  }

  async function expectAlike(request: Request): Promise<number> {
    const [ours, theirs] = await Promise.all([answer(plain, keys[0], request), answer(byProvider, keys[1], request)])
    expect(ours, JSON.stringify(request)).toEqual(theirs)
    return ours.status
  }

  const pieces = {
    grant_type: ['client_credentials', 'password', '', 'client_credentials ', 'refresh_token'],
    scope: ['api-keys:read', 'api-keys:read orders:read', '', ' ', 'a"b', 'é', 'orders:read', 'x'.repeat(300)],
    resource: [
      'ISSUER',
      'https://orders.example',
      'https://unknown.example',
      'nonsense',
      'https://orders.example#f',
      '',
    ],
    client_id: ['CLIENT_ID', 'tk_other', ''],
    client_secret: ['CLIENT_SECRET', 'wrong', ''],
    unknown: ['x', ''],
  }

  const parameter = fc.constantFrom(...Object.keys(pieces)).chain((name) =>
    fc.constantFrom(...(pieces[name as keyof typeof pieces] as string[])).map(
      (value) =>
        // The placeholders are filled in already encoded.
        `${name}=${/^(ISSUER|CLIENT_)/.test(value) ? value : encodeURIComponent(value)}`,
    ),
  )
  const authorization = fc.constantFrom('basic', 'basic', 'basic', undefined, 'Basic ', 'Basic eDp5', 'Bearer abc')
  const likely = fc.constant('grant_type=client_credentials')
  const request: fc.Arbitrary<Request> = fc.record({
    form: fc
      .tuple(fc.oneof(likely, parameter), fc.array(parameter, { maxLength: 4 }))
      .map(([first, rest]) => [first, ...rest].join('&')),
    authorization,
  })

  test('for a thousand generated requests, good and bad', async () => {
    const statuses = new Set<number>()
    await fc.assert(
      fc.asyncProperty(request, async (generated) => {
        statuses.add(await expectAlike(generated))
      }),
      { numRuns: 1000 },
    )
    expect([...statuses].sort()).toEqual([200, 400, 401])
  }, 60_000)

  describe('for requests that matter', () => {
    test.each([
      'grant_type=client_credentials',
      'grant_type=client_credentials&scope=api-keys:read',
      'grant_type=client_credentials&resource=https://orders.example',
      'grant_type=client_credentials&resource=https://orders.example&resource=https://orders.example',
      'grant_type=client_credentials&resource=https://orders.example&resource=ISSUER',
      'grant_type=client_credentials&scope=planets:destroy',
      'grant_type=client_credentials&scope=a&scope=b',
    ])('%s', async (form) => {
      await expectAlike({ form, authorization: 'basic' })
    })
  })
})
