import { z } from 'zod'
import { issuePersonalAccessToken } from '../../credentials/personal-access-tokens.ts'
import { ApiError } from '../../http/problem.ts'
import { wrongScopes } from '../app-settings.ts'
import type { Caller } from '../caller.ts'
import { expiresAt, name, scopes } from '../fields.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { personalAccessToken, viewOfPersonalAccessToken } from './view.ts'

export const createPersonalAccessToken = operation({
  summary: 'Create a personal access token',
  explanation: `It acts for the person who makes it, at this API alone, with what they may do at the time. Without \`scopes\`
it has what the credential has that makes it. Where the tenant requires DPoP it is refused, for it can't be bound to a key.`,
  method: 'POST',
  path: '/v1/personal-access-tokens',
  only: 'people',
  requires: 'personal-access-tokens:write',
  status: 201,
  body: z.strictObject({ name, scopes: scopes.optional(), expires_at: expiresAt.nullish() }),
  answer: personalAccessToken
    .extend({ personal_access_token: z.string().meta({ description: 'shown this once' }) })
    .meta({ id: 'NewPersonalAccessToken' }),
  async handle({ caller, body }, needs) {
    const { scope, change, digests, clock } = needs
    const now = clock.now()
    const fields = wrongScopes(body.scopes, needs)
    if (body.expires_at && body.expires_at.getTime() <= now) {
      fields.push({ pointer: '/expires_at', detail: 'a time in the future' })
    }
    if (fields.length) throw new ApiError('validation_failed', { fields })
    const token = {
      memberId: caller.person?.id ?? '',
      name: body.name,
      scopes: given(caller, body.scopes && [...new Set(body.scopes)]),
      expiresAt: body.expires_at ?? null,
    }
    const issued = await change((transaction) =>
      issuePersonalAccessToken(transaction, scope, digests, token, new Date(now)),
    )
    // They were removed while they asked.
    if (!issued) throw new ApiError('not_found')
    return {
      ...viewOfPersonalAccessToken(now)(issued.row),
      personal_access_token: issued.personalAccessToken,
    }
  },
})

/** All that the person has, later too, only by what has that itself. */
const given = (caller: Caller, wanted: readonly string[] | undefined): 'all' | readonly string[] =>
  wanted === undefined && caller.person?.hasAll ? 'all' : withinPower(caller, wanted)
