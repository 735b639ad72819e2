const MARKUP = Symbol('markup')

/** Markup that `html` made. The key is a symbol, so nothing that was parsed from a request can pass for it. */
export interface SafeHtml {
  readonly [MARKUP]: string
}

/** What may stand in a template. `undefined` and `false` leave nothing, so that `condition && html`…`` reads well. */
export type Piece = SafeHtml | string | number | false | undefined | readonly Piece[]

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string)

function markupOf(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (typeof piece === 'string') return escaped(piece)
  if (typeof piece === 'number') return String(piece)
  if (MARKUP in piece) return piece[MARKUP]
  return piece.map(markupOf).join('')
}

/** Escapes whatever is put in. Attribute values must be in quotes, and URLs in them the server's own. */
export const html = (literals: TemplateStringsArray, ...pieces: Piece[]): SafeHtml => ({
  [MARKUP]: literals.reduce((markup, literal, index) => markup + markupOf(pieces[index - 1]) + literal),
})

export const render = ({ [MARKUP]: markup }: SafeHtml): string => markup

/** A name that others chose: set apart, so that no right-to-left override in it turns our sentence around. */
export const named = (name: string): SafeHtml => html`<bdi class="name">${name}</bdi>`
