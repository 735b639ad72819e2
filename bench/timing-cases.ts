import { randomInt } from 'node:crypto'
import type { Case, Pair } from './timing-judge.ts'
import { MINT, mintEach, type Ports, requestTo, revokeEach, revokeKeys } from './timing-requests.ts'
import { type SeededKey, siblingOf, unknownKey, unknownToken, type World, wrongSecretOf } from './timing-world.ts'

interface Group {
  readonly cases: readonly Case[]
  readonly pairs: readonly Pair[]
}

/** Keys and tokens of each kind: the failure limit is 1,000 a minute at one client, from whatever network. */
const EACH = 200

/** @param fresh how many keys that no request has named yet */
export async function tokenRequests({ seed }: World, ports: Ports, fresh: number): Promise<Group> {
  const past = new Date(Date.now() - 86_400_000)
  const good = await seed(EACH)
  const revoked = await seed(EACH, { revokedAt: past })
  const expired = await seed(EACH, { expiresAt: past })
  const unused = await seed(fresh)
  const refused = /^{"error":"invalid_client","error_description":"client authentication failed"}$/
  const mint = (name: string, key: () => Pick<SeededKey, 'clientId' | 'clientSecret'>): Case => ({
    ...{ name, status: 401, answer: refused },
    request: () => requestTo(ports.live, '/oauth/token', key(), MINT),
  })
  const wrong = (key: SeededKey) => ({ clientId: key.clientId, clientSecret: wrongSecretOf(key) })
  let next = 0
  const cases = [
    mint('unknown client', unknownKey),
    mint('unknown client, again', unknownKey),
    mint('wrong secret', () => wrong(anyOf(good))),
    mint('wrong secret, new client', () => wrong(unused[next++ % fresh] as SeededKey)),
    mint('revoked key', () => anyOf(revoked)),
    mint('expired key', () => anyOf(expired)),
    mint('malformed secret', () => ({ ...anyOf(good), clientSecret: 'A'.repeat(49) })),
    { ...mint('right secret', () => anyOf(good)), status: 200, answer: /"access_token":"kc_live_/ },
  ]
  const pairs = [
    itself('unknown client', 'unknown client, again'),
    // Anybody can compute a checksum, so what is malformed may be refused faster: nothing secret shows, and no store is asked.
    unlike('right secret', 'malformed secret'),
    alike('unknown client vs wrong secret [attack 82]', 'unknown client', 'wrong secret'),
    alike(
      'unknown client vs wrong secret where the node has no copy of the client [attack 82]',
      'unknown client',
      'wrong secret, new client',
    ),
    alike('unknown client vs revoked key [attack 82]', 'unknown client', 'revoked key'),
    alike('unknown client vs expired key [attack 82]', 'unknown client', 'expired key'),
    alike('wrong secret vs revoked key [attack 82]', 'wrong secret', 'revoked key'),
    alike('wrong secret vs expired key [attack 82]', 'wrong secret', 'expired key'),
  ]
  return { cases, pairs }
}

export async function introspections({ seed, otherTenantId }: World, ports: Ports): Promise<Group> {
  const [caller] = await seed(1)
  const owned = await seed(EACH)
  const doomed = await seed(EACH)
  const foreign = await seed(EACH, { tenantId: otherTenantId })
  const sandboxed = await seed(EACH, { mode: 'test' })
  if (!caller) throw new Error('nobody to ask')
  const own = await mintEach(owned, ports.live)
  const revoked = await mintEach(owned, ports.live)
  const dead = await mintEach(doomed, ports.live)
  const others = await mintEach(foreign, ports.live)
  const ofTest = await mintEach(sandboxed, ports.test)
  await revokeEach(revoked, owned, ports.live)
  await revokeKeys(doomed, caller, ports.live)

  const ask = (name: string, token: () => string): Case => ({
    ...{ name, status: 200, answer: /^{"active":false}$/ },
    request: () => requestTo(ports.live, '/oauth/introspect', caller, `token=${token()}`),
  })
  const cases = [
    ask('unknown', () => unknownToken('live')),
    ask('unknown, again', () => unknownToken('live')),
    ask('unknown, of a known client', () => siblingOf(anyOf(own))),
    ask("another tenant's", () => anyOf(others)),
    ask('revoked', () => anyOf(revoked)),
    ask('of a revoked key', () => anyOf(dead)),
    ask('unknown, of the sandbox', () => unknownToken('test')),
    ask('good in the sandbox', () => anyOf(ofTest)),
    { ...ask('active', () => anyOf(own)), answer: /^{"active":true,/ },
    {
      ...{ name: 'malformed caller', status: 401, answer: /^{"error":"invalid_client",/ },
      request: () =>
        requestTo(ports.live, '/oauth/introspect', { ...caller, clientSecret: 'A'.repeat(49) }, `token=${anyOf(own)}`),
    },
  ]
  const pairs = [
    itself('unknown', 'unknown, again'),
    // Refused before any store is asked, as above.
    unlike('active', 'malformed caller'),
    alike("unknown vs another tenant's token [attack 68]", 'unknown', "another tenant's"),
    alike('unknown vs revoked token [attack 68]', 'unknown', 'revoked'),
    alike('unknown vs token of a revoked key [attack 68]', 'unknown', 'of a revoked key'),
    alike(
      "unknown vs another tenant's token, both of known clients [attack 68]",
      'unknown, of a known client',
      "another tenant's",
    ),
    alike("revoked vs another tenant's token [attack 68]", 'revoked', "another tenant's"),
    alike('unknown vs good token of the sandbox at live [attack 68]', 'unknown, of the sandbox', 'good in the sandbox'),
  ]
  return { cases, pairs }
}

const alike = (title: string, one: string, other: string): Pair => ({ title, of: [one, other], expected: 'equal' })

/** Were it different from itself, the machine would be to blame. */
const itself = (one: string, again: string): Pair => ({ ...alike(`control: ${one} vs itself`, one, again) })

/** So that the test is known to be able to fail. */
const unlike = (one: string, other: string): Pair => ({
  ...{ title: `self-check: ${one} vs ${other}`, of: [one, other] as const, expected: 'different' as const },
})

const anyOf = <T>(items: readonly T[]): T => items[randomInt(items.length)] as T
