import { crc32 } from 'node:zlib'
import type { Mode } from '../mode/mode.ts'
import { randomBase32, randomBase62, toBase62 } from './base62.ts'

/** A credential whose form and checksum are right. Whether it is anyone's is for the store to say. */
export type Credential = SecretCredential | AccessTokenCredential | RefreshTokenCredential

/** `tk_…`, `AKE…`, `st_…`, `kp_…` and `cs_…`: an id that finds the record, and a secret that proves it. */
export interface SecretCredential {
  readonly kind: 'standard_key' | 'enterprise_key' | 'service_token' | 'personal_access_token' | 'app_secret'
  readonly mode: Mode
  readonly publicId: string
  /** The whole credential as it was issued: what is hashed. */
  readonly text: string
}

/** `kc_…`: opaque to all but us; `clientRef` leads to the standing of the client that it was minted for. */
export interface AccessTokenCredential {
  readonly kind: 'access_token'
  readonly mode: Mode
  readonly clientRef: string
  readonly text: string
}

/** `kr_…`: `family` leads to the family that it belongs to. */
export interface RefreshTokenCredential {
  readonly kind: 'refresh_token'
  readonly mode: Mode
  readonly family: string
  readonly text: string
}

const CHECKSUM = 6
const PUBLIC_ID = 12
const CLIENT_REF = 8
/** 95 bits. */
const FAMILY = 16
/** 43 × log2(62) = 256.03 bits. */
const SECRET = 43

/** CRC-32 in base62: catches typing errors and invention before any store is asked; secret scanners use it too. */
const checksum = (body: string): string => toBase62(crc32(body), CHECKSUM)

const seal = (body: string): string => body + checksum(body)

/** Not constant-time: the checksum is computable by anyone and protects nothing secret. */
const isSealed = (text: string): boolean => checksum(text.slice(0, -CHECKSUM)) === text.slice(-CHECKSUM)

export const newPublicId = (): string => randomBase32(PUBLIC_ID)
export const newClientRef = (): string => randomBase62(CLIENT_REF)

/** A record's id (`key_…`): carries its kind and never looks like a credential. */
export const newRecordId = (kind: string): string => `${kind}_${randomBase32(16)}`

export const newStandardKey = (mode: Mode, publicId: string): string =>
  seal(`tk_${mode}_${publicId}_${randomBase62(SECRET)}`)

export const newEnterpriseKey = (publicId: string): string =>
  seal(`AKE${publicId.toUpperCase()}_${randomBase62(SECRET)}`)

export const newServiceToken = (mode: Mode, publicId: string): string =>
  seal(`st_${mode}_${publicId}_${randomBase62(SECRET)}`)

export const newPersonalAccessToken = (mode: Mode, publicId: string): string =>
  seal(`kp_${mode}_${publicId}_${randomBase62(SECRET)}`)

/** A confidential app's client_secret: complete in itself, so that secret scanners know it wherever it stands. */
export const newAppSecret = (mode: Mode, publicId: string): string =>
  seal(`cs_${mode}_${publicId}_${randomBase62(SECRET)}`)

/** What is in a link that lets somebody in: nothing but random letters and their checksum, which the scrubber knows. */
export const newLinkToken = (): string => seal(randomBase62(SECRET))

export const isLinkToken = (text: string): boolean => /^[0-9A-Za-z]{49}$/.test(text) && isSealed(text)

export const newFamily = (): string => randomBase62(FAMILY)

export const newRefreshToken = (mode: Mode, family: string): string =>
  seal(`kr_${mode}_${family}${randomBase62(SECRET)}`)

/** The ref comes first so that a token's standing can be read in the same round trip as the token. */
export const newAccessToken = (mode: Mode, clientRef: string): string =>
  seal(`kc_${mode}_${clientRef}${randomBase62(SECRET)}`)

