import { describe, expect, test } from 'vitest'
import { parseRedisUrl } from '../../server/storage/redis/redis-url.ts'

const bare = {
  tls: false,
  username: undefined,
  password: undefined,
  sentinelPassword: undefined,
  masterName: undefined,
  db: 0,
}

describe('REDIS_URL', () => {
  test.each([
    ['redis://localhost', { ...bare, kind: 'single', nodes: [{ host: 'localhost', port: 6379 }] }],
    ['redis://10.0.0.1:7000/3', { ...bare, kind: 'single', nodes: [{ host: '10.0.0.1', port: 7000 }], db: 3 }],
    ['redis://[::1]:7000', { ...bare, kind: 'single', nodes: [{ host: '::1', port: 7000 }] }],
    [
      'rediss://cache.example.com:6380/',
      { ...bare, kind: 'single', tls: true, nodes: [{ host: 'cache.example.com', port: 6380 }] },
    ],
    [
      'redis://kc:p%40ss:w%2Frd@h',
      {
        ...bare,
        kind: 'single',
        nodes: [{ host: 'h', port: 6379 }],
        username: 'kc',
        password: 'p@ss:w/rd',
        sentinelPassword: 'p@ss:w/rd',
      },
    ],
    [
      'redis://:un@encoded@h:1',
      {
        ...bare,
        kind: 'single',
        nodes: [{ host: 'h', port: 1 }],
        password: 'un@encoded',
        sentinelPassword: 'un@encoded',
      },
    ],
    [
      'redis+cluster://a:1,b,[::1]:3',
      {
        ...bare,
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
          { host: '::1', port: 3 },
        ],
      },
    ],
    [
      'redis+sentinel://a,b:2/main',
      {
        ...bare,
        kind: 'sentinel',
        nodes: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 2 },
        ],
        masterName: 'main',
      },
    ],
    [
      'rediss+sentinel://u:p@a:1/main/4?sentinel_password=other%26',
      {
        kind: 'sentinel',
        nodes: [{ host: 'a', port: 1 }],
        tls: true,
        username: 'u',
        password: 'p',
        sentinelPassword: 'other&',
        masterName: 'main',
        db: 4,
      },
    ],
  ])('%s', (url, target) => {
    expect(parseRedisUrl(url)).toEqual(target)
  })

  test.each([
    ['http://h', 'is not a Redis URL'],
    ['redis+other://h', 'is not a Redis URL'],
    ['redis://', 'is not a Redis URL'],
    ['redis://h/one', 'not a database number'],
    ['redis://h/1/2', 'not a database number'],
    ['redis+cluster://h/1', 'which Redis Cluster does not have'],
    ['redis+sentinel://h', 'lacks the name of the master'],
    ['redis://h:port', 'not `host:port`'],
    ['redis+cluster://a,,b', 'not `host:port`'],
    ['redis://:%zz@h', 'two hex digits'],
  ])('%s is refused', (url, reason) => {
    expect(() => parseRedisUrl(url)).toThrow(reason)
  })

  test('what is refused is not echoed', () => {
    expect(() => parseRedisUrl('redis://:hunter2@h:port')).toThrow(/^(?!.*hunter2)/)
  })
})
