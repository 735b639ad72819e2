/** A client_id and client_secret that an admin chose. Nothing in their form tells whose they are. */
export interface ChosenCredential {
  readonly kind: 'chosen_secret'
  readonly clientId: string
  readonly secret: string
}

/** RFC 6749 appendix A.1: VSCHAR. Spaces at its ends would be lost wherever it is written down. */
const CLIENT_ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,47}[\x21-\x7e])?$/

/** What we make ourselves, begins like it, or names a document (CIMD). */
const OURS = /^(?:(?:tk|pk|su|app|st|kc|kr|cs|kp)(?:_|$)|AKE|https?:)/i

/**
 * RFC 9700 §4.15.1: a client that could choose the id of a person, or of any other record, would be taken for it by a
 * resource server that only looks at `sub`.
 */
const RECORD = /^[a-z]{2,8}_[a-z2-7]{8,32}$/i

/** Whether an admin may choose it. */
export const isChosenClientId = (text: string): boolean =>
  CLIENT_ID.test(text) && !OURS.test(text) && !RECORD.test(text)

const SECRET = /^(?=.*[A-Za-z])(?=.*[0-9])(?=.*[^A-Za-z0-9])[\x21-\x7e]{8,30}$/

/** 8 to 30 visible ASCII characters: letters, digits, and something that is neither. */
export const isChosenSecret = (text: string): boolean => SECRET.test(text)

/** Undefined for what nobody can have chosen. */
export const parseChosenCredential = (clientId: string, secret: string): ChosenCredential | undefined =>
  isChosenClientId(clientId) && isChosenSecret(secret) ? { kind: 'chosen_secret', clientId, secret } : undefined
