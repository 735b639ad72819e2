import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider'
import type { Clock } from '../../clock.ts'
import type { Digests } from '../../credentials/digest.ts'
import { openUnder, sealUnder } from '../../credentials/sealed-under.ts'
import type { RequestContext } from '../../http/context.ts'
import type { Consents } from '../../people/consent.ts'
import type { SessionPayload, SignInSessions } from '../../people/sign-in-session.ts'
import type { StateStore } from '../../storage/state-store.ts'
import type { AuthorizationCodes } from '../authorization-code.ts'
import { INTERACTION_LIFETIME } from './lifetimes.ts'

interface Needs {
  state: Pick<StateStore, 'putRecord' | 'findRecord' | 'swapRecord' | 'takeRecord'>
  digests: Pick<Digests, 'candidates'>
  sessions: SignInSessions
  codes: AuthorizationCodes
  consents: Pick<Consents, 'read'>
  clock: Clock
}

type Keeps = Partial<Pick<Adapter, 'upsert' | 'find' | 'findByUid' | 'consume' | 'destroy'>>

/** Where oidc-provider keeps what it makes. Reaching a model that isn't here is a mistake of ours. */
export function createAdapter(needs: Needs): (model: string) => Adapter {
  const models: Record<string, Keeps> = {
    Session: sessions(needs),
    Interaction: records(needs, 'interaction'),
    // Beyond its own minute: who opened it in time may take as long as an interaction, and it must be found to be spent.
    PushedAuthorizationRequest: records(needs, 'par', INTERACTION_LIFETIME * 1000),
    AuthorizationCode: authorizationCodes(needs),
    // The library's Grant is a view of our Consent, made anew for each request.
    Grant: { upsert: async () => {} },
  }
  return (model) => new Proxy((models[model] ?? {}) as Adapter, { get: kept })

  function kept(keeps: Adapter, method: string) {
    return (
      keeps[method as keyof Adapter] ??
      (async () => {
        throw new Error(`nothing keeps this (${method})`)
      })
    )
  }
}

const currentRequest = () => Provider.ctx as unknown as RequestContext | undefined

function sessions({ sessions, clock }: Needs): Keeps {
  const from = () => {
    const ctx = currentRequest()
    return ctx && { ip: ctx.ip, userAgent: ctx.get('user-agent') || undefined }
  }
  return {
    async upsert(id, { jti: _, ...payload }, expiresIn = 0) {
      await sessions.save(id, payload as unknown as SessionPayload, clock.now() + expiresIn * 1000, from())
    },
    async find(id) {
      const payload = await sessions.find(id)
      return payload && { ...payload, jti: id }
    },
    findByUid: async (uid) => (await sessions.findByUid(uid)) as AdapterPayload | undefined,
    destroy: (id) => sessions.end(id),
  }
}

/** Short-lived, under a keyed hash of their name, and sealed under the name itself: what names them opens them. */
function records({ state, digests, clock }: Needs, kind: string, longer = 0): Keeps {
  const keys = (id: string) => digests.candidates(id).map((digest) => `${kind}:${digest}`)
  const find = async (id: string) => {
    for (const key of keys(id)) {
      const record = await state.findRecord(key)
      if (record !== undefined) return { key, record, payload: JSON.parse(openUnder(id, record)) as AdapterPayload }
    }
    return undefined
  }
  return {
    async upsert(id, { jti: _, ...payload }, expiresIn = 0) {
      const record = sealUnder(id, JSON.stringify(payload))
      await state.putRecord(keys(id)[0] as string, record, clock.now() + expiresIn * 1000 + longer)
    },
    async find(id) {
      const found = await find(id)
      return found && { ...found.payload, jti: id }
    },
    /** The library only marks it; here of any number at once, one gets through. RFC 9126 §4. */
    async consume(id) {
      const found = await find(id)
      const spent = found && sealUnder(id, JSON.stringify({ ...found.payload, consumed: true }))
      const first = found && !found.payload.consumed
      const until = ((found?.payload.exp as number | undefined) ?? 0) * 1000 + longer
      if (first && spent && (await state.swapRecord(found.key, found.record, spent, until))) return
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
    },
    async destroy(id) {
      for (const key of keys(id)) await state.takeRecord(key)
    },
  }
}

function authorizationCodes({ codes, consents, clock }: Needs): Keeps {
  return {
    async upsert(id, payload, expiresIn = 0) {
      const { clientId, accountId, redirectUri, codeChallenge, dpopJkt, grantId, scope, resource, nonce } = payload
      const consent = grantId ? await consents.read(grantId) : undefined
      if (!consent) throw new errors.AccessDenied('the consent was withdrawn')
      const code = {
        ...{ clientId: clientId as string, redirectUri: redirectUri as string, memberId: accountId as string },
        codeChallenge: codeChallenge as string,
        ...(dpopJkt !== undefined && { dpopJkt: dpopJkt as string }),
        ...{ consentRef: consent.ref, consentEpoch: consent.epoch },
        ...{ scope: (scope as string).split(' '), resource: resource as string },
        ...(nonce !== undefined && { nonce: nonce as string }),
        ...{ authTime: payload.authTime as number, amr: (payload.amr as string[] | undefined) ?? [] },
      }
      await codes.keep(id, code, clock.now() + expiresIn * 1000)
    },
  }
}
