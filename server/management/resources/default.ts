import { managementApiOf } from '../../oauth/resource-indicator.ts'
import { changeResource, type ResourceRow, unchangedDefault } from '../../tenancy/resources.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import { BUILT_IN_SCOPES } from '../../tenancy/scopes.ts'
import { operation } from '../operation.ts'
import { changes, changesOf, refuseWrongScopes } from './fields.ts'
import { SCOPES_EXPLANATION } from './update.ts'
import { defaultResource, viewOfDefaultResource } from './view.ts'

export const getDefaultResource = operation({
  summary: 'Get the default resource',
  explanation: 'The management API itself, which tokens are for that name no resource.',
  method: 'GET',
  path: '/v1/resources/default',
  requires: 'resources:read',
  status: 200,
  answer: defaultResource,
  async handle(_, { database, issuer }) {
    return viewOf(await findDefault(database, issuer), issuer)
  },
})

export const updateDefaultResource = operation({
  summary: 'Add scopes to the default resource',
  explanation: `${SCOPES_EXPLANATION} The built-in scopes can be neither deprecated nor defined anew.`,
  method: 'PATCH',
  path: '/v1/resources/default',
  requires: 'resources:write',
  status: 200,
  body: changes,
  answer: defaultResource,
  async handle({ body }, { scope, tenant, issuer, change, clock }) {
    const now = new Date(clock.now())
    const row = await change(async (transaction) => {
      const found = await findDefault(transaction, issuer)
      const before = found ?? unchangedDefault(scope, managementApiOf({ resources: [] }, issuer), now)
      refuseWrongScopes(body, before, BUILT_IN_SCOPES)
      const { events, ...outcome } = await changeResource(transaction, tenant, before, changesOf(body), now)
      if (!events.length) return { result: found, events }
      return { ...outcome, events: events.map((event) => ({ ...event, target: { type: 'resource', id: 'default' } })) }
    })
    return viewOf(row, issuer)
  },
})

const findDefault = ({ resource }: Pick<ScopedTransaction, 'resource'>, issuer: string): Promise<ResourceRow | null> =>
  resource.findFirst({ where: { identifier: issuer } })

function viewOf(row: ResourceRow | null, issuer: string) {
  const own = row && { ...row, tokenValidity: row.tokenValidity ?? undefined }
  return viewOfDefaultResource(managementApiOf({ resources: own ? [own] : [] }, issuer), BUILT_IN_SCOPES, row)
}
