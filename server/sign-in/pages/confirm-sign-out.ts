import type { Mode } from '../../mode/mode.ts'
import { html, named } from './html.ts'
import { page } from './layout.ts'

export interface ConfirmSignOutPage {
  readonly mode: Mode
  /** oidc-provider's `end_session_confirm`. */
  readonly action: string
  /** Its own protection against forged requests, under its own name. */
  readonly xsrf: string
  readonly app?: { readonly name: string } | undefined
}

/** OpenID Connect RP-Initiated Logout 1.0 §2: the person is asked, for anyone may send a browser here. */
export const confirmSignOutPage = ({ mode, action, xsrf, app }: ConfirmSignOutPage): string =>
  page({
    mode,
    title: app ? `Sign out, asked by ${app.name}` : 'Sign out',
    main: html`<h1>Sign out of Keycourt?</h1>
<p class="lead">${
      app
        ? html`${named(app.name)} asks for it. Signing out ends your sign-in to every app in this browser.`
        : 'This ends your sign-in to every app in this browser.'
    }</p>
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<div class="decision stacked">
<button class="primary" name="logout" value="yes">Sign out</button>
<button class="secondary">${app ? html`Only leave ${named(app.name)}` : 'Stay signed in'}</button>
</div>
</form>`,
  })
