import { html, type SafeHtml } from '../html.ts'

/** No list at all when there is nothing in it: "list, 0 items" helps nobody. */
export const records = (items: readonly SafeHtml[]): SafeHtml | undefined =>
  items.length > 0
    ? html`<ul class="records" role="list">${items.map((item) => html`<li>${item}</li>`)}</ul>`
    : undefined
