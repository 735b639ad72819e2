import { PLATFORMS, type Platform, type WorkloadProvider } from '../model.ts'
import { aws } from './aws.ts'
import { azure } from './azure.ts'
import { buildkite } from './buildkite.ts'
import { circleci } from './circleci.ts'
import { gcp } from './gcp.ts'
import { githubActions } from './github-actions.ts'
import { gitlab } from './gitlab.ts'
import { kubernetes } from './kubernetes.ts'
import { oidc } from './oidc.ts'
import type { IssuerForm, Limits, Preset } from './preset.ts'
import { spiffe } from './spiffe.ts'
import { vercel } from './vercel.ts'

const PRESETS: Record<Platform, Preset> = {
  'github-actions': githubActions,
  ...{ gitlab, gcp, aws, azure, vercel, kubernetes, circleci, buildkite, spiffe, oidc },
}

export const presetOf = (platform: Platform): Preset => PRESETS[platform]

/** The platform to which all issuers at a host belong. */
export const platformOfHost = (host: string): Platform | undefined =>
  PLATFORMS.find((platform) => PRESETS[platform].hosts?.test(host))

/** Undefined: the platform has no such issuer. */
export const formOfIssuer = ({ issuers }: Preset, issuer: string): IssuerForm | undefined =>
  issuers.find(({ pattern }) => pattern.test(issuer))

type Issued = Pick<WorkloadProvider, 'platform' | 'issuer'>

/** What a provider's issuer wants. One that the operator allowed by its address is treated as the platform's foremost. */
export function formOf({ platform, issuer }: Issued): IssuerForm {
  const preset = PRESETS[platform]
  const form = formOfIssuer(preset, issuer.replace(/^http:/, 'https:')) ?? preset.issuers[0]
  if (!form) throw new Error(`${platform} has no issuers`)
  return form
}

/** What is asked of a provider's tokens themselves. */
export const limitsOf = (provider: Issued): Limits => ({
  ...PRESETS[provider.platform],
  ...formOf(provider).limits,
})
