import { networkOf } from '../../credentials/network.ts'
import type { Handler } from '../../http/context.ts'
import { ApiError } from '../../http/problem.ts'
import type { StateStore } from '../../storage/state-store.ts'

/** Requests in a minute from one network. More than an office asks for; far less than it takes to fill a store. */
export const AUTHORIZATION_REQUESTS_PER_MINUTE = 600

const WINDOW = 60_000

interface Needs {
  state: Pick<StateStore, 'countFailure'>
  clock: { now(): number }
}

/** Authorization requests are remembered before anybody has said who they are: so many from one network, and no more. */
export const withRequestLimit =
  ({ state, clock }: Needs, handler: Handler): Handler =>
  async (ctx) => {
    const { count, resetsAt } = await state.countFailure(`authorize@${networkOf(ctx.ip)}`, WINDOW)
    if (count <= AUTHORIZATION_REQUESTS_PER_MINUTE) return handler(ctx)
    const retryAfter = Math.max(1, Math.ceil((resetsAt - clock.now()) / 1000))
    throw new ApiError('rate_limited', { detail: 'too many authorization requests from this network', retryAfter })
  }
