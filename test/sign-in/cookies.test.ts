import { createServer } from 'node:http'
import Koa from 'koa'
import supertest from 'supertest'
import { expect, test } from 'vitest'
import type { RequestContext } from '../../server/http/context.ts'
import { createCookies } from '../../server/sign-in/http/cookies.ts'
import { createKnownDevices } from '../../server/sign-in/known-device.ts'

/** What a browser is told to keep, by a server behind a balancer that ends TLS. */
async function setBy(work: (ctx: RequestContext) => void): Promise<string> {
  const app = new Koa()
  app.use((ctx) => {
    work(ctx as unknown as RequestContext)
    ctx.status = 204
  })
  const { headers } = await supertest(createServer(app.callback())).get('/')
  return String(headers['set-cookie'])
}

const write = (issuer: string) => setBy((ctx) => createCookies('live', issuer)('kc_x', 60_000).write(ctx, 'v'))

test('RFC 6265bis §4.1.3.2: over https no neighbour can plant a cookie of ours', async () => {
  expect(await write('https://api.example.com')).toMatch(
    /^__Host-kc_x_live=v; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
  )
  expect(await write('http://localhost:3000')).toMatch(/^kc_x_live=v; path=\/; expires=[^;]+; samesite=lax; httponly$/)
})

test('a device is known by at most five people, and only by those', async () => {
  const devices = createKnownDevices(Buffer.alloc(32, 1), () => {
    let kept: string | undefined
    return {
      read: () => kept,
      write: (_, value) => {
        kept = value
      },
      clear: () => {},
    }
  })
  const ctx = {} as RequestContext
  expect(devices.of(ctx, ['a'])).toBeUndefined()
  for (const id of ['a', 'b', 'c', 'd', 'e', 'a']) devices.remember(ctx, id)
  const device = devices.of(ctx, ['a'])
  expect(device).toMatch(/^[\w-]{22}$/)
  devices.remember(ctx, 'f')
  expect(['a', 'c', 'd', 'e', 'f'].map((id) => devices.of(ctx, [id]))).toEqual(Array(5).fill(device))
  expect(devices.of(ctx, ['b', 'x'])).toBeUndefined()
})
