import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { expectProblem } from './problem.ts'

const APP = { name: 'Desk', type: 'confidential', redirect_uris: ['https://app.example/cb'] }

/** A tag of what is shown, whichever operation shows it. */
const STRONG = /^"[\w-]{43}"$/

describeDeployments('If-Match', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]
  let key: string
  beforeAll(async () => {
    deployment = await startDeployment(open)
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
    key = deployment.made.live.api_key
  })

  test('of two admins who change what both have seen, on two nodes, exactly one does: 20 rounds', async () => {
    const { body, headers } = await nodes[0].api('POST', '/v1/apps', key, APP)
    let etag = headers.etag as string
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(
        nodes.map((node, at) =>
          node.api('PATCH', `/v1/apps/${body.id}`, key, { name: `${round} by ${at}` }).set('If-Match', etag),
        ),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412])
      const won = answers.find(({ status }) => status === 200)
      const now = await nodes[0].api('GET', `/v1/apps/${body.id}`, key)
      expect([now.body.name, now.headers.etag]).toEqual([won?.body.name, won?.headers.etag])
      etag = now.headers.etag as string
    }
  })

  test('ten who would revoke and ten who would rename at once: nothing hangs, nothing fails', async () => {
    const { body, headers } = await nodes[0].api('POST', '/v1/apps', key, APP)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        const node = nodes[at % 2] as Caller
        const call =
          at < 10
            ? node.api('PATCH', `/v1/apps/${body.id}`, key, { name: `${at}` })
            : node.api('DELETE', `/v1/apps/${body.id}`, key)
        return at % 3 ? call : call.set('If-Match', headers.etag as string)
      }),
    )
    for (const { status } of answers) expect([200, 204, 404, 409, 412]).toContain(status)
  })
})

describeDeployment('embedded', 'a record’s ETag', (open) => {
  let live: Caller
  let key: string
  let app: { id: string; etag: string }
  beforeAll(async () => {
    const deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    key = deployment.made.live.api_key
    app = await created()
  })

  async function created(): Promise<{ id: string; etag: string }> {
    const { body, headers } = await live.api('POST', '/v1/apps', key, APP)
    return { id: body.id, etag: headers.etag as string }
  }

  const get = (id: string) => live.api('GET', `/v1/apps/${id}`, key)
  const rename = (id: string, ifMatch: string) =>
    live.api('PATCH', `/v1/apps/${id}`, key, { name: 'Renamed' }).set('If-Match', ifMatch)

  test('is the same wherever the record is shown, whatever is shown with it', async () => {
    expect(app.etag).toMatch(STRONG)
    expect((await get(app.id)).headers.etag).toBe(app.etag)
    const changed = await live.api('PATCH', `/v1/apps/${app.id}`, key, { description: 'x' })
    expect(changed.headers.etag).toMatch(STRONG)
    expect(changed.headers.etag).not.toBe(app.etag)
    expect((await get(app.id)).headers.etag).toBe(changed.headers.etag)
    const rotated = await live.api('POST', `/v1/apps/${app.id}/rotate-secret`, key, {})
    expect(rotated.body).toHaveProperty('client_secret')
    expect(rotated.headers.etag).toBe((await get(app.id)).headers.etag)
  })

  test('of another record is another', async () => {
    expect((await created()).etag).not.toBe((await created()).etag)
  })

  test('RFC 9110 §13.1.2: If-None-Match gets 304, without a body', async () => {
    const { headers } = await get(app.id)
    const etag = headers.etag as string
    for (const field of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get(app.id).set('If-None-Match', field)
      expect([field, again.status, again.text, again.headers.etag]).toEqual([field, 304, '', etag])
    }
    expect((await get(app.id).set('If-None-Match', '"other"')).status).toBe(200)
  })

  test('a list has none', async () => {
    expect((await live.api('GET', '/v1/apps', key)).headers).not.toHaveProperty('etag')
    expect((await live.api('GET', '/v1/apps', key).set('If-None-Match', '*')).status).toBe(200)
  })

  test('the tenant’s settings have one', async () => {
    const { headers } = await live.api('GET', '/v1/tenant', key)
    const patch = (etag: string) =>
      live.api('PATCH', '/v1/tenant', key, { metadata_document_clients: true }).set('If-Match', etag)
    const changed = await patch(headers.etag as string)
    expect([changed.status, changed.headers.etag]).toEqual([
      200,
      (await live.api('GET', '/v1/tenant', key)).headers.etag,
    ])
    expectProblem(await patch(headers.etag as string), 412, 'conflict')
  })

  describe('RFC 9110 §13.1.1: If-Match', () => {
    test('any one of several, or *, will do', async () => {
      const one = await created()
      const renamed = await rename(one.id, `"other" ,\t${one.etag}`)
      expect(renamed.status).toBe(200)
      expect((await rename(one.id, '*')).status).toBe(200)
    })

    test('a weak tag matches nothing, nor does an old one, nor one of another record', async () => {
      const one = await created()
      const other = await created()
      for (const field of [`W/${one.etag}`, other.etag, '""', `"${'x'.repeat(43)}"`]) {
        expectProblem(await rename(one.id, field), 412, 'conflict')
      }
      expect((await get(one.id)).body.name).toBe('Desk')
    })

    test.each(['unquoted', '"open', '*, "a"', '"a" "b"', '"a",', 'w/"a"', '"a b"'])(
      '%s is none: 400',
      async (field) => {
        expectProblem(await rename(app.id, field), 400, 'validation_failed')
      },
    )

    test('for actions and deletions as well', async () => {
      const one = await created()
      const send = (method: 'POST' | 'DELETE', path: string, etag: string) =>
        live.api(method, `/v1/apps/${one.id}${path}`, key, method === 'POST' ? {} : undefined).set('If-Match', etag)
      expectProblem(await send('POST', '/rotate-secret', '"old"'), 412, 'conflict')
      const rotated = await send('POST', '/rotate-secret', one.etag)
      expect(rotated.status).toBe(200)
      const current = rotated.headers.etag as string
      await rename(one.id, '*')
      expectProblem(await send('DELETE', '', current), 412, 'conflict')
      expect((await send('DELETE', '', (await get(one.id)).headers.etag as string)).status).toBe(204)
    })

    test('what isn’t there is not found, and what has no tag matches none', async () => {
      expectProblem(await rename('app_aaaaaaaaaaaa', app.etag), 404, 'not_found')
      expectProblem(await live.api('POST', '/v1/apps', key, APP).set('If-Match', app.etag), 412, 'conflict')
    })

    test('what is refused leaves nothing behind', async () => {
      const one = await created()
      const entries = async () => (await live.api('GET', '/v1/audit-logs?limit=1', key)).body.data[0].id
      const before = await entries()
      await rename(one.id, '"old"')
      expect(await entries()).toBe(before)
    })
  })
})
