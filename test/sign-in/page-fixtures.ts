import type { Mode } from '../../server/mode/mode.ts'
import { type AccountPage, accountPage } from '../../server/sign-in/pages/account/page.ts'
import { type ConfirmSignOutPage, confirmSignOutPage } from '../../server/sign-in/pages/confirm-sign-out.ts'
import { type ConsentPage, consentPage } from '../../server/sign-in/pages/consent.ts'
import { type ErrorPage, errorPage } from '../../server/sign-in/pages/error.ts'
import { type InvitationPage, invitationPage } from '../../server/sign-in/pages/invitation.ts'
import { type SecondFactorPage, secondFactorPage } from '../../server/sign-in/pages/second-factor.ts'
import { type SignInPage, signInPage } from '../../server/sign-in/pages/sign-in.ts'
import { type SignedOutPage, signedOutPage } from '../../server/sign-in/pages/signed-out.ts'

const mode: Mode = 'live'
const csrf = 'csrf-value'
const app = { name: 'Parcel Desk', clientId: 'https://desk.parcel.example/client.json' }
const tenant = 'Northwind Logistics'
const email = 'ada@northwind.example'
const passkeyOptions = { challenge: 'Y2hhbGxlbmdl', rpId: 'localhost', extensions: { quoted: `"it's" <&>` } }
const at = new Date('2026-11-21T09:14:00Z')
const scopes = [{ name: 'api-keys:read', words: 'See API keys' }]

export const SIGN_IN: SignInPage = {
  ...{ mode, csrf, app, tenant, email, passkeyOptions },
  action: '/sign-in/password',
  passkeyAction: '/sign-in/passkey',
  cancelAction: '/sign-in/cancel',
  error: 'Wrong email or password.',
  retryAfter: 30,
}

export const SECOND_FACTOR: SecondFactorPage = {
  ...{ mode, csrf, app, tenant, email, passkeyOptions },
  action: '/sign-in/passkey',
  otherAccountAction: '/sign-in/other',
  cancelAction: '/sign-in/cancel',
  error: 'That passkey is not of this account.',
}

export const CONSENT: ConsentPage = {
  ...{ mode, csrf, tenant },
  action: '/sign-in/consent',
  app: { ...app, redirectHost: 'desk.parcel.example', homepage: 'https://parcel.example/', unverified: true },
  account: { email },
  scopes: [{ resource: { name: 'Orders', identifier: 'https://orders.example' }, scopes }],
  openidScopes: [{ name: 'openid', words: 'Know who you are' }],
  refreshFor: 'until you withdraw it, at most 90 days',
  otherAccountAction: '/sign-in/other',
}

export const ACCOUNT: AccountPage = {
  ...{ mode, csrf },
  actions: {
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
  },
  account: { email, role: 'owner', tenant },
  sessions: [
    { id: 's1', current: true, startedAt: at, lastSeenAt: at, ip: '203.0.113.7', userAgent: 'Firefox/140.0 (Linux)' },
    { id: 's2', current: false, startedAt: at, lastSeenAt: at, ip: '203.0.113.8', userAgent: 'Chrome/140.0 (Windows)' },
    { id: 's3', current: false, startedAt: at, lastSeenAt: at, ip: '2001:db8::1', userAgent: 'a program' },
  ],
  consents: [
    { id: 'c1', app, grantedAt: at, scopes: [{ scopes }, { resource: { name: 'Orders' }, scopes }] },
    { id: 'c2', app: { name: 'Postman' }, grantedAt: at, scopes: [{ scopes }] },
  ],
  passkeys: [
    { id: 'p1', name: 'Laptop', createdAt: at, lastUsedAt: at },
    { id: 'p2', name: 'Phone', createdAt: at },
  ],
  tokens: [
    {
      ...{ id: 't1', name: 'Backup', prefixHint: 'kp_live_abcdefghijkl', scopes, createdAt: at, lastUsedAt: at },
      ...{ expiresAt: at, expired: true },
    },
    {
      ...{ id: 't2', name: 'Script', prefixHint: 'kp_live_bcdefghijklm', scopes: undefined, createdAt: at },
      ...{ lastUsedAt: undefined, expiresAt: undefined, expired: false },
    },
  ],
  tokenScopes: scopes,
  madeToken: { name: 'New', value: 'kp_live_cdefghijklmn_value' },
  passkeyRequired: true,
  registrationOptions: passkeyOptions,
  notice: 'The passkey was added.',
  error: 'That did not work.',
}

const INVITATION: InvitationPage = {
  ...{ mode, csrf, tenant, email, role: 'admin', token: 'token-value' },
  action: '/sign-in/invitation',
  ...{ shortest: 12, longest: 128, error: 'The two are not the same.' },
}

const CONFIRM_SIGN_OUT: ConfirmSignOutPage = { mode, action: '/oauth/logout/confirm', xsrf: 'csrf-value', app }
const SIGNED_OUT: SignedOutPage = { mode, app, accountHref: '/account' }
const ERROR: ErrorPage = { mode, title: 'No', message: 'It failed.', code: 'invalid_request', requestId: 'req_1' }

export interface Page {
  readonly name: string
  /** Every prop set, so that whatever a page can show is on it. */
  readonly props: { readonly mode: Mode }
  readonly view: (props: { readonly mode: Mode }) => string
  /** Whether an app asked for it, so that it must be named. */
  readonly ofApp: boolean
}

const entry = <Props extends { readonly mode: Mode }>(
  name: string,
  view: (props: Props) => string,
  props: Props,
  ofApp = false,
): Page => ({ name, props, view: view as Page['view'], ofApp })

export const PAGES: readonly Page[] = [
  entry('sign-in', signInPage, SIGN_IN, true),
  entry('second factor', secondFactorPage, SECOND_FACTOR, true),
  entry('consent', consentPage, CONSENT, true),
  entry('account', accountPage, ACCOUNT),
  entry('invitation', invitationPage, INVITATION),
  entry('confirm sign-out', confirmSignOutPage, CONFIRM_SIGN_OUT, true),
  entry('signed out', signedOutPage, SIGNED_OUT, true),
  entry('error', errorPage, ERROR),
]
