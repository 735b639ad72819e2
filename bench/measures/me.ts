import { get } from '../load/request.ts'
import { always, type Measure } from './measure.ts'

export const me: Measure = {
  name: 'me',
  title: 'GET /v1/me',
  floor: { title: 'one Redis read', path: '/read' },
  async prepare({ ours, keys }) {
    const clients = await keys()
    const requests = clients.map(({ apiKey }) => get(ours.host, '/v1/me', { Authorization: `Bearer ${apiKey}` }))
    return { requests: always(requests) }
  },
}
