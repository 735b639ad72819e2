import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
/** Standard Webhooks wants 24 to 64. */
const BYTES = 32

export const newWebhookSecret = (): string => PREFIX + randomBytes(BYTES).toString('base64')

export interface Signed {
  /** The same however often it is sent, so that the receiver knows it again. */
  readonly id: string
  readonly body: string
}

/**
 * Standard Webhooks 1.0.0: the id and the time are signed with the body, so that neither an old message nor another's
 * passes for a new one. With several secrets there are several signatures, and the receiver looks for one that it knows.
 */
export function signedHeaders({ id, body }: Signed, secrets: readonly string[], now: number) {
  const timestamp = String(Math.floor(now / 1000))
  const signatures = secrets.map((secret) => `v1,${signatureOf(secret, `${id}.${timestamp}.${body}`)}`)
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}

const signatureOf = (secret: string, content: string): string =>
  createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'))
    .update(content)
    .digest('base64')
