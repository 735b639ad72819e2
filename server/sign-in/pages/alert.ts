import { html, type SafeHtml } from './html.ts'

const ALERT_ID = 'error'

/** What went wrong, above the form. Fields point at it, so that it is read out with them as well. */
export const alert = (error: string | undefined): SafeHtml | undefined =>
  error === undefined ? undefined : html`<p class="alert" role="alert" id="${ALERT_ID}">${error}</p>`

export const describedByAlert = (error: string | undefined): SafeHtml | undefined =>
  error === undefined ? undefined : html` aria-describedby="${ALERT_ID}"`
