import { z } from 'zod'
import { wrongAudience } from '../../workload-identity/audiences.ts'
import { isOfEveryCluster, wrongUrl } from '../../workload-identity/issuer-url.ts'
import type { IssuerKeysSource } from '../../workload-identity/model.ts'
import type { WrongField } from '../app-settings.ts'
import { name } from '../fields.ts'
import type { OperationNeeds } from '../operation.ts'
import { issuerJwks } from './issuer-jwks.ts'

/** RFC 7519 §2 StringOrURI: of platforms it may be a GUID as well. */
const audience = z
  .string()
  .max(255, 'at most 255 characters')
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII without spaces')
  .superRefine((text, ctx) => {
    const wrong = wrongAudience(text)
    if (wrong) ctx.addIssue({ code: 'custom', message: wrong })
  })

/** What a provider can be given, and can change. */
export const providerFields = {
  name,
  /** What its tokens must be meant for. Null, none or left out: our issuer. */
  audiences: z.array(audience).max(32, 'at most 32').nullish(),
  /** Where the issuer's keys are, if not where discovery says. */
  jwks_uri: z.string().nullish(),
  /** The keys themselves, of an issuer that can't be reached. */
  jwks: issuerJwks.nullish(),
  single_use: z.boolean().optional(),
}

interface KeptProvider {
  readonly issuer: string
  readonly keys?: IssuerKeysSource
}

export interface KeysBody {
  readonly jwks_uri?: string | null | undefined
  readonly jwks?: z.output<typeof issuerJwks> | null | undefined
}

export function wrongKeys(body: KeysBody, provider: KeptProvider, { workloads }: OperationNeeds): WrongField[] {
  const { jwks_uri, jwks } = body
  if (jwks_uri && jwks) return [{ pointer: '/jwks', detail: 'jwks_uri or jwks, not both' }]
  const isUnclear = isOfEveryCluster(provider.issuer) && keysOf(body, provider.keys).by === 'discovery'
  if (isUnclear)
    return [
      { pointer: '/jwks', detail: "needed: every cluster has this issuer, and only its keys are the cluster's own" },
    ]
  const wrong = jwks_uri ? wrongUrl(jwks_uri, workloads.issuerRules.allowance) : undefined
  return wrong ? [{ pointer: '/jwks_uri', detail: wrong }] : []
}

/** What isn't said stays; taking away what there is leaves discovery. */
export function keysOf({ jwks_uri, jwks }: KeysBody, before: IssuerKeysSource = { by: 'discovery' }): IssuerKeysSource {
  if (jwks) return { by: 'uploaded', jwks }
  if (jwks_uri) return { by: 'jwks_uri', uri: jwks_uri }
  const isGone = (before.by === 'uploaded' && jwks === null) || (before.by === 'jwks_uri' && jwks_uri === null)
  return isGone ? { by: 'discovery' } : before
}

/** Each once. Ours alone is what a provider has without any. */
export const audiencesOf = (audiences: readonly string[] | null | undefined, issuer: string): readonly string[] => {
  const unique = [...new Set(audiences)]
  return unique.length === 1 && unique[0] === issuer ? [] : unique
}
