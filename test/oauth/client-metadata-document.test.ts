import { describe, expect, test } from 'vitest'
import { isClientIdUrl } from '../../server/oauth/client-metadata/client-id-url.ts'
import { createClientDocuments } from '../../server/oauth/client-metadata/documents.ts'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { createTestClock } from '../clock.ts'
import { json, origin } from '../outbound/origin.ts'

/** Section numbers: draft-ietf-oauth-client-id-metadata-document-03. */

const REDIRECT_URI = 'http://127.0.0.1/callback'

/** A client's own server, and a reader that may fetch from it. */
async function serve(answer: (url: string) => Parameters<typeof origin>[0]) {
  let url = ''
  const client = await origin((request, response) => answer(url)(request, response))
  url = `http://127.0.0.1:${client.port}/client`
  const clock = createTestClock()
  const documents = createClientDocuments({ outbound: createOutbound({ allow: [`127.0.0.1:${client.port}`] }), clock })
  return { url, client, clock, documents, read: () => documents.read(url) }
}

const serveDocument = (more: object = {}, headers: Record<string, string> = {}) =>
  serve((url) => json({ client_id: url, redirect_uris: [REDIRECT_URI], ...more }, headers))

const refusal = (description: RegExp) => ({
  ok: false,
  error: { error: 'invalid_client', description: expect.stringMatching(description) },
})

describe('a client identifier URL', () => {
  const nowhere = () => false

  test.each(['https://client.example/', 'https://client.example/a/b.json', 'https://client.example:8443/a'])(
    '%s is one',
    (url) => expect(isClientIdUrl(url, nowhere)).toBe(true),
  )

  test.each([
    ['§3: MUST use https', 'http://client.example/a'],
    ['§3: MUST NOT contain userinfo', 'https://user@client.example/a'],
    ['§3: MUST NOT contain userinfo', 'https://user:password@client.example/a'],
    ['§3: MUST contain a path', 'https://client.example'],
    ['§3: MUST NOT contain single-dot components', 'https://client.example/./a'],
    ['§3: MUST NOT contain double-dot components', 'https://client.example/a/../b'],
    ['§3: MUST NOT contain double-dot components, escaped', 'https://client.example/a/%2e%2E/b'],
    ['§3: SHOULD NOT contain a query', 'https://client.example/a?b'],
    ['§3: SHOULD NOT contain a query, be it empty', 'https://client.example/a?'],
    ['§3: MUST NOT contain a fragment', 'https://client.example/a#b'],
    ['§3: MUST NOT contain a fragment, be it empty', 'https://client.example/a#'],
    ['written in two ways', 'https://CLIENT.example/a'],
    ['written in two ways', 'https://client.example:443/a'],
    ['written in two ways', 'https://client.example\\a'],
    ['written in two ways', ' https://client.example/a'],
    ['another scheme', 'javascript:alert(1)'],
    ['too long', `https://client.example/${'a'.repeat(500)}`],
  ])('%s: %s is none', (_, url) => expect(isClientIdUrl(url, nowhere)).toBe(false))

  test('plain http is for hosts that the operator allows', () => {
    const { names } = allowanceOf(['localhost:9000'])
    expect(isClientIdUrl('http://localhost:9000/a', names)).toBe(true)
    expect(isClientIdUrl('http://localhost:9001/a', names)).toBe(false)
  })
})

