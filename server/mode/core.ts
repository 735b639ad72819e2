import { createKeyRing } from '../../keys/key-ring.ts'
import { createChange } from '../audit/change.ts'
import type { Foundation } from '../build.ts'
import { createAuthenticator } from '../credentials/authenticator.ts'
import { createClientRegistry } from '../credentials/client-registry.ts'
import { createDigests } from '../credentials/digest.ts'
import { createFailureLimit } from '../credentials/failure-limit.ts'
import { createStandings } from '../credentials/standings.ts'
import { createAccessTokens } from '../oauth/access-token.ts'
import { createAuthorizationCodes } from '../oauth/authorization-code.ts'
import { createDpopNonces } from '../oauth/dpop-nonce.ts'
import { createDpopProofs } from '../oauth/dpop-proof.ts'
import { createRefreshFamilies } from '../oauth/refresh-family.ts'
import { createScopeSets } from '../oauth/scope-set.ts'
import { createConsents } from '../people/consent.ts'
import type { Mode } from './mode.ts'

/** What all else in a mode rests on: who there is, what they hold, what it is worth now. */
export type Core = Awaited<ReturnType<typeof buildCore>>

export async function buildCore(foundation: Foundation, mode: Mode, issuer: string) {
  const { settings, storage, masterKeys, clock, log, metrics } = foundation
  const { database } = storage
  const state = storage.state[mode]

  const digests = createDigests(masterKeys)
  const standings = createStandings({ mode, database, state })
  const clients = createClientRegistry({ mode, database, standings })
  const consents = createConsents({ mode, database, standings })
  const failureLimit = createFailureLimit({ state, clock })
  const authenticator = createAuthenticator({ mode, clients, digests, failureLimit, clock, metrics })

  const families = createRefreshFamilies({ mode, state, digests, clock })
  const scopeSets = createScopeSets({ database })
  const tokens = createAccessTokens({ mode, state, families, standings, digests, scopeSets, clock })
  const codes = createAuthorizationCodes({ state, digests, clock })
  const dpopProofs = createDpopProofs({ state, nonces: createDpopNonces({ mode, masterKeys, clock }), clock })

  const change = createChange({ database, state: storage.state, clock })
  const keyRing = await createKeyRing({
    ...{ database, masterKeys, clock, log, mode, rotationDays: settings.keyRotationDays },
  })
  return {
    ...{ mode, issuer, database, state, clock, metrics, digests, clients, consents, failureLimit, authenticator },
    ...{ families, tokens, codes, dpopProofs, change, keyRing },
  }
}
