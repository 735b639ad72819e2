import { operation } from '../operation.ts'
import { listAnswer } from '../page.ts'
import { signingKeyAnswer, viewOfSigningKey } from './view.ts'

/** As this node has them. There are never more than a few, so they are one page. */
export const listSigningKeys = operation({
  summary: 'List the signing keys of the mode',
  explanation:
    'What `/oauth/jwks` publishes, and where in its life each key is. They are the same for all tenants; an operator ' +
    'rotates them with `keycourt keys rotate`.',
  method: 'GET',
  path: '/v1/signing-keys',
  requires: 'signing-keys:read',
  status: 200,
  answer: listAnswer(signingKeyAnswer),
  async handle(_, { keyRing }) {
    return { data: keyRing.current().published.map(viewOfSigningKey), next_cursor: null }
  },
})
