import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import Koa from 'koa'

/**
 * What the promises of section 8 are measured against: a bare Koa handler that does one Redis write, or one read, and
 * nothing else. It reads no body and checks nothing. Run by run.ts: `node bench/floor.ts <port> <redis URL>`.
 */
const [, , port, redisUrl] = process.argv
const redis = new Redis(redisUrl as string, { enableAutoPipelining: true })
const app = new Koa()

app.use(async (ctx) => {
  if (ctx.path === '/write') {
    const value = randomBytes(32).toString('base64url')
    await redis.set(`floor:${value}`, value, 'EX', 60)
    ctx.body = { value }
  } else {
    ctx.body = { value: await redis.get('floor:read') }
  }
})

await redis.set('floor:read', 'x'.repeat(150))
app.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'))
