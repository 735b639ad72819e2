import { createKeyRing } from '../../keys/key-ring.ts'
import { createAppend } from '../audit/append.ts'
import { createChain } from '../audit/chain.ts'
import { createChange } from '../audit/change.ts'
import { createDrain } from '../audit/drain.ts'
import { createRecordEvent } from '../audit/record.ts'
import type { Foundation } from '../build.ts'
import { createNoteAstray } from '../credentials/astray.ts'
import { createAuthenticator } from '../credentials/authenticator.ts'
import { createChosenSecrets } from '../credentials/chosen-secret.ts'
import { createCheckChosenSecret } from '../credentials/chosen-secret-check.ts'
import { createChosenSecretLimit } from '../credentials/chosen-secret-limit.ts'
import { createClientRegistry } from '../credentials/client-registry.ts'
import { createDigests, type Digests } from '../credentials/digest.ts'
import { createFailureLimit } from '../credentials/failure-limit.ts'
import { createStandings } from '../credentials/standings.ts'
import { createUsage } from '../credentials/usage.ts'
import { createLater } from '../later.ts'
import { createAccessTokens } from '../oauth/access-token.ts'
import { createAuthorizationCodes } from '../oauth/authorization-code.ts'
import { createDpopNonces } from '../oauth/dpop-nonce.ts'
import { createDpopProofs } from '../oauth/dpop-proof.ts'
import { createRefreshFamilies } from '../oauth/refresh-family.ts'
import { createScopeSets } from '../oauth/scope-set.ts'
import { createConsents } from '../people/consent.ts'
import { type Mode, otherMode } from './mode.ts'

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
  const chosenSecrets = createChosenSecrets(masterKeys)
  const checkChosenSecret = createCheckChosenSecret({ chosenSecrets, limit: createChosenSecretLimit({ state, clock }) })
  const usage = createUsage({ database, clock })
  const noteAstray = buildNoteAstray(foundation, mode, digests)
  const authenticator = createAuthenticator({
    ...{ mode, clients, digests, failureLimit, chosenSecrets, checkChosenSecret, usage, noteAstray, clock, metrics },
    evenTime: foundation.evenTime,
  })

  const families = createRefreshFamilies({ mode, state, digests, clock })
  const scopeSets = createScopeSets({ database })
  const tokens = createAccessTokens({ mode, state, families, standings, digests, scopeSets, clock })
  const codes = createAuthorizationCodes({ state, digests, clock })
  const dpopProofs = createDpopProofs({ state, nonces: createDpopNonces({ mode, masterKeys, clock }), clock })

  const chain = createChain(masterKeys)
  const append = createAppend(chain)
  const change = createChange({ database, state: storage.state, clock, append })
  const drain = createDrain({ mode, clock, database, state, chain, log })
  const recordEvent = createRecordEvent({ state, clock, onRecorded: drain.noted })
  const later = createLater()
  const keyRing = await createKeyRing({
    ...{ database, masterKeys, clock, log, mode, rotationDays: settings.keyRotationDays },
  })
  return {
    ...{ mode, issuer, database, state, clock, metrics, digests, clients, standings, consents, failureLimit },
    authenticator,
    ...{ families, tokens, codes, dpopProofs, change, append, drain, recordEvent, later },
    ...{ keyRing, chosenSecrets, usage },
  }
}

/** Of the other world's, which this one otherwise knows nothing of. */
const ASTRAY_KEPT = 1_000

function buildNoteAstray({ storage, clock }: Foundation, presentedIn: Mode, digests: Digests) {
  const { database } = storage
  const mode = otherMode(presentedIn)
  const state = storage.state[mode]
  const standings = createStandings({ mode, database, state })
  const clients = createClientRegistry({ mode, database, standings, capacity: ASTRAY_KEPT })
  // That mode's own drain looks for what others recorded every few seconds.
  const recordEvent = createRecordEvent({ state, clock, onRecorded: () => {} })
  return createNoteAstray({ presentedIn, clients, digests, state, recordEvent })
}
