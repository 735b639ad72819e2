import { z } from 'zod'
import type { Condition } from '../../workload-identity/model.ts'
import { name, scopes, tokenValidity } from '../fields.ts'

const text = z
  .string()
  .min(1, 'at least one character')
  .max(512, 'at most 512 characters')
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'well-formed Unicode')

const claim = text.max(200, 'at most 200 characters')

/** RFC 8259 §6: a larger integer is read as its neighbours are, so it would let them in as well. */
const number = z.number().refine((given) => !Number.isInteger(given) || Number.isSafeInteger(given))

/** Of the type that the platform uses: `"20"` is not `20`, and `"true"` is not `true`. */
const value = z.union([text, number, z.boolean()], 'text, a number of at most 53 bits, true or false')

const condition = z.discriminatedUnion(
  'op',
  [
    z.strictObject({ claim, op: z.literal('equals'), value }),
    z.strictObject({
      claim,
      op: z.literal('one_of'),
      value: z.array(value).min(1, 'at least one').max(50, 'at most 50'),
    }),
    z.strictObject({ claim, op: z.enum(['prefix', 'glob']), value: text }),
  ],
  'a claim, an op of equals, one_of, prefix or glob, and a value',
)

/** All must hold. */
export const conditions: z.ZodType<readonly Condition[]> = z
  .array(condition)
  .min(1, 'at least one')
  .max(32, 'at most 32')

export const bindingFields = {
  name: name.nullish(),
  conditions,
  /** Null or left out: whatever the service user has, as far as the caller may give it. */
  scopes: scopes.nullish(),
  token_validity: tokenValidity.nullish(),
}
