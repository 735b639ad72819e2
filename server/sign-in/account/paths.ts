import type { AccountActions } from '../pages/account/page.ts'

export const ACCOUNT = '/account'
export const SIGN_IN = '/account/sign-in'
/** The sign-in of somebody who is signed in, but not lately enough for what they want to do. */
export const SIGN_IN_AGAIN = '/account?sign-in=again'
export const SIGNED_OUT = '/account?signed-out'

export const ACTIONS: AccountActions = {
  signOut: '/account/sign-out',
  endSession: '/account/sessions/end',
  endOtherSessions: '/account/sessions/end-others',
  withdrawConsent: '/account/consents/withdraw',
  addPasskey: '/account/passkeys/add',
  renamePasskey: '/account/passkeys/rename',
  removePasskey: '/account/passkeys/remove',
  requirePasskey: '/account/passkeys/require',
  makeToken: '/account/tokens/make',
  revokeToken: '/account/tokens/revoke',
}

/** What was done, by the name that the address carries from the action to the page. */
export const NOTICES = {
  'session-ended': 'That browser is signed out.',
  'others-ended': 'All other browsers are signed out.',
  withdrawn: 'The app’s access ended.',
  'passkey-added': 'The passkey was added.',
  'passkey-renamed': 'The passkey was renamed.',
  'passkey-removed': 'The passkey was removed.',
  'passkey-required': 'From now on a passkey is asked for after the password.',
  'token-revoked': 'The token is revoked.',
  'passkey-optional': 'The password alone signs you in again.',
} as const

export type Notice = keyof typeof NOTICES

export const doneAt = (notice: Notice): string => `${ACCOUNT}?done=${notice}`
