import { html, type Piece, type SafeHtml } from '../../sign-in/pages/html.ts'
import { type JsonSchema, nameOf } from '../openapi/schemas.ts'
import { phrase } from './prose.ts'

/** The members of an object, each with its type and what it means. Named schemas are described once, elsewhere. */
export function members(schema: JsonSchema): SafeHtml | undefined {
  const { properties = {}, required = [] } = schema
  const rows = Object.entries(properties)
  if (!rows.length) return undefined
  return html`<dl class="members">${rows.map(([name, member]) => memberRow(name, member, required.includes(name)))}</dl>`
}

const memberRow = (name: string, schema: JsonSchema, isRequired: boolean): SafeHtml => html`<div>
<dt><code>${name}</code></dt>
<dd>${typeOf(schema)}${!isRequired && html` <span class="fine">optional</span>`}
${describe(schema)}${nested(schema)}</dd>
</div>`

export const describe = ({ description }: JsonSchema): SafeHtml | undefined =>
  description === undefined ? undefined : html`<p class="fine">${phrase(description)}</p>`

/** The members of what is inside, where that has no name of its own. */
function nested(schema: JsonSchema): SafeHtml | undefined {
  if (schema.items) return members(schema.items) ?? nested(schema.items)
  if (schema.properties) return members(schema)
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((one) => members(one) ?? [])
  return inner.length ? html`${inner}` : undefined
}

/** In words: `integer, 60 to 86400`, `App or null`, `list of string`. */
export function typeOf(schema: JsonSchema): Piece {
  const name = nameOf(schema)
  if (name !== undefined) return html`<a href="#${name}">${name}</a>`
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map((choice, at) => [at > 0 && ' or ', typeOf(choice)])
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum) return schema.enum.map((value, at) => [at > 0 && ' or ', html`<code>${String(value)}</code>`])
  if (schema.items) return ['list of ', typeOf(schema.items), limits(schema)]
  const types = schema.type === undefined ? ['any JSON'] : [schema.type].flat()
  return [types.join(' or '), schema.format !== undefined && `, ${schema.format}`, limits(schema)]
}

function limits(schema: JsonSchema): string {
  const [least, most] = [
    schema.minimum ?? schema.minLength ?? schema.minItems,
    schema.maximum ?? schema.maxLength ?? schema.maxItems,
  ]
  const unit = schema.type === 'string' ? ' characters' : schema.type === 'array' ? ' items' : ''
  const range =
    least !== undefined && most !== undefined
      ? `, ${least} to ${most}${unit}`
      : least !== undefined
        ? `, at least ${least}${unit}`
        : most !== undefined
          ? `, at most ${most}${unit}`
          : ''
  return schema.default === undefined ? range : `${range}; ${JSON.stringify(schema.default)} if left out`
}
