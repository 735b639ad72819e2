import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { wrongReceiverUrl } from '../../server/webhooks/receiver-url.ts'
import { wrongIssuer, wrongUrl } from '../../server/workload-identity/issuer-url.ts'
import { PLATFORMS } from '../../server/workload-identity/model.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const nothing = allowanceOf([])
const OWN = ['https://auth.example.com', 'https://sandbox.example.com']
const rules = { allowance: nothing, ownIssuers: OWN }
const platform = fc.constantFrom(...PLATFORMS)
const known = fc.constantFrom(
  'https://token.actions.githubusercontent.com',
  'https://gitlab.com',
  'https://accounts.google.com',
  'https://oidc.vercel.com/team',
  'https://oidc.circleci.com/org/00000000-0000-0000-0000-000000000000',
  'https://agent.buildkite.com',
  'https://issuer.example/path',
  'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
)
const url = fc.oneof(known, fc.webUrl({ validSchemes: ['https'] }))
const odd = fc.oneof(
  url.chain(mutated),
  hostileText,
  fc.tuple(known, hostileText).map((parts) => parts.join('')),
  fc.constantFrom(
    'https://127.0.0.1',
    'https://2130706433',
    'https://0x7f.1',
    'https://[::1]',
    'http://issuer.example',
    'https://u:p@issuer.example',
    'https://issuer.example:443',
    'https://ISSUER.example',
    'https://issuer.example/a/../b',
    'https://issuer.example//a',
    'https://token.actions.githubusercontent.com.evil.example',
    'https://token.actions.githubusercontent.com/',
    'https://token.actions.githubusercontent.com@evil.example',
  ),
)

describe('an issuer', () => {
  test('is of a host that is read as it looks: a name, https, and what a parser leaves as it is', () => {
    fc.assert(
      fc.property(fc.oneof(url, odd), (text) => {
        if (wrongUrl(text, nothing) !== undefined) return
        const { href, protocol, hostname, username, password, hash } = new URL(text)
        expect([text, `${text}/`]).toContain(href)
        expect([protocol, username, password, hash, isIP(hostname.replace(/^\[|\]$/g, ''))]).toEqual([
          'https:',
          '',
          '',
          '',
          0,
        ])
        expect(text).toMatch(/^[\x21-\x7e]{1,255}$/)
      }),
      { numRuns: 3_000 },
    )
  })

  test('of a platform’s own host is of that platform alone; ours is nobody’s', () => {
    const ours = fc
      .constantFrom(...OWN)
      .chain((own) => fc.oneof(fc.constant(own), fc.constant(`${own}/x`), mutated(own)))
    fc.assert(
      fc.property(fc.oneof(url, odd, ours), platform, platform, (text, one, other) => {
        const [first, second] = [one, other].map((each) => wrongIssuer(text, each, rules))
        if (first !== undefined) return
        expect(wrongUrl(text, nothing)).toBeUndefined()
        expect(OWN.map((own) => new URL(own).origin)).not.toContain(new URL(text).origin)
        // Of two platforms that take it, neither has it for its own: both have issuers of anybody's.
        if (second === undefined && one !== other)
          expect([
            'github.com',
            'token.actions.githubusercontent.com',
            'gitlab.com',
            'accounts.google.com',
            'agent.buildkite.com',
          ]).not.toContain(new URL(text).hostname)
      }),
      { numRuns: 2_000 },
    )
  })

  test('of GitHub is GitHub’s to the letter', () => {
    fc.assert(
      fc.property(mutated('https://token.actions.githubusercontent.com'), (text) => {
        if (wrongIssuer(text, 'github-actions', rules) === undefined)
          expect(new URL(text).hostname).toBe('token.actions.githubusercontent.com')
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('where messages go', () => {
  test('is https to a name or an address that anybody could reach, as it is shown', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.constantFrom(
        '127.0.0.1',
        '10.0.0.1',
        '0x7f.1',
        '2130706433',
        '169.254.169.254',
        '[::1]',
        '[::ffff:127.0.0.1]',
        'localhost',
        'LOCALHOST',
        'a.localhost',
        'localhost.',
      ),
    )
    const there = address.map((host) => `https://${host}/hook`)
    fc.assert(
      fc.property(fc.oneof(url, odd, there, there.chain(mutated)), (text) => {
        if (wrongReceiverUrl(text, nothing) !== undefined) return
        const { protocol, hostname, username, password } = new URL(text)
        expect([protocol, username, password, text.includes('#'), text.length <= 500]).toEqual([
          'https:',
          '',
          '',
          false,
          true,
        ])
        const host = hostname.replace(/^\[|\]$/g, '')
        if (isIP(host))
          expect(host).not.toMatch(/^(?:127\.|10\.|169\.254\.|192\.168\.|0\.|::1$|::$|::ffff:|f[cd]|fe80:)/)
        else expect(host).not.toMatch(/(?:^|\.)localhost\.?$/)
      }),
      { numRuns: 2_000 },
    )
  })
})
