import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { lockDirectory } from '../../server/storage/embedded-lock.ts'
import { createLog } from '../../server/telemetry/log.ts'
import { describeDeployment } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { runHere as run } from './here.ts'
import { MASTER_KEY, onPostgres } from './postgres.ts'
import { type Environment, temporaryDirectory } from './process.ts'

const CREATE = ['tenants', 'create', '--name', 'Acme & Söhne', '--owner', 'Ann@acme.example']

/** What a command's output has of the form of a key. */
const keysIn = (output: string) =>
  [...output.matchAll(/tk_(?:live|test)_[a-z2-7]+_[0-9A-Za-z]{49}/g)].map(([key]) => key)

const pairOf = (key: string) => {
  const at = key.lastIndexOf('_')
  return { client_id: key.slice(0, at), client_secret: key.slice(at + 1) }
}

/** seed: knoxcall-oauth-and-api-keys (plans, subscription_inactive) */
describeDeployment('cluster', 'keycourt tenants, beside running nodes', (open) => {
  const NAME = 'Acme & Söhne'
  let deployment: TestDeployment
  let operator: Environment
  let live: Caller
  let sandbox: Caller
  let keys: { live: string; test: string }
  const logged: string[] = []

  beforeAll(async () => {
    let settings: Awaited<ReturnType<typeof open>>['settings'] | undefined
    const spied: typeof open = async (needs) => {
      const storage = await open(needs)
      settings = storage.settings
      return storage
    }
    const log = createLog({ level: 'trace', destination: { write: (line) => void logged.push(line) } })
    deployment = await startDeployment(spied, { log })
    live = deployment.nodes[0].at('live')
    sandbox = deployment.nodes[1].at('test')
    operator = {
      ...{ KC_LIVE_URL: live.issuer, KC_SANDBOX_URL: sandbox.issuer, KC_MASTER_KEY: MASTER_KEY },
      ...{ DATABASE_URL: settings?.databaseUrl, REDIS_URL: settings?.redisUrl },
      KC_DATA_DIR: await temporaryDirectory(),
    }
    const made = await keycourt(...CREATE.slice(1), '--plan', 'enterprise')
    const [liveKey = '', testKey = ''] = keysIn(made.output)
    keys = { live: liveKey, test: testKey }
    const [link = ''] = /http\S+\/sign-in\/invitation\?token=\S+/.exec(made.output) ?? []
    expect((await live.get(link.slice(live.issuer.length))).status).toBe(200)
  })

  const keycourt = async (...args: string[]) => {
    const done = await run(['tenants', ...args], operator)
    expect(done).toMatchObject({ code: 0, errors: '' })
    return done
  }
  const errors = async () => [
    (await live.token(pairOf(keys.live))).body.error,
    (await sandbox.token(pairOf(keys.test))).body.error,
    (await live.api('GET', '/v1/me', keys.live)).body.error,
    (await sandbox.api('GET', '/v1/me', keys.test)).body.error,
  ]
  const NONE = Array(4).fill(undefined)

  test.each([
    ['pause', 'paused'],
    ['cancel', 'cancelled'],
  ])('%s refuses all of it at the next request, in both modes, until it is resumed', async (what, status) => {
    expect(await errors()).toEqual(NONE)
    await keycourt(what, NAME)
    expect(await errors()).toEqual(Array(4).fill('subscription_inactive'))
    expect((await live.token(deployment.made.live)).status).toBe(200)
    expect((await keycourt('list')).output).toMatch(new RegExp(`^${NAME} +enterprise +${status} `, 'm'))
    await keycourt('resume', NAME)
    expect(await errors()).toEqual(NONE)
  })

  test('security and plan hold at the next request', async () => {
    const demands = ['--max-token-validity', '600', '--allowed-networks', '127.0.0.1,::1/128']
    const { output } = await keycourt('security', NAME, ...demands)
    expect(output).toBe(`${NAME}: from 127.0.0.1, ::1; tokens of 600 s at most\n`)
    expect((await live.token(pairOf(keys.live))).body.expires_in).toBe(600)
    await keycourt('security', NAME, '--allowed-networks', '192.0.2.0/24', '--max-token-validity', 'none')
    expect(await errors()).toEqual([...Array(2).fill('invalid_client'), ...Array(2).fill('invalid_api_key')])
    await keycourt('security', NAME, '--allowed-networks', 'none')
    expect((await live.token(pairOf(keys.live))).body.expires_in).toBe(3600)
    await keycourt('plan', NAME, 'standard')
    expect((await live.api('GET', '/v1/tenant', keys.live)).body.plan).toBe('standard')
  })

  test('the log says what the operator did, and nothing says the secrets', async () => {
    const log = (await live.api('GET', '/v1/audit-logs?limit=100', keys.live)).body.data
    const ofOperator = log.filter(({ actor }: { actor: { type: string } }) => actor.type === 'operator')
    const actions = ofOperator.map(({ action }: { action: string }) => action)
    expect(actions).toEqual(expect.arrayContaining(['tenant.created', 'api_key.created', 'invitation.created']))
    const status = ['tenant.paused', 'tenant.resumed', 'tenant.cancelled', 'tenant.changed']
    expect(actions).toEqual(expect.arrayContaining(status))
    const { client_secret } = pairOf(keys.live)
    expect(JSON.stringify(log) + logged.join('')).not.toContain(client_secret)
  })
})

