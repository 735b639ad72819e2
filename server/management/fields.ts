import { z } from 'zod'

/** Fields that several operations share. Each says in words what it wants: the words are in the answer. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused; PostgreSQL can't even store NUL.
const PLAIN_TEXT = /^[^\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/

const plainText = (most: number) =>
  z
    .string()
    .max(most, `at most ${most} characters`)
    .regex(PLAIN_TEXT, 'no control characters and no changes of text direction')
    .refine((text) => text.isWellFormed(), 'well-formed Unicode')

export const name = plainText(100).refine((text) => text.trim().length > 0, 'at least one visible character')

export const description = plainText(500)

export const label = plainText(64).min(1, 'at least one character')

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
