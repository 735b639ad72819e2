import { basic, many } from '../../command/caller.ts'
import { createProver } from '../../oauth/prover.ts'
import { insist, type Ledger } from '../ledger.ts'
import type { Work } from '../load.ts'
import { ISSUER, type Place } from '../place.ts'

const PROOFS = 'DPoP proofs, two at once'
const PATH = '/oauth/token'

/** RFC 9449 §11.1: a proof is good once, on all nodes together, and stays so. */
export async function proofs(place: Place, ledger: Ledger, now = () => Date.now()): Promise<Work> {
  const { nodes, any, made } = place
  const prover = await createProver(now)
  const used: string[] = []
  const form = { grant_type: 'client_credentials' }
  const mint = (caller: Place['nodes'][0]['caller'], proof: string) =>
    caller.send('POST', PATH, { form, headers: { ...basic(made.live), dpop: proof } })
  return {
    requests: PROOFS,
    async step() {
      const proof = await prover.prove('POST', ISSUER + PATH)
      const answers = await Promise.all(
        [nodes[0], nodes.at(-1)].map((node) =>
          ledger.send(PROOFS, () => mint((node as Place['nodes'][0]).caller, proof)),
        ),
      )
      const accepted = answers.filter((answer) => answer?.status === 200).length
      if (accepted > 1) ledger.wrong(PROOFS, 'a proof was accepted twice')
      if (accepted) used.push(proof)
    },
    async check() {
      const again = await many(used.length, (at) => insist(() => mint(any(), used[at] as string)))
      ledger.lost(PROOFS, again.filter(({ status }) => status === 200).length)
    },
  }
}
