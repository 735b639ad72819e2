import { form, recordForm } from '../form.ts'
import { html, named, type SafeHtml } from '../html.ts'
import { moment } from '../moment.ts'
import { userAgentInWords } from '../user-agent-words.ts'
import type { AccountPage } from './page.ts'
import { records } from './records.ts'

export interface AccountSession {
  readonly id: string
  /** The one that asks. It ends by signing out. */
  readonly current: boolean
  readonly startedAt: Date
  readonly lastSeenAt: Date
  readonly ip: string
  /** As the browser sent it. */
  readonly userAgent: string
}

export const sessionsSection = (props: AccountPage): SafeHtml => html`<section aria-labelledby="sessions">
<h2 id="sessions">Where you are signed in</h2>
${records(props.sessions.map((session) => record(props, session)))}
${props.sessions.some(({ current }) => !current) && endOthers(props)}
</section>`

function record({ csrf, actions }: AccountPage, { id, current, startedAt, lastSeenAt, ip, userAgent }: AccountSession) {
  const browser = userAgentInWords(userAgent)
  return html`<div class="record">
<p><strong>${named(browser)}</strong>${current && html` <span class="badge">This browser</span>`}</p>
<p class="fine">${ip} · last seen ${moment(lastSeenAt)} · signed in ${moment(startedAt)}</p>
</div>
${!current && recordForm({ action: actions.endSession, csrf }, id, 'Sign out', `${browser} at ${ip}`)}`
}

const endOthers = ({ csrf, actions }: AccountPage) =>
  form({ action: actions.endOtherSessions, csrf }, html`<button class="secondary">Sign out everywhere else</button>`)
