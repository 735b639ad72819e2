import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { Page } from '../oauth/people.ts'

/** An authenticator in software, so that a test can make it lie. WebAuthn Level 3 §6. */
export interface Authenticator {
  readonly credentialId: string
  /** What `passkey.js` would send for the options on this page. */
  create(page: Page, origin: string): string
  get(page: Page, origin: string, wishes?: Wishes): string
}

export interface Wishes {
  /** Whether it knows who holds it. */
  readonly verified?: boolean
  readonly counter?: number
  readonly userHandle?: string | undefined
}

const FLAG = { present: 0x01, verified: 0x04, attested: 0x40 }

export function createAuthenticator(): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(32)
  const credentialId = id.toString('base64url')
  let counted = 0
  let userHandle: string | undefined

  const dataOf = (rpId: string, flags: number, counter: number, attested = Buffer.alloc(0)) =>
    Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), uint32(counter), attested])

  const sent = (response: object) =>
    JSON.stringify({ id: credentialId, rawId: credentialId, type: 'public-key', clientExtensionResults: {}, response })

  return {
    credentialId,
    create(page, origin) {
      const { challenge, rp, user } = optionsOn(page, 'create')
      userHandle = user.id
      // RFC 9053 §7.1.1: EC2, ES256, P-256.
      const key = cbor(
        new Map<number, unknown>([
          [1, 2],
          [3, -7],
          [-1, 1],
          [-2, bytes(x)],
          [-3, bytes(y)],
        ]),
      )
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, key])
      const authData = dataOf(rp.id, FLAG.present | FLAG.verified | FLAG.attested, counted, attested)
      const attestation = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData],
      ])
      return sent({
        clientDataJSON: clientData('webauthn.create', challenge, origin).toString('base64url'),
        attestationObject: cbor(attestation).toString('base64url'),
        transports: ['internal'],
      })
    },
    get(page, origin, { verified = true, counter = ++counted, ...rest } = {}) {
      const { challenge, rpId } = optionsOn(page, 'get')
      const authenticatorData = dataOf(rpId, FLAG.present | (verified ? FLAG.verified : 0), counter)
      const client = clientData('webauthn.get', challenge, origin)
      const signed = Buffer.concat([authenticatorData, createHash('sha256').update(client).digest()])
      return sent({
        clientDataJSON: client.toString('base64url'),
        authenticatorData: authenticatorData.toString('base64url'),
        signature: sign('sha256', signed, privateKey).toString('base64url'),
        userHandle: 'userHandle' in rest ? rest.userHandle : userHandle,
      })
    },
  }
}

/** The options that a page carries for the script. */
export function optionsOn({ text }: Page, ceremony: 'get' | 'create') {
  const [, json = ''] = new RegExp(`data-passkey="${ceremony}" data-options="([^"]*)"`).exec(text) ?? []
  return JSON.parse(json.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&'))
}

const clientData = (type: string, challenge: string, origin: string) =>
  Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))

const bytes = (base64url: string) => Buffer.from(base64url, 'base64url')

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

/** RFC 8949, as much of it as an attestation needs. */
function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  const entries = [...(value as Map<unknown, unknown>)]
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, each]) => [cbor(key), cbor(each)])])
}

const head = (major: number, value: number): Buffer =>
  Buffer.from(
    value < 24
      ? [(major << 5) | value]
      : value < 256
        ? [(major << 5) | 24, value]
        : [(major << 5) | 25, value >> 8, value & 255],
  )