describe('a client metadata document', () => {
  test('is what is known of the client', async () => {
    const { read, url, clock, client } = await serveDocument({ client_name: 'An agent', scope: 'a:read b:read' })
    expect(await read()).toEqual({
      ok: true,
      value: {
        ...{ url, name: 'An agent', redirectUris: [REDIRECT_URI], homepage: undefined, scopes: ['a:read', 'b:read'] },
        fetchedAt: clock.now(),
      },
    })
    expect(client.requests).toMatchObject([{ url: '/client', headers: { accept: 'application/json' } }])
  })

  test.each([
    ['of another URL', { client_id: 'https://client.example/other' }, /client_id must be the URL/],
    ['of no URL', { client_id: undefined }, /client_id/],
  ])('§4: client_id MUST match the URL: one %s is refused', async (_, more, description) => {
    expect(await (await serveDocument(more)).read()).toMatchObject(refusal(description))
  })

  test('§4: compared as a string: the same URL written otherwise is refused', async () => {
    const { read } = await serve((url) => json({ client_id: `${url}/`, redirect_uris: [REDIRECT_URI] }))
    expect(await read()).toMatchObject(refusal(/client_id must be the URL/))
  })

  test.each([
    ['client_secret', { client_secret: 'hunter2' }],
    ['client_secret, even empty', { client_secret: null }],
    ['client_secret_expires_at', { client_secret_expires_at: 0 }],
    ['a private key', { jwks: { keys: [{ kty: 'EC' }, { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'hunter2' }] } }],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'hunter2' }] } }],
  ])('§4.1: MUST NOT hold a secret: %s is refused, and not repeated [attack 85]', async (_, more) => {
    const answer = await (await serveDocument(more)).read()
    expect(answer).toMatchObject(refusal(/must not hold a secret/))
    expect(JSON.stringify(answer)).not.toContain('hunter2')
  })

  test.each(['client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'private_key_jwt', ['none'], null])(
    '§4.1: token_endpoint_auth_method %j is refused',
    async (method) => {
      const { read } = await serveDocument({ token_endpoint_auth_method: method })
      expect(await read()).toMatchObject(refusal(/token_endpoint_auth_method must be none/))
    },
  )

  test.each([
    ['none', undefined],
    ['an empty list of them', []],
    ['a string', REDIRECT_URI],
    ['more than 20', Array.from({ length: 21 }, (_, at) => `${REDIRECT_URI}/${at}`)],
    ['one with a fragment', [`${REDIRECT_URI}#a`]],
    ['one of plain http', [REDIRECT_URI, 'http://client.example/callback']],
    ['one that runs', ['javascript:alert(1)']],
  ])('§4.2: redirect URIs: %s is refused', async (_, redirect_uris) => {
    expect(await (await serveDocument({ redirect_uris })).read()).toMatchObject(refusal(/redirect_uris/))
  })

  test.each([
    ['grant_types', { grant_types: ['client_credentials'] }],
    ['response_types', { response_types: ['token'] }],
    ['scope', { scope: 'a  b' }],
  ])('%s that it could do nothing with is refused', async (name, more) => {
    expect(await (await serveDocument(more)).read()).toMatchObject(refusal(new RegExp(name)))
  })

  test.each(['', '   ', 'a\u202Eb', 'a\u200Bb', 'a\nb', 'x'.repeat(101), 7, undefined])(
    'a name that no one should read (%j) gives way to the host',
    async (client_name) => {
      const { read, client } = await serveDocument({ client_name })
      expect(await read()).toMatchObject({ ok: true, value: { name: `127.0.0.1:${client.port}` } })
    },
  )

  test('a homepage is one of its own origin', async () => {
    const own = await serve((url) =>
      json({ client_id: url, redirect_uris: [REDIRECT_URI], client_uri: new URL('/home', url) }),
    )
    expect(await own.read()).toMatchObject({ value: { homepage: `http://127.0.0.1:${own.client.port}/home` } })
    const foreign = await serveDocument({ client_uri: 'https://bank.example/' })
    expect(await foreign.read()).toMatchObject({ ok: true, value: { homepage: undefined } })
  })

  test.each([
    ['§5: another status than 200', (response: Parameters<Answer>[1]) => response.writeHead(201), ''],
    ['HTML', (response: Parameters<Answer>[1]) => response.writeHead(200, { 'content-type': 'text/html' }), '<p>'],
    ['§4: no JSON', (response: Parameters<Answer>[1]) => response.writeHead(200, JSON_TYPE), '{'],
    ['§8.7: 10 MB', (response: Parameters<Answer>[1]) => response.writeHead(200, JSON_TYPE), ' '.repeat(10 << 20)],
  ])('%s is refused without a word of why [attack 85]', async (_, head, body) => {
    const { read } = await serve(() => (_, response) => void head(response).end(body))
    expect(await read()).toMatchObject(refusal(/^the client metadata document could not be fetched$/))
  })

  test.each([[[]], ['text'], [7], [null]])('§4: JSON that is no object (%j) is refused', async (value) => {
    const { read } = await serve(() => json(JSON.stringify(value)))
    expect(await read()).toMatchObject(refusal(/must be a JSON object/))
  })

  test('§5: redirects MUST NOT be followed [attack 85]', async () => {
    const target = await serveDocument()
    const { read } = await serve(() => (_, response) => void response.writeHead(302, { location: target.url }).end())
    expect(await read()).toMatchObject(refusal(/could not be fetched/))
    expect(target.client.requests).toEqual([])
  })

  test('§8.6: special-use addresses MUST NOT be fetched from [attack 85]', async () => {
    const inside = await origin(json({}))
    const documents = createClientDocuments({ outbound: createOutbound({ allow: [] }), clock: createTestClock() })
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254']) {
      const answer = await documents.read(`https://${host}:${inside.port}/client`)
      expect(answer).toMatchObject({ ok: false, error: { error: 'invalid_client', reason: expect.any(String) } })
    }
    expect(inside.requests).toEqual([])
  })
})

