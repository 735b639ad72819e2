import { createApp, createPerson, issueCode, makePersonalToken, type TestApp } from '../oauth/people.ts'
import { createProver } from '../oauth/prover.ts'
import type { TestDeployment } from '../start.ts'
import type { TestTenant } from '../tenants.ts'

/** One of each kind of credential that introspection answers for, all of them good. */
export const KINDS = [
  'access_token',
  'bound_access_token',
  'persons_access_token',
  'refresh_token',
  'api_key',
  'service_token',
  'personal_access_token',
] as const
export type Kind = (typeof KINDS)[number]

export interface Subjects {
  readonly texts: Readonly<Record<Kind, string>>
  /** The app that the refresh token is of. */
  readonly app: TestApp
}

/** Of this tenant, in live mode, each made by a client of its own. */
export async function subjectsOf(deployment: TestDeployment, { id, keys }: TestTenant): Promise<Subjects> {
  const live = deployment.nodes[0].at('live')
  const admin = keys.live.api_key
  const make = async (path: string, body: object) => {
    const { status, body: made } = await live.api('POST', path, admin, body)
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(made)}`)
    return made
  }
  const key = await make('/v1/api-keys', { kind: 'standard', name: 'k' })
  const user = await make('/v1/service-users', { name: 'u', role: 'viewer' })
  const { service_token } = await make(`/v1/service-users/${user.id}/tokens`, { name: 't' })
  const prover = await createProver(deployment.clock.now)
  const dpop = await prover.prove('POST', `${live.issuer}/oauth/token`)

  const app = await createApp(live, admin)
  const person = await createPerson(deployment, { tenantId: id })
  const { code, code_verifier, redirect_uri } = await issueCode(deployment, person, app, { resource: live.issuer })
  const grant = { grant_type: 'authorization_code', client_id: app.client_id, code, code_verifier, redirect_uri }
  const { body: persons } = await live.form('/oauth/token', grant)
  return {
    app,
    texts: {
      access_token: (await live.token(key)).body.access_token,
      bound_access_token: (await live.token(key, {}, { dpop })).body.access_token,
      persons_access_token: persons.access_token,
      refresh_token: persons.refresh_token,
      api_key: key.api_key,
      service_token,
      personal_access_token: (await makePersonalToken(deployment, person)).personal_access_token,
    },
  }
}
