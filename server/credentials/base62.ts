import { randomFillSync } from 'node:crypto'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** One fill serves many characters: a system call per credential would cost more than the rest of a mint. */
const pool = Buffer.alloc(4096)
let used = pool.length

function randomByte(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const byte = pool[used] as number
  pool[used++] = 0 // what became a secret doesn't stay in memory
  return byte
}

const CODES = Buffer.from(DIGITS)

/** Uniform: bytes from 248 (= 4 × 62) up would favour the first digits and are drawn again. log2(62) bits each. */
export function randomBase62(length: number): string {
  const codes: number[] = []
  while (codes.length < length) {
    const byte = randomByte()
    if (byte < 248) codes.push(CODES[byte % 62] as number)
  }
  return String.fromCharCode(...codes)
}

/** 5 bits each. */
export function randomBase32(length: number): string {
  let text = ''
  while (text.length < length) text += BASE32[randomByte() % 32]
  return text
}

/** `value` in exactly `length` digits, most significant first. */
export function toBase62(value: number, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62)) text = DIGITS[rest % 62] + text
  return text
}
