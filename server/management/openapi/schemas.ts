import { z } from 'zod'

/** JSON Schema 2020-12, the dialect of OpenAPI 3.1 (§4.8.24). */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly format?: string
  readonly pattern?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

const COMPONENTS = '#/components/schemas/'

/** Turns zod's schemas into the document's; those that have an `id` become components, each once. */
export interface Schemas {
  /** What a client sends. */
  input(schema: z.ZodType): JsonSchema
  /** What it is answered. */
  output(schema: z.ZodType): JsonSchema
  readonly components: Readonly<Record<string, JsonSchema>>
}

export function collectSchemas(): Schemas {
  const components: Record<string, JsonSchema> = {}

  function converted(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...own
    } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: simplify })
    for (const [id, definition] of Object.entries($defs)) addComponent(id, definition)
    return withComponents(own)
  }

  function addComponent(id: string, definition: object): void {
    const component = withComponents(definition)
    const known = components[id]
    if (known && JSON.stringify(known) !== JSON.stringify(component)) throw new Error(`two schemas are called ${id}`)
    components[id] = component
  }

  return {
    input: (schema) => converted(schema, 'input'),
    output: (schema) => converted(schema, 'output'),
    components,
  }
}

/** A format says more than the pattern that checks it; the bounds that every safe integer has say nothing. */
function simplify({ jsonSchema }: { jsonSchema: { [name: string]: unknown } }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  delete jsonSchema.id
}

const withComponents = (schema: object): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', `"$ref":"${COMPONENTS}`))

/** What a reference stands for. */
export const resolved = (schema: JsonSchema, components: Readonly<Record<string, JsonSchema>>): JsonSchema =>
  schema.$ref ? (components[schema.$ref.slice(COMPONENTS.length)] ?? {}) : schema

/** The name of a component, where a schema is one. */
export const nameOf = ({ $ref }: JsonSchema): string | undefined => $ref?.slice(COMPONENTS.length)
