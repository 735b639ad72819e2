/** The only tags that our pages may consist of: lower-case, every attribute value in double quotes. */
const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*\/?>/g
const ATTRIBUTE = /([a-zA-Z-]+)(?:="([^"]*)")?/g
const ENTITIES: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }

export const decode = (text: string): string =>
  text.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? '')

export interface Tag {
  readonly name: string
  readonly closes: boolean
  readonly attributes: Readonly<Record<string, string>>
}

export const tags = (markup: string): Tag[] =>
  [...markup.matchAll(TAG)].map(([, slash, name = '', attributes = '']) => ({
    name,
    closes: slash === '/',
    attributes: Object.fromEntries(
      [...attributes.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, decode(value)]),
    ),
  }))

export const elements = (markup: string, name: string) =>
  tags(markup)
    .filter((tag) => tag.name === name && !tag.closes)
    .map(({ attributes }) => attributes)

/** What stands between the tags, as it is written. */
export const rawText = (markup: string): string => markup.replace('<!doctype html>', '').replace(TAG, '')

/** What a person reads, on one line. */
export const text = (markup: string): string => decode(rawText(markup)).replace(/\s+/g, ' ')

/** The text of each element of a name that holds none of the same. */
export const texts = (markup: string, name: string): string[] =>
  [...markup.matchAll(new RegExp(`<${name}[ >][\\s\\S]*?</${name}>`, 'g'))].map(([element]) => text(element).trim())

export const forms = (markup: string): string[] => markup.match(/<form [\s\S]*?<\/form>/g) ?? []
