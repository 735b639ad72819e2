import type { RequestListener, ServerResponse } from 'node:http'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { type OpenApiDocument, openApiDocument } from '../server/management/openapi/document.ts'
import { OPERATIONS } from '../server/management/operations.ts'

const document: OpenApiDocument = openApiDocument({
  ...{ issuer: 'https://api.test', mode: 'live', operations: OPERATIONS },
  metadata: { authorization_endpoint: 'https://api.test/authorize', token_endpoint: 'https://api.test/token' },
})

interface Content {
  readonly [mediaType: string]: { readonly schema: object }
}

interface Response {
  readonly $ref?: string
  readonly headers?: object
  readonly content?: Content
}

interface Documented {
  readonly responses: Readonly<Record<string, Response>>
}

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
for (const format of ['uri', 'email', 'uuid', 'date']) ajv.addFormat(format, true)
ajv.addSchema({ $id: 'document', components: document.components })

const compiled = new Map<object, ValidateFunction>()

function validatorOf(schema: object): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/'))
  const validate = ajv.compile(local)
  compiled.set(schema, validate)
  return validate
}

/** Literal paths before templates, as the router has them. */
const ROUTES = Object.entries(document.paths)
  .map(([template, methods]) => ({
    pattern: new RegExp(`^${template.replaceAll('{id}', '[^/]+')}$`),
    template,
    methods,
  }))
  .sort((one, other) => Number(one.template.includes('{')) - Number(other.template.includes('{')))

function documented(method: string, path: string): { template: string; documented: Documented } | undefined {
  const asked = method === 'HEAD' ? 'get' : method.toLowerCase()
  for (const { pattern, template, methods } of ROUTES) {
    if (pattern.test(path) && methods[asked]) return { template, documented: methods[asked] as unknown as Documented }
  }
  return undefined
}

const PROBLEM = { $ref: '#/components/schemas/Problem' }

/** Of /v1, but for what describes it. */
const isOperation = (path: string): boolean =>
  path.startsWith('/v1/') && !['/v1/openapi.json', '/v1/postman.json', '/v1/reference'].includes(path)

interface Answered {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly mediaType: string
  readonly body: string
  readonly etag?: string | undefined
}

/** What is wrong with an answer, by the document. */
export function breachOf(answer: Answered): string | undefined {
  const { method, path, status, mediaType, body } = answer
  const found = documented(method, path)
  if (!found) return status >= 400 ? wrongBody(PROBLEM, body) : `${status} at a route that isn't documented`
  const listed = found.documented.responses[status]
  if (!listed) return `${status} isn't documented for ${method} ${found.template}`
  const { content, headers = {} } = listed.$ref ? responseOf(listed.$ref) : listed
  if (method === 'HEAD' || status === 304) return undefined
  if (!content) return body ? `${status} has no body` : undefined
  const described = content[mediaType]
  if (!described) return `${mediaType} isn't documented for ${method} ${found.template}`
  const texts = mediaType === 'application/x-ndjson' ? body.split('\n').filter(Boolean) : [body]
  for (const text of texts) {
    const wrong = wrongBody(described.schema, text)
    if (wrong) return wrong
  }
  const isTagged = status < 400 && 'ETag' in headers
  if (isTagged !== (answer.etag !== undefined)) return isTagged ? 'the ETag is missing' : 'the ETag is not documented'
  return undefined
}

const responseOf = ($ref: string): Response =>
  document.components.responses[$ref.slice('#/components/responses/'.length)] ?? {}

function wrongBody(schema: object, text: string): string | undefined {
  const validate = validatorOf(schema)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'the body is not JSON'
  }
  return validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'body' })
}

const DROPPED = ['etag', 'www-authenticate', 'content-length', 'retry-after']

/**
 * Holds back each answer under /v1 until it was held against the OpenAPI document. One that breaks the contract becomes a
 * 599 that says how, so that the test which asked fails, and why.
 */
export const underContract =
  (listener: RequestListener): RequestListener =>
  (request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    if (isOperation(path)) holdBack(response, request.method ?? 'GET', path)
    return listener(request, response)
  }

function holdBack(response: ServerResponse, method: string, path: string): void {
  const chunks: Buffer[] = []
  const keep = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string))
  }
  const end = response.end.bind(response) as (body?: Buffer) => ServerResponse
  const callbackOf = (args: unknown[]) => args.find((arg) => typeof arg === 'function') as (() => void) | undefined
  response.write = ((chunk: unknown, ...args: unknown[]) => {
    keep(chunk)
    callbackOf(args)?.()
    return true
  }) as typeof response.write
  response.end = ((...args: unknown[]) => {
    keep(args[0])
    const done = callbackOf(args)
    if (done) response.once('finish', done)
    const body = Buffer.concat(chunks)
    const mediaType = String(response.getHeader('content-type') ?? '').split(';')[0] ?? ''
    const etag = response.getHeader('etag')?.toString()
    const breach = breachOf({ method, path, status: response.statusCode, mediaType, body: body.toString(), etag })
    if (!breach) return end(body)
    const { statusCode } = response
    for (const name of DROPPED) response.removeHeader(name)
    response.statusCode = 599
    response.setHeader('content-type', 'application/json')
    return end(Buffer.from(JSON.stringify({ contract: breach, method, path, statusCode, was: body.toString() })))
  }) as typeof response.end
}
