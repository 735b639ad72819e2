import { TOKEN_EXCHANGE, TOKEN_TYPE } from '../../server/oauth/token-type.ts'
import { get, postForm } from '../load/request.ts'
import { inTurn, type Measure } from './measure.ts'

/** A platform's token, signed with RS256 and good once, for one of ours. */
export const exchange: Measure = {
  name: 'exchange',
  title: 'Exchange',
  promised: { perSecond: 1_500 },
  floor: { title: 'two Redis writes, one after the other', path: '/write-twice' },
  signature: { title: 'verifying one RS256 signature', path: '/rs256' },
  async prepare({ ours, floor, signer, workloads }) {
    const { issuer, serviceUsers } = await workloads()
    const next = inTurn(serviceUsers)
    const form = { grant_type: TOKEN_EXCHANGE, subject_token_type: TOKEN_TYPE.jwt }
    return {
      goodOnce: true,
      requests: (count) =>
        Promise.all(
          next(count).map(async (sub) =>
            postForm(ours.host, '/oauth/token', { ...form, client_id: sub, subject_token: await issuer.sign({ sub }) }),
          ),
        ),
      bare: { signature: signer.tokens(1_000).map((jwt) => get(floor.host, '/rs256', { jwt })) },
    }
  },
}
