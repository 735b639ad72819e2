import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRedisUrl } from '../../server/storage/redis/redis-url.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const node = fc.record({
  host: fc.oneof(fc.domain(), fc.ipV4(), fc.constantFrom('localhost', '::1', '2001:db8::7')),
  port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
})
/** Of any characters: an operator's password generator knows no mercy. */
const word = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed())
const target = fc.record({
  kind: fc.constantFrom('single' as const, 'sentinel' as const, 'cluster' as const),
  tls: fc.boolean(),
  username: fc.option(word.filter(Boolean), { nil: undefined }),
  password: fc.option(word.filter(Boolean), { nil: undefined }),
  sentinelPassword: fc.option(word.filter(Boolean), { nil: undefined }),
  masterName: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => text.isWellFormed()),
  db: fc.integer({ min: 0, max: 99 }),
  nodes: fc.array(node, { minLength: 1, maxLength: 3 }),
})
type Target = typeof target extends fc.Arbitrary<infer T> ? T : never

const parts = ({ kind, tls, username, password, sentinelPassword, masterName, db, nodes }: Target) => {
  const hosts = nodes.map(
    ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`,
  )
  const user =
    username || password
      ? `${encodeURIComponent(username ?? '')}${password ? `:${encodeURIComponent(password)}` : ''}@`
      : ''
  const path = { single: `/${db}`, sentinel: `/${encodeURIComponent(masterName)}/${db}`, cluster: '' }[kind]
  const query = sentinelPassword ? `?sentinel_password=${encodeURIComponent(sentinelPassword)}` : ''
  return `redis${tls ? 's' : ''}${kind === 'single' ? '' : `+${kind}`}://${user}${hosts.join(',')}${path}${query}`
}

test('a URL is read as it was written, whatever is in its password', () => {
  fc.assert(
    fc.property(target, (each) => {
      const { kind, tls, username, password, sentinelPassword, masterName, db, nodes } = each
      const usual = kind === 'sentinel' ? 26_379 : 6379
      expect(parseRedisUrl(parts(each))).toEqual({
        ...{ kind, tls, username, password, sentinelPassword: sentinelPassword ?? password },
        masterName: kind === 'sentinel' ? masterName : undefined,
        db: kind === 'cluster' ? 0 : db,
        nodes: nodes.map(({ host, port }) => ({ host, port: port ?? usual })),
      })
    }),
    { numRuns: 1_000 },
  )
})

test('a password that somebody forgot to encode is what they meant, as far as a URL can hold it', () => {
  const raw = fc.string({ unit: fc.constantFrom(...'aZ0:@!$&,;=+'), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(raw, (password) => {
      expect(parseRedisUrl(`redis://kc:${password}@h:1/2`)).toMatchObject({
        username: 'kc',
        password,
        nodes: [{ host: 'h', port: 1 }],
        db: 2,
      })
    }),
    { numRuns: 500 },
  )
})

test('anything else is refused in a sentence that holds nothing of it, or is what a client can connect to', () => {
  const text = fc.oneof(
    hostileText,
    target.map(parts).chain(mutated),
    hostileText.map((each) => `redis://${each}`),
    hostileText.map((each) => `redis+sentinel://:pässwörd@${each}`),
  )
  fc.assert(
    fc.property(text, (url) => {
      try {
        const { nodes, db } = parseRedisUrl(url)
        expect(nodes.length).toBeGreaterThan(0)
        for (const { host, port } of nodes)
          expect([host !== '', Number.isInteger(port), Number.isInteger(db)]).toEqual([true, true, true])
      } catch (error) {
        expect((error as Error).message).toMatch(/^REDIS_URL (?:is|lacks|ends|names|has) [a-zA-Z%:` ,-]+\.$/)
      }
    }),
    { numRuns: 2_000 },
  )
})
