import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import type { WorkloadProvider } from '../../workload-identity/model.ts'
import { type ProviderChanges, updateProvider } from '../../workload-identity/providers.ts'
import { providerOf } from '../../workload-identity/records.ts'
import type { Caller } from '../caller.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { refuseStrongerBinding } from '../workload-bindings/power.ts'
import { audiencesOf, keysOf, providerFields, wrongKeys } from './fields.ts'
import { providerAnswer, viewOfProvider } from './view.ts'

/** What isn't there stays. Its platform and issuer are for good. */
const body = z.strictObject({ ...providerFields, disabled: z.boolean() }).partial()

type Body = z.output<typeof body>

/** What gives nobody anything: a name, and what only takes. */
const givesNothing = ({ name: _, disabled, single_use, ...others }: Body): boolean =>
  disabled !== false && single_use !== false && Object.keys(others).length === 0

export const updateProviderOperation = operation({
  summary: 'Change a workload provider',
  explanation: 'What is left out stays as it is. Its platform and issuer are for good.',
  method: 'PATCH',
  path: '/v1/workload-providers/:id',
  requires: 'workload-providers:write',
  status: 200,
  body,
  answer: providerAnswer,
  async handle({ caller, id, body }, needs) {
    const { change, clock, issuer } = needs
    const row = await change(async (transaction) => {
      const before = await transaction.workloadProvider.findFirst({ where: { id } })
      if (!before) throw new ApiError('not_found')
      const provider = providerOf(before)
      if (!givesNothing(body)) await refuseStrongerBindings(caller, id, transaction, needs)
      const fields = wrongKeys(body, provider, needs)
      if (fields.length) throw new ApiError('validation_failed', { fields })
      return updateProvider(transaction, id, changesOf(body, provider, issuer), new Date(clock.now()))
    })
    if (!row) throw new ApiError('not_found')
    return viewOfProvider(issuer)(row)
  },
})

/** With keys of one's own one is whichever workload one likes: all that its bindings give must be one's own already. */
async function refuseStrongerBindings(
  caller: Caller,
  providerId: string,
  { workloadBinding }: ScopedTransaction,
  needs: OperationNeeds,
): Promise<void> {
  const rows = await workloadBinding.findMany({ where: { providerId }, include: { serviceUser: true } })
  for (const row of rows) refuseStrongerBinding(caller, row, needs)
}

const changesOf = (body: Body, before: WorkloadProvider, issuer: string): ProviderChanges => ({
  ...(body.name !== undefined && { name: body.name }),
  ...(body.audiences !== undefined && { audiences: audiencesOf(body.audiences, issuer) }),
  ...((body.jwks_uri !== undefined || body.jwks !== undefined) && { keys: keysOf(body, before.keys) }),
  ...(body.single_use !== undefined && { singleUse: body.single_use }),
  ...(body.disabled !== undefined && { disabled: body.disabled }),
})
