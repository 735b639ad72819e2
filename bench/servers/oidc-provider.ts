import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Adapter, type AdapterPayload, type Configuration } from 'oidc-provider'
import { sharePort } from './share-port.ts'

/**
 * oidc-provider by itself, as its documentation has it: opaque tokens, an adapter that keeps each model in Redis. Its
 * clients are in its configuration, where it finds them soonest (those of an adapter cost it a read and a validation
 * each, since it remembers a hundred).
 * Run by world.ts: `node bench/servers/oidc-provider.ts <port> <redis URL> <processes> <file of clients>`.
 */
const [, , port, redisUrl, processes, clientsFile] = process.argv

async function serve(): Promise<void> {
  const redis = new Redis(redisUrl as string, { enableAutoPipelining: true })
  const clients = JSON.parse(await readFile(clientsFile as string, 'utf8'))
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }
  const provider = new Provider(`http://localhost:${port}`, {
    adapter: adapterOn(redis),
    jwks: { keys: [key as never] },
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['client_credentials'], response_types: [] },
    cookies: { keys: ['of no use here'] },
    scopes: ['read'],
    ttl: { ClientCredentials: 3600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      dPoP: { enabled: true },
    },
  } satisfies Configuration)
  const server = createServer(provider.callback()).listen(Number(port), '127.0.0.1')
  await once(server, 'listening')
}

const adapterOn =
  (redis: Redis) =>
  (model: string): Adapter => {
    const keyOf = (id: string) => `oidc:${model}:${id}`
    const find = async (key: string): Promise<AdapterPayload | undefined> => {
      const text = await redis.get(key)
      return text === null ? undefined : JSON.parse(text)
    }
    return {
      async upsert(id, payload, expiresIn) {
        await redis.set(keyOf(id), JSON.stringify(payload), 'EX', expiresIn as number)
      },
      find: (id) => find(keyOf(id)),
      async destroy(id) {
        await redis.del(keyOf(id))
      },
      async consume(id) {
        const payload = await find(keyOf(id))
        const consumed = Math.floor(Date.now() / 1000)
        if (payload) await redis.set(keyOf(id), JSON.stringify({ ...payload, consumed }), 'KEEPTTL')
      },
      // Sessions, device codes and what hangs on a grant: nothing here has any.
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
      revokeByGrantId: async () => {},
    }
  }

// It says of every default that it is one.
for (const level of ['info', 'warn'] as const) console[level] = () => {}
await sharePort(Number(processes), serve)
