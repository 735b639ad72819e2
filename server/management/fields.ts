import { z } from 'zod'
import { isResourceUri } from '../oauth/resource-indicator.ts'

/** Fields that several operations share. Each says in words what it wants: the words are in the answer. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused; PostgreSQL can't even store NUL.
const PLAIN_TEXT = /^[^\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/

/** Neither space, nor control, nor one of those that only look like nothing (U+200B, U+3164, U+2800). */
const VISIBLE = /[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u

const plainText = (most: number) =>
  z
    .string()
    .max(most, `at most ${most} characters`)
    .regex(PLAIN_TEXT, 'no control characters and no changes of text direction')
    .refine((text) => text.isWellFormed(), 'well-formed Unicode')

export const name = plainText(100).refine(
  (text) => VISIBLE.test(text) || !text.isWellFormed(),
  'at least one visible character',
)

export const description = plainText(500)

export const label = plainText(64).min(1, 'at least one character')

/** Ids; that there are such teams is for the operation to say. */
export const teams = z
  .array(label)
  .max(50, 'at most 50')
  .transform((ids) => [...new Set(ids)])

export const tags = z
  .array(label)
  .max(20, 'at most 20')
  .transform((each) => [...new Set(each)])

/** What a list is searched by. */
export const searched = plainText(100)

/** RFC 3339 with an offset, in the future; kept in UTC. */
export const expiresAt = z.iso
  .datetime({ offset: true, error: 'a time as RFC 3339 writes it, such as 2030-01-31T12:00:00Z' })
  .transform((text) => new Date(text))
  .refine((time) => time.getTime() < Date.UTC(9999, 0), 'before the year 9999')

/** Seconds. */
export const tokenValidity = z.int('a whole number of seconds').min(60, 'at least 60').max(86_400, 'at most 86400')

export const cursorAndLimit = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number('a number').int('a whole number').min(1, 'at least 1').max(100, 'at most 100').default(20),
}

/** Which scopes; of what resource they are, and whether the caller may give them, is for the operation to say. */
export const scopes = z.array(z.string().max(129)).max(200, 'at most 200')

const MINUTE = 60
const YEAR = 365 * 86_400

const seconds = (least: number, most: number) =>
  z.int('a whole number of seconds').min(least, `at least ${least}`).max(most, `at most ${most}`)

/** RFC 6749 §3.1.2: what may be one, and of whom, is for `wrongRedirectUri` to say. */
const redirectUris = z.array(z.string().max(500, 'at most 500 characters')).max(20, 'at most 20')

/** What a client of the authorization code flow has besides. */
export const appFields = {
  redirect_uris: redirectUris.min(1, 'at least one'),
  post_logout_redirect_uris: redirectUris.optional(),
  homepage: z
    .url({ protocol: /^https$/, error: 'an https URL' })
    .max(250, 'at most 250 characters')
    .refine((url) => isResourceUri(url), 'an https URL without a fragment')
    .nullish(),
  refresh_idle: seconds(MINUTE, YEAR).optional(),
  refresh_absolute: seconds(MINUTE, 5 * YEAR).optional(),
  refresh_retry_window: seconds(0, 300).nullish(),
  require_par: z.boolean().optional(),
}
