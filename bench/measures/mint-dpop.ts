import { get, postForm } from '../load/request.ts'
import { sendAll } from '../load/send-all.ts'
import { createProvers } from '../seed/proofs.ts'
import { inTurn, type Measure } from './measure.ts'
import { FORM, OIDC_FORM } from './mint.ts'

/** Each client has a key of its own, and knows the server's nonce, as after its first request (RFC 9449 §8.2). */
export const mintDpop: Measure = {
  name: 'mint-dpop',
  title: 'Mint with DPoP',
  floor: { title: 'two Redis writes, one after the other', path: '/write-twice' },
  signature: { title: 'verifying one ES256 signature', path: '/es256' },
  async prepare({ ours, floor, oidcProvider, issuer, keys, oidcClients }) {
    const clients = await keys()
    const provers = createProvers(clients.length)
    const url = `${issuer}/oauth/token`
    const provable = provers.map((prover, at) => ({ prover, headers: clients[at]?.headers ?? {} }))
    const theirs = provers.map((prover, at) => ({ prover, headers: oidcClients()[at]?.headers ?? {} }))
    const [next, nextOfTheirs] = [inTurn(provable), inTurn(theirs)]

    async function newestNonce(): Promise<string> {
      const asking = next(1).map(({ prover, headers }) =>
        postForm(ours.host, '/oauth/token', FORM, { ...headers, DPoP: prover.prove(url) }),
      )
      const [answer] = await sendAll(ours.port, asking)
      return /^dpop-nonce: (.*)$/im.exec(answer?.head ?? '')?.[1]?.trim() ?? ''
    }

    return {
      goodOnce: true,
      async requests(count) {
        const nonce = await newestNonce()
        return next(count).map(({ prover, headers }) =>
          postForm(ours.host, '/oauth/token', FORM, { ...headers, DPoP: prover.prove(url, nonce) }),
        )
      },
      async oidcProvider(count) {
        const { host } = oidcProvider
        return nextOfTheirs(count).map(({ prover, headers }) =>
          postForm(host, '/token', OIDC_FORM, { ...headers, DPoP: prover.prove(`http://${host}/token`) }),
        )
      },
      bare: {
        signature: provers.slice(0, 1_000).map((prover) => get(floor.host, '/es256', { jwt: prover.prove(url) })),
      },
    }
  },
}
