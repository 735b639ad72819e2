import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** DER: a tag, how long it is, and what it holds. */
function der(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

const sequence = (...parts: (Buffer | string)[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const bits = (content: Buffer) => der(0x03, '\0', content)
const time = (at: number) =>
  der(
    0x17,
    `${new Date(at)
      .toISOString()
      .replace(/[-:T]|\.\d+/g, '')
      .slice(2)}`,
  )

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))
const COMMON_NAME = oid('550403')
const SUBJECT_ALT_NAME = oid('551d11')
const BASIC_CONSTRAINTS = oid('551d13')

/** A day's certificate for `hosts` and 127.0.0.1 that is its own authority (RFC 5280 §4.1), in PEM. */
export function selfSigned(...hosts: string[]): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, 'origin'))))
  const names = [...hosts.map((host) => der(0x82, host)), der(0x87, Buffer.from([127, 0, 0, 1]))]
  const extensions = sequence(
    sequence(SUBJECT_ALT_NAME, der(0x04, sequence(...names))),
    sequence(BASIC_CONSTRAINTS, der(0x04, sequence(der(0x01, '\xff')))),
  )
  const now = Date.now()
  const certificate = sequence(
    der(0xa0, der(0x02, '\x02')),
    der(0x02, '\x01', randomBytes(8)),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(now - 3_600_000), time(now + 86_400_000)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signed = sequence(certificate, ECDSA_WITH_SHA256, bits(sign('sha256', certificate, privateKey)))
  const cert = `-----BEGIN CERTIFICATE-----\n${signed.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert }
}
