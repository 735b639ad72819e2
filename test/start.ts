import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import supertest from 'supertest'
import { afterAll } from 'vitest'
import { createAppend } from '../server/audit/append.ts'
import { createChain } from '../server/audit/chain.ts'
import { build, type Foundation, type Node } from '../server/build.ts'
import { createDigests } from '../server/credentials/digest.ts'
import { createEvenTimes } from '../server/credentials/even-time.ts'
import { deriveMasterKeys, type MasterKeys } from '../server/credentials/master-key.ts'
import { receivePlainly } from '../server/http/plain-connections.ts'
import type { Mode } from '../server/mode/mode.ts'
import type { Storage } from '../server/storage/open.ts'
import { noMetrics } from '../server/telemetry/metrics.ts'
import { type Bootstrap, bootstrap } from '../server/tenancy/bootstrap.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { underContract } from './contract.ts'
import type { OpenStorage } from './deployments.ts'

/** One node of a deployment, as HTTP sees it. */
export interface TestNode {
  /** A request to this node for the host of `mode`. */
  at(mode: Mode): Caller
  readonly node: Node
}

export interface TestDeployment {
  /** Embedded has one node: there they are the same. */
  readonly nodes: readonly [TestNode, TestNode]
  readonly made: Bootstrap
  readonly clock: TestClock
  readonly storage: Storage
  readonly masterKeys: MasterKeys
  /** By one node after the other: what two write at once, one of them leaves for its next time. */
  flushUsage(): Promise<void>
}

type Form = Record<string, string | string[]>
type Headers = Record<string, string>

/** The calls that nearly every test makes. Each answers with the response, whatever its status. */
export interface Caller {
  readonly issuer: string
  form(path: string, form: Form | string, headers?: Headers): supertest.Test
  token(key: Key, form?: Form, headers?: Headers): supertest.Test
  introspect(key: Key, token: string): supertest.Test
  revoke(key: Key, token: string): supertest.Test
  api(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, credential?: string, body?: object): supertest.Test
  get(path: string, headers?: Headers): supertest.Test
}

export interface Key {
  readonly client_id: string
  readonly client_secret: string
}

export const basic = ({ client_id, client_secret }: Key): string =>
  `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`

interface Options {
  clock?: TestClock
  log?: Foundation['log']
  trustProxy?: boolean
  outboundAllow?: readonly string[]
  secretScanningKeysUrl?: URL
  apiRateLimit?: number
}

export const MASTER_KEY = Buffer.alloc(32, 7)

/** Two nodes of one deployment, listening, with a tenant in it. Everything ends with the suite. */
export async function startDeployment(open: OpenStorage, options: Options = {}): Promise<TestDeployment> {
  const clock = options.clock ?? createTestClock()
  const { nodes } = await open({ clock })
  const [first, second] = nodes
  const servers = await Promise.all([listening(), listening()])
  const urls = { live: new URL(originOf(servers[0])), test: new URL(originOf(servers[1])) }
  const masterKeys = deriveMasterKeys([MASTER_KEY])
  const made = await bootstrap({
    database: first.database,
    digests: createDigests(masterKeys),
    append: createAppend(createChain(masterKeys)),
    clock,
    urls: { live: urls.live.origin, test: urls.test.origin },
    keep: async () => {},
  })
  if (!made) throw new Error('the database was not empty')
  const foundation = (storage: Storage): Foundation => ({
    settings: {
      liveUrl: urls.live,
      sandboxUrl: urls.test,
      trustProxy: options.trustProxy ?? false,
      keyRotationDays: 90,
      apiRateLimit: options.apiRateLimit ?? 1_000_000,
      outboundAllow: options.outboundAllow ?? [],
      secretScanningKeysUrl: options.secretScanningKeysUrl ?? new URL('https://keys.invalid/'),
    },
    ...{ storage, masterKeys, clock, metrics: noMetrics, evenTime: createEvenTimes(0) },
    log: options.log ?? (pino({ level: 'silent' }) as Foundation['log']),
    traces: { trace: undefined, stop: async () => {} },
  })
  const one = await build(foundation(first))
  for (const server of servers) answerWith(server, one)
  const here = nodeAt(servers, urls, one)
  const common = { made, clock, storage: first, masterKeys }
  if (first === second) return { ...common, nodes: [here, here], flushUsage: () => one.flushUsage() }

  const two = await build(foundation(second))
  const other = await listening()
  answerWith(other, two)
  return {
    ...{ ...common, nodes: [here, nodeAt([other, other], urls, two)] },
    flushUsage: () => one.flushUsage().then(() => two.flushUsage()),
  }
}

function answerWith(server: Server, { listener: { onRequest, onPlain } }: Node): void {
  server.on('request', underContract(onRequest))
  if (onPlain) afterAll(receivePlainly(server, onPlain, server).destroy)
}

function nodeAt([live, test]: readonly [Server, Server], urls: Record<Mode, URL>, node: Node): TestNode {
  const callers = { live: callerAt(live, urls.live), test: callerAt(test, urls.test) }
  afterAll(() => node.stop())
  return { at: (mode) => callers[mode], node }
}

function callerAt(server: Server, url: URL): Caller {
  const { port } = server.address() as AddressInfo
  // The issuer's host, whichever node is asked: as a balancer would.
  // No agent of supertest's: it would keep cookies, and all browsers of a test would be one.
  const node = supertest(`http://127.0.0.1:${port}`)
  const request = (method: 'get' | 'post' | 'patch' | 'delete', path: string) =>
    node[method](path).set('Host', url.host)
  const form: Caller['form'] = (path, fields, headers = {}) =>
    request('post', path)
      .set({ 'content-type': 'application/x-www-form-urlencoded', ...headers })
      .send(typeof fields === 'string' ? fields : encode(fields))
  return {
    issuer: url.origin,
    form,
    token: (key, fields = {}, headers = {}) =>
      form('/oauth/token', { grant_type: 'client_credentials', ...fields }, { authorization: basic(key), ...headers }),
    introspect: (key, token) => form('/oauth/introspect', { token }, { authorization: basic(key) }),
    revoke: (key, token) => form('/oauth/revoke', { token }, { authorization: basic(key) }),
    api(method, path, credential, body) {
      const call = request(method.toLowerCase() as 'get', path)
      if (credential !== undefined) call.set('authorization', `Bearer ${credential}`)
      return body === undefined ? call : call.send(body)
    },
    get: (path, headers = {}) => request('get', path).set(headers),
  }
}

const encode = (fields: Form): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, each])),
  ).toString()

async function listening(): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close().closeAllConnections())
  return server
}

const originOf = (server: Server): string => `http://localhost:${(server.address() as AddressInfo).port}`
