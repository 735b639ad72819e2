import { basic, type Caller, many } from '../../command/caller.ts'
import { createProver } from '../../oauth/prover.ts'
import type { Ledger } from '../ledger.ts'
import { ISSUER, type Place } from '../place.ts'
import { type ClockCheck, callersOf } from './check.ts'

const PATH = '/oauth/token'

/** RFC 9449 §11.1: a proof is good once; by the clock, or by a nonce of whoever is to accept it (§8). */
export async function checkProofs(place: Place, ledger: Ledger, count: number): Promise<ClockCheck> {
  const callers = callersOf(place)
  const { live } = place.made
  let off = 0
  const right = await createProver(() => Date.now())
  const shifted = await createProver(() => Date.now() + off)
  const mint = (caller: Caller, proof: string) =>
    ledger.send('DPoP proofs', () =>
      caller.send('POST', PATH, {
        form: { grant_type: 'client_credentials' },
        headers: { ...basic(live), dpop: proof },
      }),
    )
  const accepted: string[] = []

  /** To each node twice, in turn. */
  async function present(proof: string): Promise<void> {
    let times = 0
    for (const caller of [...callers, ...callers]) {
      const answer = await mint(caller, proof)
      if (answer?.status === 200) times += 1
    }
    if (times > 1) ledger.wrong('DPoP proofs', 'a proof was accepted twice')
    if (times) accepted.push(proof)
  }

  return {
    async whileOff(milliseconds) {
      off = milliseconds
      await many(count, async (at) => present(await (at % 2 ? right : shifted).prove('POST', ISSUER + PATH)))
      // A client with either clock gets in at either node, by the nonce that it is given.
      for (const caller of callers) {
        for (const { prove } of [right, shifted]) {
          const refused = await mint(caller, await prove('POST', ISSUER + PATH))
          if (refused?.status === 200) continue
          const nonce = String(refused?.headers['dpop-nonce'])
          const proof = await prove('POST', ISSUER + PATH, { nonce })
          const answer = await mint(caller, proof)
          if (answer?.status !== 200) ledger.wrong('DPoP proofs', `refused with a fresh nonce: ${answer?.text}`)
          await present(proof)
        }
      }
    },
    async afterwards() {
      const before = accepted.length
      for (const proof of accepted.splice(0)) await present(proof)
      if (accepted.length) ledger.wrong('DPoP proofs', `${accepted.length} of ${before} were accepted again afterwards`)
    },
  }
}
