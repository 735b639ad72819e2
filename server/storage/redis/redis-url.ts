/** Where Redis or Valkey is. WHATWG URLs hold one host only, hence a parser of our own. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly nodes: readonly { host: string; port: number }[]
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  /** Sentinels may have a password of their own (`?sentinel_password=`); else they get that of the data nodes. */
  readonly sentinelPassword: string | undefined
  readonly masterName: string | undefined
  readonly db: number
}

const SHAPE = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^/]*)@)?([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/**
 * `redis://`, `rediss://`, `redis+sentinel://[user:pass@]h:p,h:p/masterName[/db]`, `redis+cluster://[user:pass@]h:p,h:p`.
 * @throws {Error} a sentence that names no part of the URL, since any part of a mistyped one may be the password.
 */
export function parseRedisUrl(redisUrl: string): RedisTarget {
  const [, s, variant, user = '', hosts = '', path = '', query = ''] =
    SHAPE.exec(redisUrl) ?? wrong('is not a Redis URL')
  const kind = variant === 'sentinel' || variant === 'cluster' ? variant : 'single'
  const [username, password] = credentials(user)
  const segments = path.split('/').filter(Boolean)
  const masterName =
    kind === 'sentinel' ? decoded(segments.shift() ?? wrong('lacks the name of the master')) : undefined
  const [db = '0', ...rest] = segments
  if (!/^\d{1,5}$/.test(db) || rest.length) wrong('ends in something that is not a database number')
  if (kind === 'cluster' && db !== '0') wrong('names a database, which Redis Cluster does not have')
  return {
    kind,
    nodes: hosts.split(',').map((host) => node(host, kind === 'sentinel' ? 26_379 : 6379)),
    tls: s === 's',
    username,
    password,
    sentinelPassword: new URLSearchParams(query).get('sentinel_password') ?? password,
    masterName,
    db: Number(db),
  }
}

function credentials(text: string): [string | undefined, string | undefined] {
  if (!text) return [undefined, undefined]
  const [user = '', ...password] = text.split(':')
  return [decoded(user) || undefined, decoded(password.join(':')) || undefined]
}

function node(text: string, defaultPort: number) {
  const [, host = '', port = defaultPort] = HOST.exec(text) ?? wrong('has a host that is not `host:port`')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return wrong('has a % that is not followed by two hex digits')
  }
}

const wrong = (what: string): never => {
  throw new Error(`REDIS_URL ${what}.`)
}
