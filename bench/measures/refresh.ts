import { get, postForm } from '../load/request.ts'
import type { Measure } from './measure.ts'

/** Confidential apps. Each use brings the token that is used next; each run begins with a new family of each app. */
export const refresh: Measure = {
  name: 'refresh',
  title: 'Refresh',
  promised: { perSecond: 2_000 },
  floor: { title: 'a Redis read, then a swap and a write', path: '/swap' },
  async prepare({ ours, floor, apps }) {
    const clients = await apps()
    return {
      script: 'refreshes',
      requests: () =>
        Promise.all(
          clients.map(async ({ headers, authorize }) => {
            const form = { grant_type: 'refresh_token', refresh_token: await authorize() }
            return postForm(ours.host, '/oauth/token', form, headers)
          }),
        ),
      bare: { floor: clients.map((_, at) => get(floor.host, '/swap', { family: String(at) })) },
    }
  },
}
