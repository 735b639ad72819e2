import { beforeEach, describe, expect, test } from 'vitest'
import type { KnownClient } from '../../server/credentials/client-registry.ts'
import { createWorkloadExchange, type WorkloadVerdict } from '../../server/workload-identity/exchange.ts'
import type { SubjectVerdict, WorkloadBinding, WorkloadProvider } from '../../server/workload-identity/model.ts'
import { presentedAwsRequest } from '../../server/workload-identity/presented-subject.ts'

const ISSUER = 'https://issuer.example'
const OURS = 'https://auth.example.com'
const CLAIMS = { sub: 'job', environment: 'production' }

const provider = (id: string, change: Partial<WorkloadProvider> = {}): WorkloadProvider => ({
  ...{ id, tenantId: 'ten', platform: 'oidc', name: id, issuer: ISSUER, audiences: [] },
  ...{ keys: { by: 'discovery' }, singleUse: true, disabled: false, ...change },
})

const binding = (id: string, change: Partial<WorkloadBinding> = {}): WorkloadBinding => ({
  ...{ id, ref: `ref-${id}`, epoch: 1, provider: provider('wp_one'), scopes: 'all', tokenValidity: undefined },
  ...{ conditions: [{ claim: 'sub', op: 'equals', value: 'job' }], disabled: false, ...change },
})

/** A service user and its tenant, as far as it matters here. */
const serviceUser = {
  client: { kind: 'service_user', scopes: 'all', role: 'editor' },
  tenant: { resources: [] },
} as unknown as KnownClient

const good: SubjectVerdict = {
  ok: true,
  subject: { issuer: ISSUER, subject: 'job', claims: CLAIMS, jti: 'one', issuedAt: 0, expiresAt: 300 },
}
const bad = (check: string, more: object = {}): SubjectVerdict => ({
  ok: false,
  failed: { check, held: false },
  ...more,
})

describe('from a token and a service user to a grant or reasons', () => {
  let verdicts: Record<string, SubjectVerdict>
  let verified: string[]
  let used: string[]

  beforeEach(() => {
    verdicts = {}
    verified = []
    used = []
  })

  const tokensOf = (kind: string) => ({
    async verify(_: string, { id }: WorkloadProvider) {
      verified.push(`${kind}:${id}`)
      return verdicts[id] ?? good
    },
    async isFirstUse(_: unknown, { id }: WorkloadProvider) {
      used.push(id)
      return used.length === 1
    },
  })
  const exchange = (bindings: WorkloadBinding[], scope: string[] = [], token = jwt): Promise<WorkloadVerdict> =>
    createWorkloadExchange({
      issuer: OURS,
      bindings: { of: async () => bindings },
      subjectTokens: { jwt: tokensOf('jwt'), aws_request: tokensOf('aws_request') },
      clock: { now: () => 0 },
    })(token, serviceUser, { scope, resource: [] })
  const jwt = { kind: 'jwt' as 'jwt' | 'aws_request', text: 'a token', issuer: ISSUER as string | undefined }
  const failed = async (verdict: Promise<WorkloadVerdict>) => {
    const it = await verdict
    return it.ok ? 'granted' : it.refusal.failed
  }

  test('a provider is asked once, however many bindings it has', async () => {
    await exchange([binding('a'), binding('b'), binding('c', { provider: provider('wp_two') })])
    expect(verified).toEqual(['jwt:wp_one', 'jwt:wp_two'])
  })

  test('a provider of another issuer is not asked at all', async () => {
    const other = provider('wp_two', { issuer: `${ISSUER}/` })
    expect(await failed(exchange([binding('a', { provider: other })]))).toBe('issuer')
    expect(await failed(exchange([binding('a')], [], { ...jwt, issuer: undefined }))).toBe('malformed')
    expect(verified).toEqual([])
  })

  test('what is disabled is not asked, and does not stand in the way of what is not', async () => {
    const off = [binding('a', { disabled: true }), binding('b', { provider: provider('wp_two', { disabled: true }) })]
    expect(await failed(exchange(off))).toBe('disabled')
    expect(verified).toEqual([])
    expect(await exchange([...off, binding('c')])).toMatchObject({ grant: { binding: { id: 'c' } } })
  })

  test('a binding without conditions takes nobody', async () => {
    expect(await failed(exchange([binding('a', { conditions: [] })]))).toBe('conditions')
  })

  test('the claims that the binding asks for go with the grant, and no others', async () => {
    expect(await exchange([binding('a')])).toMatchObject({
      ok: true,
      grant: { claims: { sub: 'job' } },
    })
  })

  test("the platform's policy: its token is not outlived, but where it lives for minutes and vouches for more", async () => {
    expect(await exchange([binding('a')])).toMatchObject({ grant: { lifetime: 300 } })
    const aws = provider('wp_aws', { platform: 'aws' })
    used = []
    expect(await exchange([binding('a', { provider: aws, tokenValidity: 86_400 })])).toMatchObject({
      grant: { lifetime: 3600 },
    })
  })

  test('of several bindings that do not match the nearest names what failed', async () => {
    const conditions = (...values: string[]) =>
      ['sub', 'environment'].map((claim, at) => ({ claim, op: 'equals' as const, value: values[at] as string }))
    const verdict = await exchange([
      binding('far', { conditions: conditions('x', 'y') }),
      binding('near', { conditions: conditions('job', 'staging') }),
    ])
    expect(verdict).toMatchObject({ refusal: { failed: 'conditions', conditions: ['environment equals'] } })
    expect(verdict.ok ? [] : verdict.refusal.bindings.map(({ bindingId }) => bindingId)).toEqual(['far', 'near'])
  })

  test('keys that are away count only where nothing else was found', async () => {
    const two = [binding('a'), binding('b', { provider: provider('wp_two') })]
    verdicts = { wp_one: bad('keys_unavailable', { retryAfter: 7 }) }
    expect(await exchange(two)).toMatchObject({ grant: { binding: { id: 'b' } } })
    verdicts = { wp_one: bad('audience'), wp_two: bad('keys_unavailable', { retryAfter: 7 }) }
    expect(await exchange(two)).toMatchObject({ refusal: { failed: 'keys_unavailable', retryAfter: 7 } })
  })

  test('the use is recorded last, of the provider that decides, and only by what is granted', async () => {
    await exchange([binding('a', { conditions: [{ claim: 'sub', op: 'equals', value: 'x' }] })])
    await exchange([binding('a')], ['made:up'])
    expect(used).toEqual([])
    expect(await failed(exchange([binding('a')]))).toBe('granted')
    expect(await failed(exchange([binding('a')]))).toBe('replayed')
    expect(used).toEqual(['wp_one', 'wp_one'])
  })

  test("a signed request goes to AWS's own check", async () => {
    const aws = provider('wp_aws', { platform: 'aws', issuer: 'https://sts.amazonaws.com' })
    expect(await failed(exchange([binding('a', { provider: aws })], [], presentedAwsRequest('{}')))).toBe('granted')
    expect(verified).toEqual(['aws_request:wp_aws'])
  })
})
