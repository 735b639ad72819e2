import { html, type SafeHtml } from './html.ts'

const FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** The pages know no time zone but this one, and so must say which. */
export const moment = (at: Date): SafeHtml => html`<time datetime="${at.toISOString()}">${FORMAT.format(at)} UTC</time>`

const MINUTE = 60

/** Rounded up: who comes back then is let in. */
export function duration(seconds: number): string {
  const [amount, unit] = seconds < 2 * MINUTE ? [Math.ceil(seconds), 'second'] : [Math.ceil(seconds / MINUTE), 'minute']
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`
}
