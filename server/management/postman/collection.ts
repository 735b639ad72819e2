import type { Mode } from '../../mode/mode.ts'
import type { Operation } from '../operation.ts'
import { CALLBACKS, type Endpoints, signIn, tokenFolder } from './authorization.ts'
import { folderOf } from './folder.ts'
import { isCreation, madeIdVariableOf, resourceOf } from './resource.ts'

interface Needs {
  readonly issuer: string
  readonly mode: Mode
  /** What discovery says. */
  readonly metadata: Endpoints
  readonly operations: readonly Operation[]
}

const HOW_TO = `Two ways to a token:

- **As a person**: set \`app_client_id\` to that of an app, or of a public key, with the redirect URIs \
${CALLBACKS.map((uri) => `\`${uri}\``).join(' and ')}; then Authorization → Get New Access Token, and sign in. All requests \
use it.
- **As a machine**: set \`client_id\` and \`client_secret\` to those of a key, and send "Get a token" once.

Run as a whole it makes one of everything, and takes away what can be taken away.`

/**
 * The management API as a Postman Collection v2.1, made from the operations themselves, so that it never lags behind.
 * Its variables name credentials and hold none: anyone may have it.
 */
export function postmanCollection({ issuer, mode, metadata, operations }: Needs) {
  const resources = [...new Set(operations.map((operation) => resourceOf(operation, operations)))]
  const ids = operations
    .filter(isCreation)
    .map((operation) => madeIdVariableOf(operation, resourceOf(operation, operations)))
  const empty = ['client_id', 'client_secret', 'app_client_id', 'app_client_secret', 'access_token', ...ids]
  return {
    info: {
      name: `Keycourt (${mode})`,
      description: HOW_TO,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: signIn(metadata),
    variable: [{ key: 'base_url', value: issuer }, ...empty.map((key) => ({ key, value: '' }))],
    item: [tokenFolder(metadata), ...resources.map((resource) => folderOf(resource, operations))],
  }
}
