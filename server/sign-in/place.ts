import type { SignedIn } from '../oauth/authorization/interactions.ts'
import type { Binding } from './http/csrf.ts'

/** Where somebody signs in: in the course of an app's request, or at the account page. */
export interface SignInPlace {
  /** What only this browser holds. Forms, challenges and what was passed so far are bound to it. */
  readonly binding: Binding
  /** The page that shows the next step, whichever it is. */
  readonly home: string
  /** The same for somebody else than who is signed in so far. */
  readonly forAnother: string
  /** Below it are the steps: `/password`, `/passkey`, … */
  readonly steps: string
  readonly request?: AppRequest | undefined
  /** Who it probably is. */
  readonly email?: string | undefined
  /** Where to go from here. */
  finish(who: SignedIn): Promise<string>
}

export interface AppRequest {
  readonly app: { readonly name: string; readonly clientId: string }
  readonly tenant: { readonly id: string; readonly name: string }
  readonly redirectUri: string
}
