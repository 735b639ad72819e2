import { type Clock, epochSeconds } from '../clock.ts'
import type { Client } from '../credentials/client.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import type { OAuthError } from '../oauth/oauth-error.ts'
import { resolveResource, scopesAt } from '../oauth/resource-indicator.ts'
import { narrowScope } from '../oauth/scope.ts'
import type { Resource } from '../tenancy/tenant.ts'
import { claimAt } from './claim-path.ts'
import { evaluateConditions } from './conditions.ts'
import type { Claims, SubjectVerdict, VerifiedSubject, WorkloadBinding } from './model.ts'
import type { PresentedSubject } from './presented-subject.ts'
import { presetOf } from './presets/index.ts'
import { type BindingReport, refusalOf, type WorkloadRefusal } from './refusal.ts'
import type { SubjectTokens } from './subject-token.ts'

/** What a workload asks for, by whichever door it comes. */
export interface WorkloadRequest {
  readonly scope: readonly string[]
  /** RFC 8707 §2. */
  readonly resource: readonly string[]
}

/** What its platform's token is good for here. */
export interface WorkloadGrant {
  readonly binding: WorkloadBinding
  readonly subject: VerifiedSubject
  /** Of its claims those that the binding asks for. */
  readonly claims: Claims
  readonly scopes: readonly string[]
  readonly resource: Resource
  /** Seconds, at most. */
  readonly lifetime: number
}

export type WorkloadVerdict =
  | { readonly ok: true; readonly grant: WorkloadGrant }
  | { readonly ok: false; readonly refusal: WorkloadRefusal }

/** From a platform's token and the service user that a workload wants to act as, to what it gets or why it gets nothing. */
export type WorkloadExchange = (
  token: PresentedSubject,
  serviceUser: KnownClient,
  request: WorkloadRequest,
) => Promise<WorkloadVerdict>

interface Needs {
  readonly issuer: string
  readonly bindings: { of(client: Client): Promise<readonly WorkloadBinding[]> }
  readonly subjectTokens: Readonly<Record<PresentedSubject['kind'], SubjectTokens>>
  readonly clock: Clock
}

/** Seconds: the contract's, whatever a binding says. */
const LONGEST = 3600

/**
 * Seconds by the platform's policy. Where its tokens live as long as what they vouch for, ours don't outlive them. GitHub's
 * live five minutes, which says until when they may be shown: a job would be cut off in its midst.
 */
const longestOf = ({ provider }: WorkloadBinding, { expiresAt }: VerifiedSubject, now: number): number =>
  presetOf(provider.platform).capToSubjectExp ? Math.max(1, expiresAt - epochSeconds(now)) : LONGEST

/**
 * Only the bindings of the service user that the request names are looked at, never those of all: a workload must know
 * whom it acts for. The first one in order of creation that matches and covers what is asked decides alone.
 */
export function createWorkloadExchange({ issuer, bindings, subjectTokens, clock }: Needs): WorkloadExchange {
  /** Once per provider, however many bindings it has. */
  async function verifyAll(token: PresentedSubject, candidates: readonly WorkloadBinding[]) {
    const providers = new Map(candidates.map(({ provider }) => [provider.id, provider]))
    const verdicts = [...providers.values()].map(
      async (provider) => [provider.id, await subjectTokens[token.kind].verify(token.text, provider)] as const,
    )
    return new Map(await Promise.all(verdicts))
  }

  /** What of a binding's scopes the service user has and the request asks for. */
  function grantOf(
    binding: WorkloadBinding,
    subject: VerifiedSubject,
    { client }: KnownClient,
    resource: Resource,
    { scope }: WorkloadRequest,
  ): { ok: true; grant: WorkloadGrant } | { ok: false; error: OAuthError } {
    const { scopes } = binding
    const available = scopesAt(resource, client).filter((each) => scopes === 'all' || scopes.includes(each))
    const narrowed = narrowScope(available, scope)
    if (!narrowed.ok) return narrowed
    const lifetime = Math.min(binding.tokenValidity ?? LONGEST, longestOf(binding, subject, clock.now()), LONGEST)
    const claims = claimsOf(binding, subject)
    return { ok: true, grant: { binding, subject, claims, scopes: narrowed.value, resource, lifetime } }
  }

  return async (token, serviceUser, request) => {
    const all = await bindings.of(serviceUser.client)
    const candidates = all.filter(({ provider }) => provider.issuer === token.issuer)
    const enabled = candidates.filter(({ disabled, provider }) => !disabled && !provider.disabled)
    if (token.issuer === undefined) return refuse('malformed', [])
    if (!candidates.length) return refuse('issuer', all.map(ofAnotherIssuer(token.issuer)))
    if (!enabled.length) return refuse('disabled', candidates.map(disabledNow))

    const verdicts = await verifyAll(token, enabled)
    const looks = enabled.map((binding) => lookAt(binding, verdicts.get(binding.provider.id) as SubjectVerdict))
    const reports = looks.map(({ report }) => report)
    const matching = looks.filter(isMatch)
    if (!matching.length) return { ok: false, refusal: refusalOf(reports, [...verdicts.values()]) }

    const target = resolveResource(serviceUser.tenant, issuer, request.resource)
    if (!target.ok) return refuse('target', reports, target.error)
    const grants = matching.map(({ binding, subject }) =>
      grantOf(binding, subject as VerifiedSubject, serviceUser, target.value, request),
    )
    const granted = grants.find((each) => each.ok)
    if (!granted?.ok) return refuse('scope', reports, grants.find((each) => !each.ok)?.error)

    // Last, so that a refused request doesn't use the token up.
    const { binding, subject } = granted.grant
    const isFirst = await subjectTokens[token.kind].isFirstUse(subject, binding.provider, token.text)
    return isFirst ? granted : refuse('replayed', reports)
  }
}

interface Look {
  readonly binding: WorkloadBinding
  readonly subject: VerifiedSubject | undefined
  readonly report: BindingReport
}

function lookAt(binding: WorkloadBinding, verdict: SubjectVerdict): Look {
  const { provider, conditions } = binding
  const checks = verdict.ok
    ? evaluateConditions(presetOf(provider.platform), conditions, verdict.subject.claims)
    : [verdict.failed]
  const subject = verdict.ok ? verdict.subject : undefined
  return { binding, subject, report: { ...named(binding), verified: verdict.ok, checks } }
}

/** A binding without a condition would take everybody: whatever made such a row, it takes nobody. */
const isMatch = ({ binding, subject, report }: Look): boolean =>
  subject !== undefined && binding.conditions.length > 0 && report.checks.every(({ held }) => held)

const claimsOf = ({ conditions }: WorkloadBinding, { claims }: VerifiedSubject): Claims =>
  Object.fromEntries(conditions.map(({ claim }) => [claim, claimAt(claims, claim)]))

const named = ({ id, provider }: WorkloadBinding) => ({ bindingId: id, providerId: provider.id })

const ofAnotherIssuer =
  (issuer: string) =>
  (binding: WorkloadBinding): BindingReport => ({
    ...named(binding),
    verified: false,
    checks: [{ check: 'issuer', held: false, expected: binding.provider.issuer, got: issuer }],
  })

const disabledNow = (binding: WorkloadBinding): BindingReport => ({
  ...named(binding),
  verified: false,
  checks: [{ check: 'disabled', held: false }],
})

const refuse = (failed: string, bindings: readonly BindingReport[], error?: OAuthError) => ({
  ok: false as const,
  refusal: { failed, conditions: [], bindings, error },
})
