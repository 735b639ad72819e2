import { html, type SafeHtml } from '../../sign-in/pages/html.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { JsonSchema } from '../openapi/schemas.ts'
import { prose } from './prose.ts'
import { describe, members, typeOf } from './schema.ts'

type Described = OpenApiDocument['paths'][string][string]

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

/** One call: what it does, what it takes, what it answers. Closed until somebody wants it. */
export function operationEntry(method: string, path: string, operation: Described, document: OpenApiDocument) {
  const { operationId, summary, description, requestBody, responses } = operation
  return html`<li><details id="${operationId}">
<summary><span class="method">${method.toUpperCase()}</span> <code>${path}</code> <span class="what">${summary}</span></summary>
${prose(description)}
${parameters(operation, document)}
${requestBody && html`<h4>Body</h4>${content(requestBody)}`}
${Object.entries(responses as Record<string, Content>).map(([status, response]) => answer(status, response))}
<p class="fine">Errors: ${refusals(responses)}</p>
</details></li>`
}

function parameters(operation: Described, document: OpenApiDocument): SafeHtml | undefined {
  const all = operation.parameters.map((parameter) => resolved(parameter, document))
  if (!all.length) return undefined
  return html`<h4>Parameters</h4>
<dl class="members">${all.map(
    ({ name, in: place, required, schema, description }) => html`<div>
<dt><code>${name}</code></dt>
<dd>${typeOf(schema)} <span class="fine">${place}${!required && ', optional'}</span> ${describe({ ...(description !== undefined && { description }) })}</dd>
</div>`,
  )}</dl>`
}

function resolved(parameter: object, document: OpenApiDocument): Parameter {
  const { $ref } = parameter as { $ref?: string }
  const name = $ref?.split('/').at(-1) as keyof OpenApiDocument['components']['parameters'] | undefined
  return (name ? document.components.parameters[name] : parameter) as Parameter
}

const isSuccess = (status: string): boolean => /^[23]/.test(status)

const answer = (status: string, response: Content): SafeHtml | false =>
  isSuccess(status) && html`<h4>Answer <code>${status}</code></h4>${content(response)}`

const content = ({ content = {} }: Content): SafeHtml =>
  html`${Object.entries(content).map(
    ([type, { schema }]) => html`<p class="fine">${type}: ${typeOf(schema)}</p>${members(schema)}`,
  )}`

const refusals = (responses: Described['responses']): string =>
  Object.keys(responses)
    .filter((status) => !isSuccess(status))
    .join(', ')
