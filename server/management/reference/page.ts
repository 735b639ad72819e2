import type { Mode } from '../../mode/mode.ts'
import { html, type SafeHtml } from '../../sign-in/pages/html.ts'
import { page } from '../../sign-in/pages/layout.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { JsonSchema } from '../openapi/schemas.ts'
import { operationEntry } from './operation.ts'
import { prose } from './prose.ts'
import { describe, members, typeOf } from './schema.ts'

/** The OpenAPI document for people: the same, in the same order, and nothing that needs a script. */
export const referencePage = (mode: Mode, document: OpenApiDocument): string =>
  page({
    mode,
    title: 'API reference',
    width: 'wide',
    main: html`<h1>API reference</h1>
<p class="lead">At <code>${document.servers[0]?.url}</code>. The same as <a href="/v1/openapi.json">OpenAPI 3.1</a>, and as a
<a href="/v1/postman.json">Postman collection</a>.</p>
<nav aria-label="Contents"><ul class="contents">
${document.tags.map(({ name }) => html`<li><a href="#${name}">${name}</a></li>`)}
<li><a href="#credentials">Credentials</a></li><li><a href="#objects">Objects</a></li>
</ul></nav>
<section class="prose">${prose(document.info.description)}</section>
${document.tags.map(({ name }) => resource(name, document))}
<section id="credentials" class="prose"><h2>Credentials</h2>
${Object.values(document.components.securitySchemes).map(
  (scheme) => 'description' in scheme && prose(`\`${scheme.type}\`: ${scheme.description}`),
)}</section>
<section id="objects"><h2>Objects</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => object(name, schema))}
</section>`,
  })

const resource = (tag: string, document: OpenApiDocument): SafeHtml => html`<section id="${tag}">
<h2>${tag}</h2>
<ul class="operations">
${Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, { tags }]) => tags.includes(tag))
    .map(([method, operation]) => operationEntry(method, path, operation, document)),
)}
</ul>
</section>`

const object = (name: string, schema: JsonSchema): SafeHtml => html`<h3 id="${name}">${name}</h3>
${describe(schema)}
${members(schema) ?? html`<p class="fine">${typeOf(schema)}</p>`}`
