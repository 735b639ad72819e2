import type { Mode } from '../../mode/mode.ts'
import { html } from './html.ts'
import { page } from './layout.ts'

export interface ErrorPage {
  readonly mode: Mode
  readonly title: string
  readonly message: string
  /** The standard's name of it, `invalid_request`: for whoever wrote the app. */
  readonly code: string
  /** Finds it in the log. */
  readonly requestId: string
}

export const errorPage = ({ mode, title, message, code, requestId }: ErrorPage): string =>
  page({
    mode,
    title,
    failed: true,
    main: html`<h1>${title}</h1>
<p class="lead">${message}</p>
<dl class="facts">
<div><dt>Error</dt><dd><code>${code}</code></dd></div>
<div><dt>Request</dt><dd><code>${requestId}</code></dd></div>
</dl>`,
  })
