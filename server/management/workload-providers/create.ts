import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { wrongIssuer } from '../../workload-identity/issuer-url.ts'
import { PLATFORMS } from '../../workload-identity/model.ts'
import { limitsOf, presetOf } from '../../workload-identity/presets/index.ts'
import { createProvider } from '../../workload-identity/providers.ts'
import type { WrongField } from '../app-settings.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { audiencesOf, keysOf, providerFields, wrongKeys } from './fields.ts'
import { providerAnswer, viewOfProvider } from './view.ts'

const body = z.strictObject({
  platform: z.enum(PLATFORMS),
  ...providerFields,
  /** Left out: the platform's, where it has one for everybody. */
  issuer: z.string().optional(),
})

type Body = z.output<typeof body>

export const createProviderOperation = operation({
  summary: 'Trust an issuer of workload identities',
  method: 'POST',
  path: '/v1/workload-providers',
  requires: 'workload-providers:write',
  status: 201,
  body,
  answer: providerAnswer,
  async handle({ caller, body }, needs) {
    const { scope, issuer: ours, change, clock } = needs
    const { platform, issuer = presetOf(platform).defaultIssuer } = body
    const fields = [...wrongIssuerField(body, issuer, needs), ...wrongKeys(body, { issuer: issuer ?? '' }, needs)]
    if (fields.length || issuer === undefined) throw new ApiError('validation_failed', { fields })
    const provider = {
      ...{ platform, issuer, name: body.name, createdBy: caller.actor.id },
      audiences: audiencesOf(body.audiences, ours),
      keys: keysOf(body),
      singleUse: body.single_use ?? limitsOf({ platform, issuer }).singleUse,
    }
    const now = new Date(clock.now())
    return viewOfProvider(ours)(await change((transaction) => createProvider(transaction, scope, provider, now)))
  },
})

function wrongIssuerField({ platform }: Body, issuer: string | undefined, { workloads }: OperationNeeds): WrongField[] {
  const { issuers, title } = presetOf(platform)
  const forms = issuers.map(({ form }) => form).join(' or ')
  const missing = `needed: ${title} has no issuer for everybody, but one like ${forms}`
  const wrong = issuer === undefined ? missing : wrongIssuer(issuer, platform, workloads.issuerRules)
  return wrong ? [{ pointer: '/issuer', detail: wrong }] : []
}
