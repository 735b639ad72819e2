import { html, type Piece, type SafeHtml } from './html.ts'

export interface Form {
  readonly action: string
  readonly csrf: string
}

/** Every form of ours changes something, so every one is a POST that proves where it came from. */
export const form = ({ action, csrf }: Form, content: Piece): SafeHtml =>
  html`<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
${content}
</form>`

/** One button that does one thing to one record. What it says to the ear names the record, for there are many of them. */
export const recordForm = (to: Form, id: string, label: string, record: string, kind = 'quiet'): SafeHtml =>
  form(
    to,
    html`<input type="hidden" name="id" value="${id}">
<button class="${kind}">${label}<span class="for-the-ear"> ${record}</span></button>`,
  )
