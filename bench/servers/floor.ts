import { createPublicKey, type JsonWebKey, randomBytes, verify } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { sharePort } from './share-port.ts'

/**
 * What the promises are measured against: a bare Koa handler that asks Redis for as much as ours must, or verifies the
 * same signature, and does nothing else. It reads no body and checks nothing. What comes together is sent to Redis together,
 * as ours is, but by those that are called `alone`.
 * Run by world.ts: `node bench/servers/floor.ts <port> <redis URL> <processes>`, the issuer's key in FLOOR_RS256.
 */
const [, , port, redisUrl, processes] = process.argv
const LIFETIME = 60

/** Compare-and-set, as a rotation needs it. */
const SWAP = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1`

type Swap = Redis & { swap(key: string, before: string, after: string, lifetime: number): Promise<number> }

async function serve(): Promise<void> {
  const redis = new Redis(redisUrl as string, { enableAutoPipelining: true }) as Swap
  redis.defineCommand('swap', { numberOfKeys: 1, lua: SWAP })
  const rs256 = process.env.FLOOR_RS256 ? publicKey(JSON.parse(process.env.FLOOR_RS256)) : undefined
  const app = new Koa()

  const byDefault = new Redis(redisUrl as string)
  const write = async (value: string, by = redis as Redis) => {
    await by.set(`floor:${value}`, value, 'EX', LIFETIME)
    return value
  }
  const handlers: Record<string, (ctx: Koa.Context) => Promise<unknown>> = {
    '/write': () => write(made()),
    '/read': () => redis.get('floor:read'),
    '/write-alone': () => write(made(), byDefault),
    '/read-alone': () => byDefault.get('floor:read'),
    '/read-nothing': () => redis.get(`floor:${made()}`),
    async '/write-twice'() {
      await redis.set(`floor:once:${made()}`, '', 'EX', LIFETIME, 'NX')
      return write(made())
    },
    async '/swap'(ctx) {
      const key = `floor:family:${ctx.get('family')}`
      const before = (await redis.get(key)) ?? ''
      if (!before) await redis.set(key, made(), 'EX', LIFETIME)
      const value = made()
      await Promise.all([redis.swap(key, before, value, LIFETIME), write(value)])
      return value
    },
    // As a proof of possession comes: with its key.
    '/es256': async (ctx) => isSigned(ctx.get('jwt'), (header) => publicKey(header.jwk), 'ieee-p1363'),
    '/rs256': async (ctx) => isSigned(ctx.get('jwt'), () => rs256 as ReturnType<typeof publicKey>),
  }
  app.use(async (ctx) => {
    const value = await handlers[ctx.path]?.(ctx)
    ctx.status = value === false ? 400 : 200
    ctx.body = { value }
  })

  await redis.set('floor:read', 'x'.repeat(150))
  await once(app.listen(Number(port), '127.0.0.1'), 'listening')
}

const made = (): string => randomBytes(32).toString('base64url')

const publicKey = (jwk: JsonWebKey) => createPublicKey({ key: jwk, format: 'jwk' })

type KeyOf = (header: { jwk: JsonWebKey }) => ReturnType<typeof publicKey>

function isSigned(jwt: string, keyOf: KeyOf, dsaEncoding: 'der' | 'ieee-p1363' = 'der'): boolean {
  const [header = '', payload = '', signature = ''] = jwt.split('.')
  const key = keyOf(JSON.parse(Buffer.from(header, 'base64url').toString()))
  const signed = Buffer.from(`${header}.${payload}`)
  return verify('sha256', signed, { key, dsaEncoding }, Buffer.from(signature, 'base64url'))
}

await sharePort(Number(processes), serve)
