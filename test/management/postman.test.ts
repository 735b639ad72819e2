import newman, { type NewmanRunSummary } from 'newman'
import { beforeAll, describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../server/management/operations.ts'
import { MODES } from '../../server/mode/mode.ts'
import { describeDeployment } from '../deployments.ts'
import { agree, createApp, createBrowser, createPerson } from '../oauth/people.ts'
import { startDeployment, type TestDeployment } from '../start.ts'

/** It makes a sandbox for every request's test: most of a run is that. */
const NEWMAN = { timeout: 120_000 }

interface Item {
  readonly name: string
  readonly item: readonly {
    readonly name: string
    readonly request: { readonly method: string; readonly body?: { readonly raw: string } }
  }[]
}

interface Collection {
  readonly info: { readonly name: string; readonly description: string; readonly schema: string }
  readonly auth: { readonly type: string; readonly oauth2: readonly Attribute[] }
  readonly variable: readonly Attribute[]
  readonly item: readonly Item[]
}

interface Attribute {
  readonly key: string
  readonly value: unknown
}

const valuesOf = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value]))

const run = (collection: Collection, values: Record<string, string>, folder?: string[]): Promise<NewmanRunSummary> =>
  new Promise((resolve, reject) => {
    const environment = { values: Object.entries(values).map(([key, value]) => ({ key, value, enabled: true })) }
    const options = { collection: collection as object, environment, reporters: [], ...(folder && { folder }) }
    newman.run(options, (error, summary) => (error ? reject(error) : resolve(summary)))
  })

/** What went wrong, in words that show in a failed test. */
const failuresOf = ({ run }: NewmanRunSummary): string[] =>
  run.failures.map(({ source, error }) => `${(source as { name?: string } | undefined)?.name}: ${error.message}`)

describeDeployment('database', 'GET /v1/postman.json', (open) => {
  let deployment: TestDeployment

  beforeAll(async () => {
    deployment = await startDeployment(open)
  })

  const at = (mode: (typeof MODES)[number]) => deployment.nodes[0].at(mode)
  const fetched = async (mode: (typeof MODES)[number]): Promise<Collection> =>
    (await at(mode).get('/v1/postman.json')).body

  test('anyone may import it by its URL, from any origin; it holds no credential', async () => {
    const { status, headers, text } = await at('live').get('/v1/postman.json', { origin: 'https://web.postman.co' })
    expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)])
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(text).not.toMatch(/\b(tk|kc|kr|st|cs)_(live|test)_/)
    const { base_url, ...others } = valuesOf((await fetched('live')).variable)
    expect(base_url).toBe(at('live').issuer)
    expect(new Set(Object.values(others))).toEqual(new Set(['']))
  })

  test.each(MODES)('%s: its OAuth settings are those of discovery', async (mode) => {
    const { body: discovered } = await at(mode).get('/.well-known/oauth-authorization-server')
    const { info, auth } = await fetched(mode)
    expect(info).toMatchObject({ name: `Keycourt (${mode})`, schema: expect.stringContaining('/v2.1.0/') })
    expect(auth.type).toBe('oauth2')
    expect(valuesOf(auth.oauth2)).toMatchObject({
      ...{ grant_type: 'authorization_code_with_pkce', challengeAlgorithm: 'S256' },
      authUrl: discovered.authorization_endpoint,
      accessTokenUrl: discovered.token_endpoint,
      redirect_uri: 'https://oauth.pstmn.io/v1/callback',
    })
  })

  test('says where Postman listens, as an app and on the web, and makes an app for both', async () => {
    const callbacks = ['https://oauth.pstmn.io/v1/callback', 'https://oauth.pstmn.io/v1/browser-callback']
    const { info, item } = await fetched('live')
    for (const callback of callbacks) expect(info.description).toContain(`\`${callback}\``)
    const create = item.find(({ name }) => name === 'apps')?.item.find(({ name }) => name === 'POST /v1/apps')
    expect(JSON.parse(create?.request.body?.raw ?? '{}').redirect_uris).toEqual(callbacks)
  })

  test('a folder for each resource, and every operation once', async () => {
    const [getToken, ...folders] = (await fetched('live')).item
    expect(getToken?.name).toBe('Get a token')
    const resources = ['api-keys', 'service-users', 'service-tokens', 'apps', 'resources', 'audit-logs']
    expect(folders.map(({ name }) => name)).toEqual(expect.arrayContaining(['me', ...resources]))
    const names = folders.flatMap(({ item }) => item.map(({ name }) => name))
    expect(names.sort()).toEqual(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort())
  })

  describe.each(MODES)('run by newman, %s', NEWMAN, (mode) => {
    test('with a key: every request is answered as it says, and again', async () => {
      const { client_id, client_secret } = deployment.made[mode]
      for (const _ of ['once', 'again']) {
        const summary = await run(await fetched(mode), { client_id, client_secret })
        expect(failuresOf(summary)).toEqual([])
        expect(summary.run.executions).toHaveLength(OPERATIONS.length + 2)
        expect(summary.run.stats.assertions.total).toBe(OPERATIONS.length + 2)
      }
    })
  })

  test('with a wrong secret it fails: its tests are tests', NEWMAN, async () => {
    const { client_id } = deployment.made.live
    const summary = await run(await fetched('live'), { client_id, client_secret: 'wrong' })
    expect(failuresOf(summary).length).toBeGreaterThan(OPERATIONS.length)
  })

  test('with the token of a person who signed in as its settings say', NEWMAN, async () => {
    const collection = await fetched('live')
    const { redirect_uri, accessTokenUrl } = valuesOf(collection.auth.oauth2) as Record<string, string>
    const app = await createApp(at('live'), deployment.made.live.api_key, { redirect_uris: [redirect_uri] })
    const agreed = await agree(createBrowser(at('live'), await createPerson(deployment)), app)
    const form = { grant_type: 'authorization_code', client_id: app.client_id, ...agreed }
    const { body } = await at('live').form(new URL(accessTokenUrl as string).pathname, form)
    const folders = collection.item.slice(1).map(({ name }) => name)
    const summary = await run(collection, { access_token: body.access_token }, folders)
    expect(failuresOf(summary)).toEqual([])
    expect(summary.run.executions).toHaveLength(OPERATIONS.length)
  })
})
