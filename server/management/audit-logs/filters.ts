import { z } from 'zod'
import { searched } from '../fields.ts'

const TIME = 'a time as RFC 3339 writes it, such as 2030-01-31T12:00:00Z'

const time = z.iso
  .datetime({ offset: true, error: TIME })
  .transform((text) => new Date(text))
  .refine((time) => Math.abs(time.getTime()) < Date.UTC(9999, 0), 'before the year 9999')
  .optional()

const SHAPE = 'an action such as api_key.created, or all of a kind, such as token.*'

export const filters = {
  sandbox: z.enum(['true', 'false'], 'true or false').optional().meta({ description: 'what `details.sandbox` is' }),
  actor: searched.optional().meta({ description: 'the id of who did it' }),
  action: searched.optional().meta({ description: SHAPE }),
  target: searched.optional().meta({ description: 'the id of what it was done to' }),
  since: time.meta({ description: 'that time and later' }),
  until: time.meta({ description: 'before that time' }),
}

type Filters = { readonly [name in keyof typeof filters]?: z.infer<(typeof filters)[name]> }

export const matching = ({ sandbox, actor, action, target, since, until }: Filters) => ({
  ...(sandbox !== undefined && { details: { path: ['sandbox'], equals: sandbox === 'true' } }),
  ...(actor !== undefined && { actorId: actor }),
  ...(action !== undefined && { action: actions(action) }),
  ...(target !== undefined && { targetId: target }),
  ...((since || until) && { at: { ...(since && { gte: since }), ...(until && { lt: until }) } }),
})

/** What stands before the `*` is a pattern's to PostgreSQL, where `_`, `%` and `\\` mean something. */
const actions = (action: string) =>
  action.endsWith('.*') ? { startsWith: action.slice(0, -1).replace(/[\\%_]/g, '\\$&') } : action
