/** Words that follow a scheme's name in a sentence and are no credentials. */
const PROSE = 'proof|nonce|tokens?|key|authentication|credentials?|scheme|header|is|was|and|or|with'

/** Members of forms, queries and JSON that hold secrets of no recognisable shape. */
const SHAPELESS = 'client_?secret|password|code_verifier|master_key'
const HOLDING_SECRETS = `${SHAPELESS}|assertion|subject_token|actor_token|refresh_token|access_token|api_key|service_token`
/** Scrubbed before, in JSON within a string, in JSON, in single quotes, or bare. */
const VALUE = String.raw`(?:…(?=[\s&"'\\,;})\]]|$)|\\"(?:[^"\\]|\\[^"])*(?:\\")?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s&"']+)`

/**
 * Pattern, and what stays of it: enough to tell what was there. Text is attacker-made: each pattern takes time that
 * grows with its length, because what it begins to match it consumes, or it looks no further than a fixed distance.
 */
const CREDENTIALS: readonly [RegExp, string][] = [
  [
    /-----BEGIN ([A-Z ]{0,32})PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/g,
    '-----BEGIN $1PRIVATE KEY-----…',
  ],
  // Up to the last @ of the word: a password may hold an @ or a /.
  [/\/\/([^\s/?#:@]{0,256}):\S{0,512}@/g, '//$1:…@'],
  [
    new RegExp(String.raw`(Basic|Bearer|DPoP)((?:\s|%20|\+){1,8})(?!(?:${PROSE})(?![\w.~+/=-]))[\w.~+/=-]+`, 'gi'),
    '$1$2…',
  ],
  [new RegExp(String.raw`(${HOLDING_SECRETS})(\\?["']\s{0,4}[=:]\s{0,4}|\s{0,4}=\s{0,4})${VALUE}`, 'gi'), '$1$2…'],
  [new RegExp(String.raw`(${SHAPELESS})(\s{0,4}:\s{0,4})${VALUE}`, 'gi'), '$1$2…'],
  [/([?&]code=)[^\s&]+/g, '$1…'],
  [/whsec_[\w+/=-]+/g, 'whsec_…'],
  [/eyJ[\w-]{5,}(?:\.[\w-]*){0,4}/g, 'eyJ…'],
  // With a mode segment wherever it stands, glued to whatever is before it; without one only at the start of a word
  // (which may be the end of a percent-encoded character), or `first_used_at` would be taken for a service token.
  [/((?:tk|st|cs|kc|kr|kp)_(?:live|test)_)[\w-]+/g, '$1…'],
  [/((?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}))((?:tk|st|cs|kc|kr|kp)_)[\w-]{8,}/g, '$1$2…'],
  [/AKE[A-Z2-7]{8,}(?:_[\w-]*)?/g, 'AKE…'],
  // The secret half of a key alone: 43 characters and the checksum.
  [/((?<![\w-])|(?<=%[0-9A-Fa-f]{2}))[0-9A-Za-z]{49}(?![\w-])/g, '…'],
]

/** Replaces whatever looks like a credential by its prefix and `…`. Public keys (`pk_`) are no secret and stay. */
export const scrub = (text: string): string =>
  CREDENTIALS.reduce((scrubbed, [pattern, rest]) => scrubbed.replace(pattern, rest), text)

/** Members whose value is a secret whatever it looks like. */
export const SECRET_MEMBERS: readonly string[] = [
  'authorization',
  'cookie',
  'dpop',
  'x-api-key',
  'password',
  'secret',
  'client_secret',
  'clientSecret',
  'client_assertion',
  'assertion',
  'subject_token',
  'refresh_token',
  'access_token',
  'api_key',
  'apiKey',
  'masterKey',
  'masterKeys',
  'privateJwk',
  'sealedPrivate',
]

const DEEPEST = 5

/** Scrubs every string within; an error becomes its type, message, stack, code and causes, and none of its other members. */
export function scrubValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEEPEST) return '[…]'
  if (value instanceof Error) return scrubError(value, depth)
  if (value instanceof Date || value instanceof URL)
    return scrub(String(value instanceof Date ? value.toISOString() : value))
  if (Array.isArray(value)) return value.map((item) => scrubValue(item, depth + 1))
  // Requests, sockets, clients, buffers: nobody knows what they hold.
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return `[${value.constructor?.name ?? 'object'}]`
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scrubValue(item, depth + 1)]))
}

function scrubError(error: Error, depth: number): Record<string, unknown> {
  const { code, cause } = error as Error & { code?: unknown }
  return {
    type: error.name,
    message: scrub(error.message),
    stack: error.stack && scrub(error.stack),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause === undefined ? {} : { cause: scrubValue(cause, depth + 1) }),
  }
}
