import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { createHmacSha256, type Hmac } from '../credentials/hmac.ts'
import type { MasterKey, MasterKeys } from '../credentials/master-key.ts'
import type { Mode } from '../mode/mode.ts'

/** RFC 9449 §8: what the server lets a client write into its proofs, to know that they were made lately. */
export interface DpopNonces {
  newest(): string
  isNewest(nonce: string): boolean
  /** When it ends, in milliseconds since the epoch; undefined: it isn't ours, or has ended. */
  endOf(nonce: string): number | undefined
}

/** Milliseconds that one nonce is the newest. */
const STEP = 60_000
/** Steps that it is accepted after that: a client keeps what it was given last. */
const KEPT = 4
/** Steps that another node's clock may be ahead of this one's. */
const AHEAD = 1

interface Needs {
  mode: Mode
  masterKeys: MasterKeys
  clock: Clock
}

/** Nothing is stored: a nonce is a MAC of the time, so that every node makes the same, and knows those of all others. */
export function createDpopNonces({ mode, masterKeys, clock }: Needs): DpopNonces {
  const hmacUnder = (masterKey: MasterKey) => createHmacSha256(masterKey.derive(`dpop-nonce ${mode}`, 32))
  const current = hmacUnder(masterKeys.current)
  const hmacs = masterKeys.all.map(hmacUnder) // while they are rotated, other nodes' nonces are of another one
  const currentStep = () => Math.floor(clock.now() / STEP)

  function stepOf(nonce: string): number | undefined {
    const now = currentStep()
    const steps = Array.from({ length: AHEAD + 1 + KEPT }, (_, back) => now + AHEAD - back)
    return steps.find((step) => hmacs.some((hmac) => isEqual(nonce, nonceAt(step, hmac))))
  }

  return {
    newest: () => nonceAt(currentStep(), current),
    isNewest: (nonce) => (stepOf(nonce) ?? Number.NEGATIVE_INFINITY) >= currentStep(),
    endOf(nonce) {
      const step = stepOf(nonce)
      return step === undefined ? undefined : (step + 1 + KEPT) * STEP
    },
  }
}

const nonceAt = (step: number, hmac: Hmac): string => hmac(`${step}`, 'base64url')

function isEqual(given: string, ours: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(ours)]
  return one.length === other.length && timingSafeEqual(one, other)
}