const WITH_ID = /^(tk|st|kp|cs)_(live|test)_([a-z2-7]{8,32})_[0-9A-Za-z]{49}$/
const ENTERPRISE = /^AKE([A-Z2-7]{8,32})_[0-9A-Za-z]{49}$/
const ACCESS_TOKEN = /^kc_(live|test)_([0-9A-Za-z]{8})[0-9A-Za-z]{49}$/
const REFRESH_TOKEN = /^kr_(live|test)_([0-9A-Za-z]{16})[0-9A-Za-z]{49}$/

const KIND_OF = {
  tk: 'standard_key',
  st: 'service_token',
  kp: 'personal_access_token',
  cs: 'app_secret',
} as const

/** The longest credential is far shorter; longer input isn't worth a regular expression. */
const LONGEST = 128

/** Undefined for anything that was never issued: wrong form, alphabet, length or checksum. Asks no store. */
export function parseCredential(text: string): Credential | undefined {
  if (text.length > LONGEST) return undefined
  const credential = readCredential(text)
  return credential && isSealed(text) ? credential : undefined
}

function readCredential(text: string): Credential | undefined {
  const token = ACCESS_TOKEN.exec(text)
  if (token) return { kind: 'access_token', mode: token[1] as Mode, clientRef: token[2] as string, text }
  const key = WITH_ID.exec(text)
  if (key) {
    const kind = KIND_OF[key[1] as keyof typeof KIND_OF]
    return { kind, mode: key[2] as Mode, publicId: key[3] as string, text }
  }
  const refresh = REFRESH_TOKEN.exec(text)
  if (refresh) return { kind: 'refresh_token', mode: refresh[1] as Mode, family: refresh[2] as string, text }
  const enterprise = ENTERPRISE.exec(text)
  if (enterprise) {
    return { kind: 'enterprise_key', mode: 'live', publicId: (enterprise[1] as string).toLowerCase(), text }
  }
  return undefined
}

/**
 * A key is a client: client_id and client_secret joined with `_` are the key, wherever it was split.
 * Without the mode segment (`tk_<id>` + secret) the checksum tells which mode the key is of.
 */
export function parseClientSecret(clientId: string, clientSecret: string): SecretCredential | undefined {
  if (clientId.startsWith('app_')) return parseAppSecret(clientId, clientSecret)
  const text = `${clientId}_${clientSecret}`
  if (!/^tk_(?!(?:live|test)_)/.test(text)) return parseKey(text)
  return parseKey(insertMode(text, 'live')) ?? parseKey(insertMode(text, 'test'))
}

function parseKey(text: string): SecretCredential | undefined {
  const credential = parseCredential(text)
  return credential?.kind === 'standard_key' || credential?.kind === 'enterprise_key' ? credential : undefined
}

/** An app's secret names the app; whoever presents it must name the same. */
function parseAppSecret(clientId: string, clientSecret: string): SecretCredential | undefined {
  const credential = parseCredential(clientSecret)
  return credential?.kind === 'app_secret' && clientId === `app_${credential.publicId}` ? credential : undefined
}

const insertMode = (text: string, mode: Mode): string => `tk_${mode}_${text.slice(3)}`

const CLIENT_ID = /^(?:(?:tk|su|app)_([a-z2-7]{8,32})|pk_(?:live|test)_([a-z2-7]{8,32})|AKE([A-Z2-7]{8,32}))$/

/** The public id in a client_id, which is unique over all kinds and both modes. Undefined: no client has such an id. */
export function publicIdOf(clientId: string): string | undefined {
  const [, plain, publicKey, enterprise] = CLIENT_ID.exec(clientId) ?? []
  return plain ?? publicKey ?? enterprise?.toLowerCase()
}

/** The canonical pair that creation hands out: `tk_<id>` or `AKE<ID>`, and what follows the last `_`. */
export function splitKey(key: string): { clientId: string; clientSecret: string } {
  const at = key.lastIndexOf('_')
  return { clientId: key.slice(0, at).replace(/^tk_(live|test)_/, 'tk_'), clientSecret: key.slice(at + 1) }
}
