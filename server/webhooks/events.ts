/**
 * What a webhook can be told of: entries of the audit log that somebody should act on, or keep in step with. Events of
 * single tokens are not among them: there may be thousands a second.
 */
export const EVENTS = {
  'api_client.limit_reached': 'an API client was made inactive because five are active',
  'api_key.created': 'a key was created',
  'api_key.revoked': 'a key was revoked',
  'api_key.rotated': 'a key got a new secret',
  'credential.expiring': 'a key or token expires in 14, 3 or 1 days',
  'credential.leaked': 'somebody found a secret credential, and ended it',
  'invitation.created': 'somebody was invited to become a member',
  'member.joined': 'somebody became a member',
  'member.removed': 'somebody is no member any more',
  'member.role_changed': 'what a member may do was changed',
  'refresh_family.theft_detected': 'a refresh token was used twice, and its whole family ended',
  'service_token.created': 'a service user got a token',
  'service_token.deleted': 'a service user’s token was deleted',
  'service_token.restored': 'a service user’s token works again',
  'service_token.revoked': 'a service user’s token was revoked',
  'webhook.disabled': 'another webhook failed for five days, or is gone, and was disabled',
} as const satisfies Readonly<Record<string, string>>

export type WebhookEvent = keyof typeof EVENTS

/** All of them, those to come included. */
export const ALL_EVENTS = '*'

/** Sent on request, to whatever a webhook listens to. */
export const TEST_EVENT = 'webhook.test'

/** What a webhook may subscribe to. */
export const SUBSCRIBABLE = [ALL_EVENTS, ...(Object.keys(EVENTS) as WebhookEvent[])] as const

export const isWebhookEvent = (action: string): action is WebhookEvent => Object.hasOwn(EVENTS, action)
