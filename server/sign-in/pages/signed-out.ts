import type { Mode } from '../../mode/mode.ts'
import { html, named } from './html.ts'
import { page } from './layout.ts'

export interface SignedOutPage {
  readonly mode: Mode
  /** The one app that was left, while the sign-in to Keycourt goes on. */
  readonly app?: { readonly name: string } | undefined
  /** Nothing ended: the person was asked and stayed. */
  readonly stayed?: boolean | undefined
  readonly accountHref?: string | undefined
}

export const signedOutPage = (props: SignedOutPage): string => {
  const { heading, explanation, link } = outcome(props)
  return page({
    mode: props.mode,
    title: props.app ? `Signed out of ${props.app.name}` : heading,
    main: html`<h1>${props.app ? html`You left ${named(props.app.name)}` : heading}</h1>
<p class="lead">${explanation}</p>
${props.accountHref !== undefined && html`<p class="foot"><a href="${props.accountHref}">${link}</a></p>`}`,
  })
}

function outcome({ app, stayed }: SignedOutPage) {
  if (!app && !stayed) {
    const explanation = 'This browser is no longer signed in. You can close the page.'
    return { heading: 'You are signed out', explanation, link: 'Sign in again' }
  }
  return {
    heading: 'You are still signed in',
    explanation: 'You are still signed in to Keycourt in this browser.',
    link: 'Your account',
  }
}