type Answer = Parameters<typeof origin>[0]
const JSON_TYPE = { 'content-type': 'application/json' }

describe('between two fetches', () => {
  const MINUTE = 60_000

  test.each([
    ['without a word an hour', {}, 60],
    ['§5.2: for its max-age', { 'cache-control': 'public, max-age=600' }, 10],
    ['RFC 9111 §4.2.3: less the time that it was under way', { 'cache-control': 'max-age=600', age: '300' }, 5],
    ['at least a minute', { 'cache-control': 'max-age=1' }, 1],
    ['a minute where it says never', { 'cache-control': 'no-store' }, 1],
    ['at most a day', { 'cache-control': 'max-age=99999999' }, 24 * 60],
    ['a minute after a date that is none (RFC 9111 §5.3)', { expires: '0' }, 1],
  ])('a document is good %s', async (_, headers, minutes) => {
    const { read, client, clock } = await serveDocument({}, headers as Record<string, string>)
    const first = await read()
    clock.advance(minutes * MINUTE - 1)
    expect(await read()).toEqual(first)
    expect(client.requests).toHaveLength(1)
    clock.advance(1)
    expect(await read()).toMatchObject({ ok: true, value: { fetchedAt: clock.now() } })
    expect(client.requests).toHaveLength(2)
  })

  test('of 20 readers at once, one fetches', async () => {
    const { read, client } = await serveDocument()
    const answers = await Promise.all(Array.from({ length: 20 }, read))
    expect(answers.every(({ ok }) => ok)).toBe(true)
    expect(client.requests).toHaveLength(1)
  })

  test.each([
    ['an error', 500],
    ['an invalid document', 200],
  ])('§5.2: %s MUST NOT be cached; for ten seconds nobody asks again', async (_, status) => {
    let broken = true
    const { read, client, clock } = await serve((url) => (request, response) => {
      if (broken) response.writeHead(status, JSON_TYPE).end('{}')
      else json({ client_id: url, redirect_uris: [REDIRECT_URI] })(request, response)
    })
    expect(await read()).toMatchObject({ ok: false, error: { error: 'invalid_client' } })
    broken = false
    clock.advance(9_000)
    const soon = { ok: false, error: { error: 'temporarily_unavailable', retryAfter: 1 } }
    expect(await Promise.all(Array.from({ length: 20 }, read))).toMatchObject(Array.from({ length: 20 }, () => soon))
    expect(client.requests).toHaveLength(1)
    clock.advance(1_000)
    expect(await read()).toMatchObject({ ok: true })
    expect(client.requests).toHaveLength(2)
  })

  test('a document that is gone is not remembered longer than it asked for', async () => {
    let gone = false
    const { read, clock } = await serve((url) => (request, response) => {
      if (gone) response.writeHead(404).end()
      else json({ client_id: url, redirect_uris: [REDIRECT_URI] })(request, response)
    })
    await read()
    gone = true
    clock.advance(60 * MINUTE)
    expect(await read()).toMatchObject(refusal(/could not be fetched/))
    clock.advance(10_000)
    expect(await read()).toMatchObject(refusal(/could not be fetched/))
  })

  test('a host that hangs is asked for four documents at a time, and no other host waits for it', async () => {
    const answers: (() => void)[] = []
    const { documents, client, url } = await serve((url) => (request, response) => {
      if (request.url === '/client') json({ client_id: url, redirect_uris: [REDIRECT_URI] })(request, response)
      else answers.push(() => response.writeHead(404).end())
    })
    const hanging = [1, 2, 3, 4].map((at) => documents.read(`${url}/${at}`))
    const crowded = { ok: false, error: { error: 'temporarily_unavailable', retryAfter: 1 } }
    expect(await documents.read(url)).toMatchObject(crowded)
    expect(await documents.read('https://127.0.0.1:1/client')).toMatchObject({
      ok: false,
      error: { reason: 'document_forbidden_address' },
    })
    await expect.poll(() => client.requests.length).toBe(4)
    for (const answer of answers) answer()
    await Promise.all(hanging)
    expect(await documents.read(url)).toMatchObject({ ok: true })
  })
})
