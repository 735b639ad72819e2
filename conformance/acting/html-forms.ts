/** A form as a browser without scripts sees it. */
export interface HtmlForm {
  readonly action: string
  readonly method: 'GET' | 'POST'
  /** What is sent whatever is filled in. */
  readonly hidden: Readonly<Record<string, string>>
  /** Names that can be filled in, those of its buttons included. */
  readonly names: readonly string[]
}

/** HTML is read loosely: attributes in any order and quotes, elements in any case. */
export const formsIn = (html: string): HtmlForm[] =>
  [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, start = '', inside = '']) => {
    const form = attributesIn(start)
    const controls = [...inside.matchAll(/<(?:input|button|select|textarea)\b([^>]*)>/gi)].map(([, text = '']) =>
      attributesIn(text),
    )
    const named = controls.filter(({ name }) => name)
    const hidden = named.filter(({ type }) => type?.toLowerCase() === 'hidden')
    return {
      action: form.action ?? '',
      method: form.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      hidden: Object.fromEntries(hidden.map(({ name = '', value = '' }) => [name, value])),
      names: named.filter((control) => !hidden.includes(control)).map(({ name = '' }) => name),
    }
  })

const ATTRIBUTE = /([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g

const attributesIn = (text: string): Record<string, string | undefined> =>
  Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map(([, name = '', double, single, bare]) => [
      name.toLowerCase(),
      unescaped(double ?? single ?? bare ?? ''),
    ]),
  )

const ENTITIES: Record<string, string> = { quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' }

const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name) return ENTITIES[name] ?? whole
    return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16))
  })

/** The one that asks for most of what we can fill in; else the first that is posted without asking for anything. */
export function formFor(forms: readonly HtmlForm[], fields: Readonly<Record<string, string>>): HtmlForm | undefined {
  const matches = (form: HtmlForm) => form.names.filter((name) => Object.hasOwn(fields, name)).length
  const [best] = forms.toSorted((one, other) => matches(other) - matches(one))
  if (best && matches(best) > 0) return best
  return forms.find(({ method, names }) => method === 'POST' && names.length === 0)
}