describe('keycourt tenants', () => {
  let environment: Environment
  beforeAll(async () => {
    environment = { ...(await onPostgres()), KC_DATA_DIR: join(await temporaryDirectory(), 'data') }
  })

  test('--out keeps the secrets to a new file that nobody else can read', async () => {
    const directory = await temporaryDirectory()
    const file = join(directory, 'acme.json')
    const { code, output, errors } = await run([...CREATE, '--out', file], environment)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(keysIn(output)).toEqual([])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const kept = JSON.parse(await readFile(file, 'utf8'))
    expect(kept).toMatchObject({ tenant: 'Acme & Söhne', live: { api_key: expect.stringMatching(/^tk_live_/) } })
    expect(Object.keys(kept)).toEqual(['tenant', 'owner', 'live', 'test'])

    const again = await run(CREATE, environment)
    expect(again).toMatchObject({
      code: 1,
      output: '',
      errors: 'keycourt: There is a tenant "Acme & Söhne" already.\n',
    })
  })

  test('--out writes over nothing, and the tenant whose keys nobody has isn’t there', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'mine'), 'mine')
    const create = ['tenants', 'create', '--name', 'Beta', '--owner', 'b@b.example']
    const over = await run([...create, '--out', join(directory, 'mine')], environment)
    expect(over.code).toBe(1)
    expect(over.errors).toMatch(/^keycourt: .*mine can't be written \(EEXIST\)/)
    expect(await readFile(join(directory, 'mine'), 'utf8')).toBe('mine')
    expect((await run(['tenants', 'list'], environment)).output).not.toContain('Beta')
  })

  test('beside a server on the embedded database they ask to stop it', async () => {
    const dataDir = await temporaryDirectory()
    const release = await lockDirectory(dataDir)
    const { code, errors } = await run(['tenants', 'list'], { KC_DATA_DIR: dataDir })
    release()
    expect(code).toBe(1)
    expect(errors).toContain('is in use by another Keycourt process')
  })

  test('who isn’t there is said to be so', async () => {
    const { code, errors } = await run(['tenants', 'pause', 'Nobody'], environment)
    expect(code).toBe(1)
    expect(errors).toContain('There is no tenant "Nobody"')
  })

  test.each([
    [['tenants'], 'there is no command "tenants"'],
    [['tenants', 'delete', 'Acme'], 'there is no command "tenants delete"'],
    [['tenants', 'pause'], 'it is `keycourt tenants pause NAME`'],
    [['tenants', 'pause', 'Acme', 'Ltd'], 'it is `keycourt tenants pause NAME`'],
    [['tenants', 'plan', 'Acme', 'gold'], 'PLAN is "gold"; it wants one of standard, enterprise'],
    [['tenants', 'create', '--owner', 'a@b.example'], '--name wants at least one visible character'],
    [['tenants', 'create', '--name', 'A', '--owner', 'ann'], '--owner wants an email address'],
    [['tenants', 'create', '--name', 'A', '--owner', 'a@b.example', '--plan', 'gold'], '--plan is "gold"'],
    [['tenants', 'security', 'Acme'], 'say what is to be demanded'],
    [['tenants', 'security', 'Acme', '--require-dpop', 'yes'], '--require-dpop is "yes"; it wants on or off'],
    [['tenants', 'security', 'Acme', '--allowed-networks', '10.0.0.0/8,a'], '--allowed-networks is "10.0.0.0/8,a"'],
    [['tenants', 'security', 'Acme', '--max-token-validity', '5'], '--max-token-validity is "5"; it wants 60 to 86400'],
  ])('%j is answered with the usage and 2', async (args, said) => {
    const { code, output, errors } = await run(args, environment)
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(errors).toContain(said)
    expect(errors).toContain('Usage:')
  })
})
