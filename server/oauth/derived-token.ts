import { type Clock, epochSeconds } from '../clock.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import { parseCredential } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import type { Consents } from '../people/consent.ts'
import type { Resource } from '../tenancy/tenant.ts'
import type { AccessToken, AccessTokens, MintRequest } from './access-token.ts'
import { delegatedScopes } from './delegated-scope.ts'
import { requireProof } from './dpop-required.ts'
import type { GrantRequest } from './grants/grant.ts'
import { fail, type Result, succeed } from './oauth-error.ts'
import { resolveResource, scopesAt } from './resource-indicator.ts'
import { narrowScope, parseScope } from './scope.ts'
import type { Lineage, ParentToken } from './token-record.ts'

/** An access token that may be made of others, and of which. */
export interface DerivedToken {
  readonly mint: MintRequest
  readonly subject: AccessToken
  readonly actor: AccessToken | undefined
}

/** RFC 8693 of our own access tokens: a narrower one of `subject`, and with `actor` for another client to act with. */
export type DeriveToken = (
  known: KnownClient,
  presented: { readonly subject: string; readonly actor: string | undefined },
  request: GrantRequest,
) => Promise<Result<DerivedToken>>

interface Needs {
  mode: Mode
  issuer: string
  tokens: Pick<AccessTokens, 'findLive'>
  consents: Pick<Consents, 'read'>
  clock: Clock
}

/** Exchanges between a token and the one that its first ancestor was. */
const DEEPEST = 3

/**
 * Never wider, longer or for another resource than the subject token, and dead as soon as that is. Whoever was given the
 * subject token asks, nobody else: what a resource server was shown is not its own to pass on.
 */
export function createDeriveToken({ mode, issuer, tokens, consents, clock }: Needs): DeriveToken {
  async function read(name: string, text: string, { tenant }: KnownClient, { jkt }: GrantRequest) {
    const credential = parseCredential(text)
    const isOurs = credential?.kind === 'access_token' && credential.mode === mode
    const token = isOurs ? await tokens.findLive(credential) : undefined
    if (!isOurs || token?.tenantId !== tenant.id) {
      return fail('invalid_request', `the ${name} token is invalid, expired or revoked`)
    }
    // RFC 9449 §9: whoever holds a bound token without its key holds nothing.
    if (token.jkt !== undefined && token.jkt !== jkt) {
      return fail('invalid_request', `the ${name} token is bound to a key, and the request proves no such key`)
    }
    return succeed({ token, parent: { digest: token.digest, clientRef: credential.clientRef } })
  }

  /** As far as what the client, or the person that it acts for, has now allows. */
  async function scopesLeft({ scope, delegation }: AccessToken, { client }: KnownClient, resource: Resource) {
    const held = scope.split(' ')
    if (!delegation) return scopesAt(resource, client).filter((each) => held.includes(each))
    const consent = await consents.read(delegation.consentRef)
    return consent ? delegatedScopes(resource, client, consent).filter((each) => held.includes(each)) : []
  }

  return async (known, presented, request) => {
    const requested = parseScope(request.params.scope)
    if (!requested.ok) return requested
    const unproven = requireProof(known, request.jkt)
    if (unproven) return unproven
    const subject = await read('subject', presented.subject, known, request)
    if (!subject.ok) return subject
    if (subject.value.parent.clientRef !== known.client.ref) {
      return fail('invalid_request', 'the subject token was given to another client')
    }
    const actor = presented.actor === undefined ? undefined : await read('actor', presented.actor, known, request)
    if (actor && !actor.ok) return actor
    const { token } = subject.value
    const parents = [subject.value, ...(actor ? [actor.value] : [])]
    const lineage = lineageOf(parents)
    if (lineage.depth > DEEPEST)
      return fail('invalid_request', `tokens are exchanged at most ${DEEPEST} times in a row`)

    const target = resolveResource(known.tenant, issuer, token.audience)
    if (!target.ok) return target
    const wanted = [...request.resource, ...request.audience]
    if (wanted.some((each) => each !== token.audience && each !== `${token.audience}/`)) {
      return fail('invalid_target', 'the subject token is for another resource')
    }
    const granted = narrowScope(await scopesLeft(token, known, target.value), requested.value)
    if (!granted.ok) return granted

    const actorToken = actor?.value.token
    const act = {
      iss: issuer,
      sub: actorToken ? subjectOf(actorToken) : token.clientId,
      ...(token.act && { act: token.act }),
    }
    const { delegation, workload } = token
    const lifetime = Math.min(...parents.map(({ token: { exp } }) => exp)) - epochSeconds(clock.now())
    const mint = {
      ...{ client: known.client, tenant: known.tenant, resource: target.value, scope: granted.value, jkt: request.jkt },
      ...{ delegation, workload, act, lineage, lifetime },
    }
    return succeed({ mint, subject: token, actor: actorToken })
  }
}

/** RFC 9068 §2.2: the person, or the client that speaks for itself. */
const subjectOf = ({ delegation, clientId }: AccessToken): string => delegation?.memberId ?? clientId

const lineageOf = (parents: readonly { token: AccessToken; parent: ParentToken }[]): Lineage => ({
  depth: 1 + Math.max(...parents.map(({ token }) => token.lineage?.depth ?? 0)),
  parents: parents.map(({ parent }) => parent),
})
