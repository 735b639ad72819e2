import type { Origin } from '../audit/entry.ts'
import type { RequestContext } from '../http/context.ts'
import type { Member } from '../people/member.ts'

/** For the audit log: this person, from here. */
export const originOf = (ctx: RequestContext, { id, email }: Pick<Member, 'id' | 'email'>): Origin => ({
  actor: { type: 'member', id, name: email },
  ip: ctx.ip,
  requestId: ctx.state.requestId,
})
