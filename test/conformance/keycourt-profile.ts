import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { createApp, createPerson } from '../oauth/people.ts'
import { createServiceUser, createWorkloads, equals } from '../oauth/workloads.ts'
import type { Caller, TestDeployment } from '../start.ts'
import { createIssuer } from '../workload-identity/issuer.ts'

/** What Keycourt offers, all of it, with clients and a person made for the occasion. */
export async function keycourtProfile(deployment: TestDeployment): Promise<object> {
  const live = deployment.nodes[0].at('live')
  const { api_key: owner } = deployment.made.live
  const resource = { identifier: 'https://orders.example', name: 'Orders', scopes: ['orders:read', 'orders:write'] }
  await created(live, owner, '/v1/resources', resource)
  const scope = ['api-keys:read', 'resources:read']
  return {
    client: { ...(await createKey(live, owner)), methods: ['client_secret_basic', 'client_secret_post'], scope },
    other_client: await createKey(live, owner),
    introspection_client: await createKey(live, owner),
    key_client: await keyClient(live, owner),
    public_client: await publicClient(deployment),
    other_public_client: { client_id: (await createApp(live, owner)).client_id },
    resource: { identifier: resource.identifier, scope: ['orders:read'] },
    protected_resource: {
      ...{ url: `${live.issuer}/v1/api-keys`, identifier: live.issuer, dpop: true },
      ...{ scope: ['api-keys:read'], insufficient_scope: ['resources:read'] },
    },
    trusted_issuer: await trustedIssuer(deployment),
  }
}

async function created(live: Caller, owner: string, path: string, fields: object) {
  const { status, body } = await live.api('POST', path, owner, fields)
  if (status !== 201) throw new Error(`not created at ${path}: ${status} ${JSON.stringify(body)}`)
  return body
}

async function createKey(live: Caller, owner: string) {
  const { client_id, client_secret } = await created(live, owner, '/v1/api-keys', {
    kind: 'standard',
    name: 'A client',
  })
  return { client_id, client_secret }
}

async function keyPair(alg: string): Promise<{ publicJwk: JWK; privateJwk: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const about = { kid: 'conformance', alg, use: 'sig' }
  return {
    publicJwk: { ...(await exportJWK(publicKey)), ...about },
    privateJwk: { ...(await exportJWK(privateKey)), ...about },
  }
}

async function keyClient(live: Caller, owner: string) {
  const { publicJwk, privateJwk } = await keyPair('ES256')
  const robot = { name: 'A robot', role: 'viewer', jwks: { keys: [publicJwk] } }
  const { client_id } = await created(live, owner, '/v1/service-users', robot)
  return { client_id, private_jwk: privateJwk, alg: 'ES256' }
}

async function publicClient(deployment: TestDeployment) {
  const live = deployment.nodes[0].at('live')
  const [redirect_uri, loopback_redirect_uri] = ['https://app.example/callback', 'http://127.0.0.1/callback'] as const
  const redirect_uris = [redirect_uri, loopback_redirect_uri]
  const { client_id } = await createApp(live, deployment.made.live.api_key, { redirect_uris })
  const { email, password } = await createPerson(deployment)
  return {
    ...{ client_id, redirect_uri, loopback_redirect_uri, scope: ['openid', 'api-keys:read', 'resources:read'] },
    sign_in: { email, password, decision: 'allow' },
  }
}

async function trustedIssuer(deployment: TestDeployment) {
  const live = deployment.nodes[0].at('live')
  const { publicJwk, privateJwk } = await keyPair('RS256')
  const platform = await createIssuer({ aud: live.issuer })
  platform.publish.jwks = { keys: [publicJwk] }
  const workloads = createWorkloads(deployment)
  const user = await createServiceUser(live, deployment.made.live.api_key)
  const provider = await workloads.provider({ issuer: platform.url })
  await workloads.binding(provider, user, { conditions: [equals('sub', 'job')] })
  return {
    ...{ issuer: platform.url, private_jwk: privateJwk, alg: 'RS256', subject: 'job', audience: live.issuer },
    client_id: user.client_id,
  }
}
