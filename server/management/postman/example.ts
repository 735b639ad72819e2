import { CALLBACKS } from './authorization.ts'

/** The part of JSON Schema that bodies of the API come out as. */
export interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly anyOf?: readonly Schema[]
}

/** What no schema can know. `{{$guid}}` is Postman's: what must be unique is, each time. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  name: 'Made with Postman',
  type: 'confidential', // so that there is a secret to rotate
  redirect_uris: CALLBACKS,
  url: 'https://hooks.example/keycourt',
  events: ['*'],
  email: 'invited-{{$guid}}@example.com',
  identifier: 'https://api.example/{{$guid}}',
  scopes: ['example:read'],
  client_id: 'postman-{{$guid}}',
  client_secret: 'k1-{{$randomPassword}}',
  ids: ['{{api_clients_duplicate_id}}'],
  service_user_id: '{{service_user_id}}',
  conditions: [{ claim: 'repository_id', op: 'equals', value: '1296269' }],
}

/** What must be there; of a change, whose fields are all optional, the name: it does no harm. */
export function exampleOf(schema: Schema, method: string): unknown {
  const { properties = {}, required = [] } = schema
  const names = method === 'PATCH' && 'name' in properties ? ['name'] : required
  return Object.fromEntries(names.map((name) => [name, BY_NAME[name] ?? sampleOf(properties[name] ?? {})]))
}

function sampleOf(schema: Schema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return sampleOf(schema.anyOf[0] ?? {})
  if (schema.type === 'array') return [sampleOf(schema.items ?? {})]
  if (schema.type === 'object') return exampleOf(schema, 'POST')
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 0
  return schema.type === 'boolean' ? false : 'example'
}
