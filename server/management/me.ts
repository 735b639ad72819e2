import { operation } from './operation.ts'

/** Who the credential is: the first call that anyone makes. */
export const me = operation({
  method: 'GET',
  path: '/v1/me',
  requires: undefined,
  status: 200,
  async handle({ caller: { actor, client, tenant, scopes } }, { scope }) {
    return {
      credential: actor,
      client: { id: client.id, client_id: client.clientId, kind: client.kind, name: client.name },
      tenant: { id: tenant.id, name: tenant.name, plan: tenant.plan },
      mode: scope.mode,
      scopes: [...scopes],
    }
  },
})
