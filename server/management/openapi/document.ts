import type { Mode } from '../../mode/mode.ts'
import { recordsOf } from '../entity-tag.ts'
import type { Operation } from '../operation.ts'
import { HEADERS } from './headers.ts'
import { tagOf, templateOf } from './naming.ts'
import { operationObject } from './operation-object.ts'
import { PARAMETERS } from './parameters.ts'
import { errorList, problemResponses } from './problems.ts'
import { collectSchemas } from './schemas.ts'
import { type Endpoints, securitySchemes } from './security.ts'

interface Needs {
  readonly issuer: string
  readonly mode: Mode
  /** What discovery says. */
  readonly metadata: Endpoints
  readonly operations: readonly Operation[]
}

/** Of the API, not of the server: what a client was written for. */
const API_VERSION = '1'

const introduction = (mode: Mode): string => `Everything that an admin of Keycourt does, in ${mode} mode.

- Times are RFC 3339 in UTC. Ids say what they are of: \`key_…\`, \`app_…\`.
- Lists are newest first; \`next_cursor\` of one page is \`cursor\` of the next, and null on the last.
- A field or parameter that isn't in this document is refused, not ignored.
- A record's \`ETag\`, sent back as \`If-Match\`, makes sure that nobody else's change is overwritten.
- \`Idempotency-Key\` makes it safe to send a \`POST\` again.
- Errors are problem documents (RFC 9457):

${errorList()}`

/** The management API as OpenAPI 3.1, made from what validates its requests and runs them, so that it never lags behind. */
export function openApiDocument({ issuer, mode, metadata, operations }: Needs) {
  const schemas = collectSchemas()
  const surroundings = { operations, records: recordsOf(operations), schemas }
  const responses = problemResponses(schemas)
  const paths: Record<string, Record<string, ReturnType<typeof operationObject>>> = {}
  for (const operation of operations) {
    const path = templateOf(operation)
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationObject(operation, surroundings) }
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Keycourt management API', version: API_VERSION, description: introduction(mode) },
    servers: [{ url: issuer, description: `${mode} mode` }],
    tags: [...new Set(operations.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.components,
      responses,
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: securitySchemes(issuer, metadata),
    },
  }
}

export type OpenApiDocument = ReturnType<typeof openApiDocument>
