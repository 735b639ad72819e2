import { html, type SafeHtml } from './html.ts'

export interface ScopeInWords {
  readonly name: string
  readonly words: string
}

/** The words to decide by, and the name that the app's documentation uses. */
export const scopeList = (scopes: readonly ScopeInWords[]): SafeHtml => html`<ul class="scope-list" role="list">
${scopes.map(({ name, words }) => html`<li>${words}${!restates(words, name) && html` <code>${name}</code>`}</li>`)}
</ul>`

/** A tenant's own scope has no other words than its name. */
const restates = (words: string, name: string): boolean => words.replaceAll(' ', '') === name
