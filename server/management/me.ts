import { z } from 'zod'
import { operation } from './operation.ts'

const whoAmI = z
  .strictObject({
    credential: z.strictObject({ type: z.string(), id: z.string(), name: z.string() }),
    client: z.strictObject({ id: z.string(), client_id: z.string(), kind: z.string(), name: z.string() }),
    teams: z.array(z.string()).optional().meta({ description: 'of a service user: ids of its teams' }),
    tenant: z.strictObject({ id: z.string(), name: z.string(), plan: z.string() }),
    mode: z.enum(['live', 'test']),
    scopes: z.array(z.string()).meta({ description: 'what it holds here, and now' }),
  })
  .meta({ id: 'Me' })

/** Who the credential is: the first call that anyone makes. */
export const me = operation({
  summary: 'Say who the credential is',
  method: 'GET',
  path: '/v1/me',
  requires: undefined,
  status: 200,
  answer: whoAmI,
  async handle({ caller: { actor, client, tenant, scopes } }, { scope }) {
    return {
      credential: actor,
      client: { id: client.id, client_id: client.clientId, kind: client.kind, name: client.name },
      ...(client.kind === 'service_user' && { teams: client.teams }),
      tenant: { id: tenant.id, name: tenant.name, plan: tenant.plan },
      mode: scope.mode,
      scopes: [...scopes],
    }
  },
})
