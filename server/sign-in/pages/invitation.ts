import type { Mode } from '../../mode/mode.ts'
import { alert, describedByAlert } from './alert.ts'
import { form } from './form.ts'
import { html, named } from './html.ts'
import { page } from './layout.ts'

export interface InvitationPage {
  readonly mode: Mode
  readonly csrf: string
  /** Gets `token`, `password` and `repeated`. */
  readonly action: string
  /** What the link holds: it is sent with the password, and by nothing else that leaves the page. */
  readonly token: string
  readonly tenant: string
  readonly email: string
  /** As what they are invited; none: they are a member, and get a new password. */
  readonly role?: string | undefined
  readonly shortest: number
  readonly longest: number
  readonly error?: string | undefined
}

export const invitationPage = (props: InvitationPage): string => {
  const { mode, csrf, action, token, tenant, email, role, shortest, longest, error } = props
  const password = html`type="password" required minlength="${shortest}" maxlength="${longest}" autocomplete="new-password"${describedByAlert(error)}`
  return page({
    mode,
    title: role === undefined ? 'Set a new password' : `Join ${tenant}`,
    failed: error !== undefined,
    main: html`<h1>${role === undefined ? 'Set a new password' : html`Join ${named(tenant)}`}</h1>
<p class="lead">${
      role === undefined
        ? html`for ${named(email)} at ${named(tenant)}. Every browser that is signed in with the old one is signed out.`
        : html`You are invited as ${role}. Choose a password, and you are a member.`
    }</p>
${alert(error)}
${form(
  { action, csrf },
  html`<input type="hidden" name="token" value="${token}">
<label for="email">Email</label>
<input id="email" type="email" value="${email}" readonly autocomplete="username">
<label for="password">Password, at least ${shortest} characters</label>
<input id="password" name="password" ${password}>
<label for="repeated">The same again</label>
<input id="repeated" name="repeated" ${password}>
<button class="primary">${role === undefined ? 'Set the password' : 'Join'}</button>`,
)}`,
  })
}
