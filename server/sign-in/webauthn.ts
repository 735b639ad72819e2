import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { z } from 'zod'
import type { Mode } from '../mode/mode.ts'
import type { Member } from '../people/member.ts'
import type { NewPasskey, Passkey } from '../people/passkey.ts'
import { StoreUnavailable } from '../storage/state-store.ts'
import type { Challenges } from './challenges.ts'

/** WebAuthn Level 3 §5.1: RegistrationResponseJSON and AuthenticationResponseJSON, as far as they are read here. */
const credentialSchema = z.object({
  id: z.string().regex(/^[\w-]{1,1400}$/), // §4: at most 1023 bytes
  rawId: z.string(),
  type: z.literal('public-key'),
  response: z.looseObject({ clientDataJSON: z.string(), userHandle: z.string().nullish() }),
  clientExtensionResults: z.object({}).catch({}),
})

export type SentCredential = z.infer<typeof credentialSchema>

/** Undefined: nothing that an authenticator would say. */
export function parseCredential(json: string | undefined): SentCredential | undefined {
  try {
    return credentialSchema.parse(JSON.parse(json ?? ''))
  } catch {
    return undefined
  }
}

/** The relying party of one mode. */
export interface WebAuthn {
  registrationOptions(member: Member, others: readonly Passkey[], purpose: string): Promise<object>
  /** Undefined: refused. */
  register(credential: SentCredential, purpose: string): Promise<NewPasskey | undefined>
  /** @param allowed those that may answer; undefined: any that the authenticator has here */
  authenticationOptions(allowed: readonly Passkey[] | undefined, purpose: string): Promise<object>
  /** What its counter says now; undefined: refused. */
  authenticate(credential: SentCredential, passkey: Passkey, asked: Asked): Promise<number | undefined>
}

export interface Asked {
  readonly purpose: string
  /** That the authenticator knows who holds it: needed where no password was asked for. */
  readonly verifyUser: boolean
}

/** EdDSA, ES256, RS256 (IANA COSE): what authenticators speak. */
const ALGORITHMS = [-8, -7, -257]

interface Needs {
  mode: Mode
  issuer: string
  challenges: Challenges
}

export function createWebAuthn({ mode, issuer, challenges }: Needs): WebAuthn {
  const { hostname: rpID } = new URL(issuer)
  const expected = (purpose: string) => ({
    expectedOrigin: issuer,
    expectedRPID: rpID,
    expectedChallenge: (challenge: string) => challenges.spend(challenge, purpose),
  })

  return {
    async registrationOptions(member, others, purpose) {
      return generateRegistrationOptions({
        ...{ rpName: 'Keycourt', rpID, userName: member.email, userID: userHandleOf(mode, member.id) },
        challenge: bytes(await challenges.make(purpose)),
        attestationType: 'none',
        supportedAlgorithmIDs: ALGORITHMS,
        excludeCredentials: others.map(descriptor),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      })
    },

    async register(credential, purpose) {
      const verified = await refusedIfMalformed(
        verifyRegistrationResponse({
          ...{ ...expected(purpose), response: credential as never, supportedAlgorithmIDs: ALGORITHMS },
        }),
      )
      if (!verified?.verified) return undefined
      const { id, publicKey, counter, transports = [] } = verified.registrationInfo.credential
      return { credentialId: id, publicKey: new Uint8Array(publicKey), counter, transports: transports.slice(0, 8) }
    },

    async authenticationOptions(allowed, purpose) {
      return generateAuthenticationOptions({
        rpID,
        challenge: bytes(await challenges.make(purpose)),
        userVerification: allowed ? 'preferred' : 'required',
        ...(allowed && { allowCredentials: allowed.map(descriptor) }),
      })
    },

    async authenticate(credential, passkey, { purpose, verifyUser }) {
      if (!isHandleOf(credential, mode, passkey.memberId, verifyUser)) return undefined
      const { credentialId: id, publicKey } = passkey
      const verified = await refusedIfMalformed(
        verifyAuthenticationResponse({
          ...expected(purpose),
          response: credential as never,
          requireUserVerification: verifyUser,
          // The counter is compared where it is stored, so that of two answers at once one counts.
          credential: { id, publicKey, counter: 0 },
        }),
      )
      return verified?.verified ? verified.authenticationInfo.newCounter : undefined
    },
  }
}

/**
 * §5.4.3: says nothing about the person. The mode is in it because both may be on one host name, and an authenticator keeps
 * one passkey for each user of a host.
 */
const userHandleOf = (mode: Mode, memberId: string) => new Uint8Array(Buffer.from(`${mode}:${memberId}`))

/** §7.2 step 6: who signs in without being named first is named by the authenticator. */
function isHandleOf({ response }: SentCredential, mode: Mode, memberId: string, isRequired: boolean): boolean {
  if (!response.userHandle) return !isRequired
  return Buffer.from(response.userHandle, 'base64url').equals(userHandleOf(mode, memberId))
}

const bytes = (base64url: string) => new Uint8Array(Buffer.from(base64url, 'base64url'))

const descriptor = ({ credentialId, transports }: Passkey) => ({ id: credentialId, transports: [...transports] })

/** The library throws at whatever is wrong with an answer; a store that is away is not that. */
async function refusedIfMalformed<T>(verification: Promise<T>): Promise<T | undefined> {
  try {
    return await verification
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    return undefined
  }
}
