import { html, type SafeHtml } from '../../sign-in/pages/html.ts'

/** The little Markdown that descriptions are written in: paragraphs, lists and `code`. */
export const prose = (text: string): SafeHtml => html`${text.split(/\n{2,}/).map(block)}`

function block(text: string): SafeHtml {
  const lines = text.split('\n')
  const items = lines.filter((line) => line.startsWith('- '))
  const words = lines.filter((line) => !line.startsWith('- ')).join(' ')
  return html`${words !== '' && html`<p>${inline(words)}</p>`}
${items.length > 0 && html`<ul>${items.map((item) => html`<li>${inline(item.slice(2))}</li>`)}</ul>`}`
}

/** Every second piece stands between backticks. */
const inline = (text: string) => text.split('`').map((piece, at) => (at % 2 ? html`<code>${piece}</code>` : piece))

/** A line of it, for where no paragraph fits. */
export const phrase = (text: string): SafeHtml => html`${inline(text)}`
