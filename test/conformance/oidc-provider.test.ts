import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { beforeAll, describe, expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { runChecks } from '../../conformance/run-checks.ts'
import { startOidcProvider } from './oidc-provider.ts'

type Loosened = NonNullable<Parameters<typeof startOidcProvider>[0]>

async function failures(loosened?: Loosened): Promise<string[]> {
  const { results } = await runChecks(await startOidcProvider(loosened), CHECKS)
  return results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)
}

/** Where it leaves something to whoever hosts it, or chose otherwise: each is seen, and nothing else is. */
const BY_DEFAULT = [
  'OAuth 2.1 §10 no-implicit-metadata',
  'RFC 6749 §5.1 pragma',
  'RFC 6749 §3.3 unknown-scope',
  'RFC 9126 §2.3 post-only',
  'RFC 9700 §4.16 no-framing',
  'RFC 9700 §4.2.4 referrer',
  'OpenID Connect Core 1.0 §3.1.2.1 post',
]

/** Codes can be used again: what was consumed is forgotten. */
function forgetfulAdapter(name: string): Adapter {
  const kept = new Map<string, AdapterPayload>()
  const find = async (id: string) => kept.get(id)
  const by = (member: 'uid' | 'userCode') => async (value: string) =>
    [...kept.values()].find((payload) => payload[member] === value)
  return {
    ...{ find, findByUid: by('uid'), findByUserCode: by('userCode') },
    upsert: async (id, payload) => void kept.set(id, payload),
    destroy: async (id) => void kept.delete(id),
    async consume(id) {
      const payload = kept.get(id)
      if (payload && name !== 'AuthorizationCode') payload.consumed = true
    },
    async revokeByGrantId(grantId) {
      for (const [id, payload] of kept) if (payload.grantId === grantId) kept.delete(id)
    },
  }
}

function cachesAnything(_: IncomingMessage, response: ServerResponse): void {
  const setHeader = response.setHeader.bind(response)
  response.setHeader = (name, value) => (/^cache-control$/i.test(name) ? response : setHeader(name, value))
}

/** As if whoever asks were the API. */
function introspectsForAnybody(request: IncomingMessage): void {
  if (!request.url?.startsWith('/token/introspection')) return
  request.headers.authorization = `Basic ${Buffer.from('api:the+secret+of+api').toString('base64')}`
}

/** Takes a plain challenge, named or not, for what it is. */
function takesPlainChallenges(request: IncomingMessage): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const challenge = url.searchParams.get('code_challenge')
  const method = url.searchParams.get('code_challenge_method') ?? 'plain'
  if (url.pathname !== '/auth' || challenge === null || method !== 'plain') return
  url.searchParams.set('code_challenge', createHash('sha256').update(challenge).digest('base64url'))
  url.searchParams.set('code_challenge_method', 'S256')
  request.url = url.pathname + url.search
}

const LOOSENED: readonly [string, Loosened, string[]][] = [
  ['that accepts plain PKCE', { tamper: takesPlainChallenges }, ['RFC 9700 §2.1.1 no-plain']],
  [
    'that needs no PKCE',
    { settings: { pkce: { required: () => false } } },
    ['OAuth 2.1 §4.1.1 code-challenge', 'RFC 9700 §2.1.1 pkce'],
  ],
  [
    'that takes codes again',
    { settings: { adapter: forgetfulAdapter } },
    ['RFC 6749 §4.1.2 once', 'RFC 6749 §4.1.2 once-in-a-race', 'RFC 6749 §4.1.2 reuse-revokes'],
  ],
  [
    'that does not rotate refresh tokens',
    { settings: { rotateRefreshToken: false } },
    ['RFC 9700 §2.2.2 rotated-or-bound', 'RFC 9700 §4.14.2 reuse', 'RFC 9700 §4.14.2 race'],
  ],
  [
    'that lets caches keep tokens',
    { tamper: cachesAnything },
    ['OAuth 2.1 §3.2.4 no-store', 'RFC 6749 §5.1 no-store', 'RFC 6749 §4.1.4 no-store'],
  ],
  [
    'that introspects without authentication',
    { tamper: introspectsForAnybody },
    ['RFC 7662 §2.1 authorization', 'RFC 7662 §2.1 name-only', 'RFC 7662 §2.3 wrong-secret'],
  ],
]

/** A whole run each, on a machine that may be busy. */
const SLOW = { timeout: 60_000 }

describe('an oidc-provider', () => {
  let byDefault: string[]
  beforeAll(async () => {
    byDefault = await failures()
  })

  test('with its defaults fails where it chose otherwise', () => expect(byDefault).toEqual(BY_DEFAULT))

  test.each(LOOSENED)('%s is found out, by the checks of that and no others', SLOW, async (_, loosened, expected) => {
    expect((await failures(loosened)).filter((id) => !byDefault.includes(id))).toEqual(expected)
  })
})
