import { form, recordForm } from '../form.ts'
import { html, named, type SafeHtml } from '../html.ts'
import { moment } from '../moment.ts'
import { passkeyForm, withoutPasskeys } from '../passkey-form.ts'
import type { AccountPage } from './page.ts'
import { records } from './records.ts'

export interface AccountPasskey {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt?: Date | undefined
}

const NONE = html`<p class="empty">None yet. A passkey signs you in with your fingerprint, face or PIN, and can’t be phished.</p>`

const WITHOUT_EFFECT = ' But you have none here, so the password alone signs you in.'

const NAME = html`required maxlength="64" autocomplete="off"`

export const passkeysSection = (props: AccountPage): SafeHtml => html`<section aria-labelledby="passkeys">
<h2 id="passkeys">Passkeys</h2>
${records(props.passkeys.map((passkey) => record(props, passkey))) ?? NONE}
${requirement(props)}
${addition(props)}
${
  props.signInAgainHref !== undefined &&
  html`<p class="note">To add or remove one, <a href="${props.signInAgainHref}">sign in again</a>: you did so a while ago.</p>`
}
</section>`

const record = (
  { csrf, actions }: AccountPage,
  { id, name, createdAt, lastUsedAt }: AccountPasskey,
) => html`<div class="record">
<p><strong>${named(name)}</strong></p>
<p class="fine">Added ${moment(createdAt)} · ${lastUsedAt ? html`last used ${moment(lastUsedAt)}` : 'never used'}</p>
<details><summary>Rename<span class="for-the-ear"> ${name}</span></summary>
${form(
  { action: actions.renamePasskey, csrf },
  html`<input type="hidden" name="id" value="${id}">
<label for="name-${id}">New name</label>
<div class="inline"><input id="name-${id}" name="name" value="${name}" ${NAME}><button class="secondary">Save</button></div>`,
)}
</details>
</div>
${recordForm({ action: actions.removePasskey, csrf }, id, 'Remove', name, 'danger')}`

/** Can't be turned on without a passkey: it would lock its owner out. One setting for both modes, which live mode guards. */
function requirement({ mode, csrf, actions, passkeys, passkeyRequired }: AccountPage) {
  if (passkeys.length === 0 && !passkeyRequired) return
  const [state, label] = passkeyRequired ? ['asked for', 'Stop asking'] : ['not asked for', 'Ask for it']
  return html`<div class="setting">
<p>After the password, a passkey is <strong>${state}</strong>.${passkeys.length === 0 && WITHOUT_EFFECT}</p>
${
  mode === 'live'
    ? form(
        { action: actions.requirePasskey, csrf },
        html`<button class="secondary" name="required" value="${String(!passkeyRequired)}">${label}<span class="for-the-ear"> after the password</span></button>`,
      )
    : html`<p class="fine">Live mode changes this, for both.</p>`
}
</div>`
}

const addition = ({ csrf, actions, registrationOptions }: AccountPage) =>
  registrationOptions && [
    passkeyForm({
      action: actions.addPasskey,
      csrf,
      options: registrationOptions,
      ceremony: 'create',
      content: html`<label for="passkey-name">Name of a new passkey</label>
<div class="inline"><input id="passkey-name" name="name" placeholder="Work laptop" ${NAME}><button class="primary">Add a passkey</button></div>`,
    }),
    withoutPasskeys('None can be added here.'),
  ]
