import { readFile } from 'node:fs/promises'
import { getIDToken } from '@actions/core'
import { getVercelOidcToken } from '@vercel/oidc'
import { GoogleAuth } from 'google-auth-library'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Condition, Platform } from '../../server/workload-identity/model.ts'
import { describeDeployment } from '../deployments.ts'
import { createServiceUser, equals, TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from './issuer.ts'
import { startActionsRunner } from './stand-ins/actions-runner.ts'
import { startKubelet } from './stand-ins/kubelet.ts'
import { startManagedIdentity } from './stand-ins/managed-identity.ts'
import { startMetadataServer } from './stand-ins/metadata-server.ts'
import { startVercel } from './stand-ins/vercel-function.ts'

interface Trusted {
  readonly platform: Platform
  readonly issuer: string
  readonly conditions: readonly Condition[]
  /** Of the provider, beside where the keys are. */
  readonly more?: object
}

const TENANT = '11111111-2222-3333-4444-555555555555'

/** Tokens have the names of the real issuers; an admin has said where their keys are, and there ours are. */
describeDeployment('database', "what the platforms' own clients get is exchanged", (open) => {
  let deployment: TestDeployment
  let live: Caller
  let keys: TestIssuer

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    live = deployment.nodes[0].at('live')
    keys = await createIssuer({ clock: deployment.clock })
  })
  beforeEach(() => void vi.stubEnv('NO_PROXY', '127.0.0.1,localhost'))
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.unstubAllGlobals()
  })

  const seconds = () => Math.floor(deployment.clock.now() / 1000)

  async function created(path: string, body: object) {
    const response = await live.api('POST', path, deployment.made.live.api_key, body)
    expect(response.status, JSON.stringify(response.body)).toBe(201)
    return response.body
  }

  /** A service user that workloads of the platform may act as, and such a workload. */
  async function trust({ platform, issuer, conditions, more = { jwks_uri: keys.jwksUri } }: Trusted) {
    const user = await createServiceUser(live, deployment.made.live.api_key)
    const provider = await created('/v1/workload-providers', { platform, issuer, name: platform, ...more })
    const path = `/v1/workload-providers/${provider.id}/bindings`
    const binding = await created(path, { service_user_id: user.id, conditions })
    const options = { algorithm: 'oauth2' as const, execute: [client.allowInsecureRequests] }
    const server = await client.discovery(new URL(live.issuer), user.client_id, undefined, client.None(), options)
    const exchange = (subject_token: string) =>
      client.genericGrantRequest(server, TOKEN_EXCHANGE, { subject_token, subject_token_type: type('jwt') })

    return {
      async expectTaken(token: string) {
        const { access_token } = await exchange(token)
        const { body } = await live.introspect(deployment.made.live, access_token)
        expect(body).toMatchObject({
          ...{ active: true, sub: user.client_id, act: { iss: issuer, sub: decodeJwt(token).sub } },
          workload: { provider_id: provider.id, binding_id: binding.id },
        })
      },
      expectRefused: (token: string, why: string) =>
        expect(exchange(token)).rejects.toMatchObject({
          ...{ status: 400, error: 'invalid_request', error_description: expect.stringContaining(why) },
        }),
    }
  }

  test('GitHub Actions, by @actions/core: good once, for us, and never on pull_request_target [attack 50, 51]', async () => {
    const issuer = 'https://token.actions.githubusercontent.com'
    const { expectTaken, expectRefused } = await trust({
      ...{ platform: 'github-actions', issuer },
      conditions: [equals('repository_id', '74'), equals('ref', 'refs/heads/main')],
    })
    const job = {
      ...{ iss: issuer, sub: 'repo:octo-org@65/octo-repo@74:ref:refs/heads/main', nbf: seconds() - 600 },
      ...{ repository: 'octo-org/octo-repo', repository_id: '74', repository_owner: 'octo-org' },
      ...{ repository_owner_id: '65', ref: 'refs/heads/main', event_name: 'push' },
      job_workflow_ref: 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
    }
    await startActionsRunner((aud) => keys.sign({ ...job, aud }))
    // It tells the runner what to mask in the log, on stdout.
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const tokens = [await getIDToken(live.issuer), await getIDToken()] as const
    job.event_name = 'pull_request_target'
    const hostile = await getIDToken(live.issuer)
    stdout.mockRestore()

    await expectTaken(tokens[0])
    await expectRefused(tokens[0], 'replayed')
    await expectRefused(tokens[1], 'audience')
    await expectRefused(hostile, 'no binding matched: event_name denied')
  })

  test('Google Cloud, by google-auth-library: a service account, not a person [attack 60]', async () => {
    const issuer = 'https://accounts.google.com'
    const sub = '104857600000000000000'
    const conditions = [equals('sub', sub), equals('/google/compute_engine/project_number', 739419398126)]
    const { expectTaken, expectRefused } = await trust({ platform: 'gcp', issuer, conditions })
    const account = {
      ...{ iss: issuer, sub, azp: sub, email: 'deployer@p.iam.gserviceaccount.com', email_verified: true },
      ...{ exp: seconds() + 3600, jti: undefined },
      google: { compute_engine: { project_id: 'p', project_number: 739419398126, zone: 'us-west1-a' } },
    }
    await startMetadataServer((aud) => keys.sign({ ...account, aud }))
    const google = await new GoogleAuth().getIdTokenClient(live.issuer)
    const token = (await google.getRequestHeaders()).get('authorization')?.replace('Bearer ', '') ?? ''

    await expectTaken(token)
    const { google: _, ...said } = account
    const person = { sub: '117000000000000000000', azp: '1-a.apps.googleusercontent.com', email: 'deployer@p.example' }
    await expectRefused(await keys.sign({ ...said, ...person, aud: live.issuer }), 'no binding matched: sub equals')
    await expectRefused(await keys.sign({ ...account, aud: person.azp }), 'audience')
  })

  test('Vercel, by @vercel/oidc: production with our audience, not preview and not a laptop [attack 60]', async () => {
    const issuer = 'https://oidc.vercel.com/acme'
    const conditions = [
      ...[equals('owner_id', 'team_7Gw5ZMzpQA8h90F832KGp7nw'), equals('project_id', 'prj_7Gw5ZMBpQA8h9GF832KGp7nw')],
      equals('environment', 'production'),
    ]
    const { expectTaken, expectRefused } = await trust({ platform: 'vercel', issuer, conditions })
    const ofEnvironment = (environment: string) =>
      keys.sign({
        ...{ iss: issuer, aud: 'https://vercel.com/acme', exp: seconds() + 3600, jti: undefined },
        ...{ sub: `owner:acme:project:website:environment:${environment}`, owner: 'acme', project: 'website' },
        ...{ owner_id: 'team_7Gw5ZMzpQA8h90F832KGp7nw', project_id: 'prj_7Gw5ZMBpQA8h9GF832KGp7nw', environment },
      })
    const vercel = await startVercel(keys.sign)
    const token = () => getVercelOidcToken({ audience: live.issuer })

    vi.stubEnv('VERCEL_OIDC_TOKEN', await ofEnvironment('production'))
    await expectTaken(await token())
    vercel.receive(await ofEnvironment('production'))
    await expectTaken(await token())
    await expectRefused(await getVercelOidcToken(), 'audience')
    vercel.receive(await ofEnvironment('preview'))
    await expectRefused(await token(), 'no binding matched: environment equals')
    vercel.receive(await ofEnvironment('development'))
    await expectRefused(await token(), 'environment denied')
  })

  test('Azure, as IMDS and App Service answer: a managed identity, not a person', async () => {
    const issuer = `https://sts.windows.net/${TENANT}/`
    const resource = 'api://5d2b6a3e-1111-4222-8333-944444444444'
    const oid = '22222222-4444-5555-6666-777777777777'
    const more = { jwks_uri: keys.jwksUri, audiences: [resource] }
    const conditions = [equals('tid', TENANT), equals('oid', oid)]
    const { expectTaken, expectRefused } = await trust({ platform: 'azure', issuer, conditions, more })
    const identity = {
      ...{ iss: issuer, sub: oid, oid, tid: TENANT, appid: '33333333-4444-5555-6666-777777777777' },
      ...{ appidacr: '2', idtyp: 'app', ver: '1.0', exp: seconds() + 86_400, jti: undefined },
    }
    const { imds } = await startManagedIdentity((aud) => keys.sign({ ...identity, aud }))
    const tokenOf = async (url: string, version: string, headers: Record<string, string>) => {
      const query = new URLSearchParams({ 'api-version': version, resource })
      const response = await fetch(`${url}?${query}`, { headers })
      return ((await response.json()) as { access_token: string }).access_token
    }

    await expectTaken(await tokenOf(`${imds}/metadata/identity/oauth2/token`, '2018-02-01', { Metadata: 'true' }))
    const { IDENTITY_ENDPOINT = '', IDENTITY_HEADER = '' } = process.env
    await expectTaken(await tokenOf(IDENTITY_ENDPOINT, '2019-08-01', { 'X-IDENTITY-HEADER': IDENTITY_HEADER }))
    const delegated = { ...identity, idtyp: undefined, aud: resource, scp: 'user_impersonation' }
    await expectRefused(await keys.sign(delegated), 'no binding matched: scp denied')
    const elsewhere = { ...identity, aud: 'https://management.azure.com' }
    await expectRefused(await keys.sign(elsewhere), 'audience')
  })

  /** As the API server signs them: `aud` is a list, and the header has no `typ`. */
  const podOf = (iss: string) => (audience: string) => {
    const serviceaccount = { name: 'deployer', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' }
    const claims = { 'kubernetes.io': { namespace: 'shop', serviceaccount, pod: { name: 'deployer-1' } } }
    const sub = 'system:serviceaccount:shop:deployer'
    const nbf = seconds()
    return keys.sign({ iss, sub, aud: [audience], nbf, exp: nbf + 3600, ...claims }, { typ: undefined })
  }

  test('Kubernetes, by a projected file and uploaded keys: again and again, but not the default token', async () => {
    const issuer = 'https://kubernetes.default.svc.cluster.local'
    const conditions = [
      equals('/kubernetes.io/namespace', 'shop'),
      equals('/kubernetes.io/serviceaccount/name', 'deployer'),
    ]
    const more = { jwks: keys.jwks }
    const { expectTaken, expectRefused } = await trust({ platform: 'kubernetes', issuer, conditions, more })
    const kubelet = await startKubelet(podOf(issuer))
    const file = await kubelet.project('keycourt', live.issuer)

    await expectTaken(await readFile(file, 'utf8'))
    await expectTaken(await readFile(file, 'utf8'))
    await expectRefused(await readFile(await kubelet.project('token', issuer), 'utf8'), 'audience')
  })

  test("AKS, by a projected file: not the one of Azure's own webhook, which is for Azure", async () => {
    const issuer = `https://eastus.oic.prod-aks.azure.com/${TENANT}/66666666-4444-5555-6666-777777777777/`
    const conditions = [equals('sub', 'system:serviceaccount:shop:deployer')]
    const { expectTaken, expectRefused } = await trust({ platform: 'azure', issuer, conditions })
    const kubelet = await startKubelet(podOf(issuer))
    vi.stubEnv('AZURE_FEDERATED_TOKEN_FILE', await kubelet.project('azure', 'api://AzureADTokenExchange'))

    await expectTaken(await readFile(await kubelet.project('keycourt', live.issuer), 'utf8'))
    await expectRefused(await readFile(process.env.AZURE_FEDERATED_TOKEN_FILE ?? '', 'utf8'), 'audience')
  })
})
