import { html } from './html.ts'

/** A keyhole in the arch of a court. It only repeats the word beside it, so screen readers skip it. */
export const MARK = html`<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
<path fill="currentColor" fill-rule="evenodd" d="M3 22V11a9 9 0 0 1 18 0v11ZM12 7.5a3 3 0 0 0-1.6 5.5L9.4 18h5.2l-1-5A3 3 0 0 0 12 7.5Z"/>
</svg>`
