import type { Mode } from '../../mode/mode.ts'
import { html, type Piece, render } from './html.ts'
import { MARK } from './mark.ts'
import { PASSKEY_SCRIPT, STYLE } from './static-files.ts'

export interface Layout {
  readonly mode: Mode
  /** What the page is for, with the app's name where one asked for it. */
  readonly title: string
  /** Said first in the title, because that is what a screen reader says first. */
  readonly failed?: boolean
  readonly width?: 'card' | 'wide'
  readonly passkeys?: boolean
  readonly main: Piece
}

const TEST_BANNER = html`<p class="test-banner" role="note"><strong>Test mode</strong> — nothing here touches live data</p>`

/** The one frame of all pages: a document without inline script or style, which is what its policy allows. */
export const page = ({ mode, title, failed = false, width = 'card', passkeys = false, main }: Layout): string =>
  render(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${failed && 'Error: '}${title} – Keycourt${mode === 'test' && ' (test mode)'}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${STYLE}">
${passkeys && html`<script type="module" src="${PASSKEY_SCRIPT}"></script>`}
</head>
<body>
${mode === 'test' && TEST_BANNER}
<div class="page ${width}">
<header class="wordmark">${MARK}Keycourt</header>
<main>
${main}
</main>
</div>
</body>
</html>
`)
