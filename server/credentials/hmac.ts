import { hash, type KeyObject } from 'node:crypto'

/** Of one key. `binary`: the 32 bytes themselves, a character each. */
export type Hmac = (text: string, encoding: 'base64url' | 'hex' | 'binary') => string

/** FIPS 180-4 §1: bytes of a block of SHA-256, and of what it gives. */
const BLOCK = 64
const LENGTH = 32

/** Bytes of text that fit into the buffer that is there. What is longer gets one of its own. */
const ROOM = 4096
/** Of UTF-8, for what a JavaScript string counts as one. */
const WIDEST = 3

/**
 * HMAC-SHA-256 (RFC 2104 §2) as two plain hashes. Node's `createHmac` makes a native object for each text, to be collected
 * later, and that takes more than ten times as long as what it computes: of a token request the largest single part.
 */
export function createHmacSha256(key: KeyObject | Uint8Array): Hmac {
  const bytes = key instanceof Uint8Array ? key : key.export()
  const secret = bytes.length > BLOCK ? hash('sha256', bytes, 'buffer') : bytes
  const inner = padded(secret, 0x36, ROOM)
  const outer = padded(secret, 0x5c, LENGTH)
  /** Of the inner buffer, by the length of their text: to make one costs as much as to hash it. */
  const views: Uint8Array[] = []

  function innerOf(text: string): Uint8Array {
    if (text.length * WIDEST > ROOM) return Buffer.concat([inner.subarray(0, BLOCK), Buffer.from(text)])
    const size = inner.write(text, BLOCK)
    views[size] ??= inner.subarray(0, BLOCK + size)
    return views[size]
  }

  return (text, encoding) => {
    outer.write(hash('sha256', innerOf(text), 'binary'), BLOCK, 'latin1')
    return hash('sha256', outer, encoding)
  }
}

/** The key, filled up to a block and changed by `pad`, with room behind it. */
function padded(key: Uint8Array, pad: number, room: number) {
  const block = Buffer.alloc(BLOCK + room)
  block.set(key)
  for (let at = 0; at < BLOCK; at++) block[at] = (block[at] as number) ^ pad
  return block
}
