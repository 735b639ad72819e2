import { postForm } from '../load/request.ts'
import { always, type Measure } from './measure.ts'

export const FORM = { grant_type: 'client_credentials', scope: 'api-keys:read' }
export const OIDC_FORM = { grant_type: 'client_credentials', scope: 'read' }

export const mint: Measure = {
  name: 'mint',
  title: 'Mint',
  promised: { ratio: 0.7, perSecond: 4_000 },
  floor: { title: 'one Redis write', path: '/write' },
  defaultFloor: { title: 'one Redis write, ioredis as it comes', path: '/write-alone' },
  async prepare({ ours, oidcProvider, keys, oidcClients }) {
    const requests = (await keys()).map(({ headers }) => postForm(ours.host, '/oauth/token', FORM, headers))
    const theirs = oidcClients().map(({ headers }) => postForm(oidcProvider.host, '/token', OIDC_FORM, headers))
    return { requests: always(requests), oidcProvider: always(theirs) }
  },
}
