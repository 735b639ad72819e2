import { z } from 'zod'
import { type KeyChanges, updateKey } from '../../credentials/key-changes.ts'
import { type Key, scopesOfKey } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import { type WrongField, wrongScopes } from '../app-settings.ts'
import type { Caller } from '../caller.ts'
import { description, expiresAt, name, scopes, tags, tokenValidity } from '../fields.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { refuseMorePower, withinPower } from '../power.ts'
import { statusOf } from '../status.ts'
import { apiKey, viewOfKey } from './view.ts'

/** What isn't there stays. */
const body = z
  .strictObject({
    name,
    description: description.nullable(),
    tags,
    scopes: scopes.nullable(),
    expires_at: expiresAt.nullable(),
    token_validity: tokenValidity.nullable(),
    require_dpop: z.boolean(),
  })
  .partial()

type Body = z.output<typeof body>

export const updateApiKey = operation({
  summary: 'Rename, describe, tag, narrow or extend a key',
  explanation:
    '`scopes: null` is full access, which only full access gives; `expires_at: null` is for ever. Who changes more than name, description ' +
    'and tags must hold what the key holds, before and after. Lost scopes, an earlier end and a new `require_dpop` end the ' +
    'tokens that were minted from it so far. A revoked or expired key stays as it is.',
  method: 'PATCH',
  path: '/v1/api-keys/:id',
  requires: 'api-keys:write',
  status: 200,
  body,
  answer: apiKey,
  async handle({ caller, id, body }, needs) {
    const now = needs.clock.now()
    const decide = (before: Key) => changesOf(body, before, caller, needs)
    const row = await needs.change((transaction) => updateKey(transaction, id, decide, new Date(now)))
    if (!row) throw new ApiError('not_found')
    return viewOfKey(now)(row)
  },
})

/** @throws {ApiError} conflict, insufficient_scope, validation_failed */
function changesOf(body: Body, before: Key, caller: Caller, needs: OperationNeeds): KeyChanges {
  const status = statusOf(before, needs.clock.now())
  if (status !== 'active') throw new ApiError('conflict', { detail: `the key is ${status}, and stays as it is` })
  if (changesPower(body)) refuseMorePower(caller, scopesOfKey(before))
  const fields = wrongFields(body, before, needs)
  if (fields.length) throw new ApiError('validation_failed', { fields })
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.description !== undefined && { description: body.description }),
    ...(body.tags !== undefined && { tags: body.tags }),
    ...(body.scopes !== undefined && { scopes: scopesGiven(caller, body.scopes) }),
    ...(body.expires_at !== undefined && { expiresAt: body.expires_at }),
    ...(body.token_validity !== undefined && { tokenValidity: body.token_validity }),
    ...(body.require_dpop !== undefined && { requireDpop: body.require_dpop }),
  }
}

const changesPower = ({ name, description, tags, ...others }: Body): boolean => Object.keys(others).length > 0

function scopesGiven(caller: Caller, wanted: readonly string[] | null) {
  if (wanted) return withinPower(caller, [...new Set(wanted)])
  refuseMorePower(caller, 'all')
  return 'all'
}

function wrongFields({ scopes, expires_at }: Body, before: Key, needs: OperationNeeds): WrongField[] {
  const isEnterprise = before.kind === 'enterprise'
  const isWithoutScopes = before.kind === 'public' && !before.app
  const wrong = (isWrong: boolean, pointer: string, detail: string) => (isWrong ? [{ pointer, detail }] : [])
  return [
    ...wrong(isEnterprise && scopes === null, '/scopes', 'required for an enterprise key'),
    ...wrong(isEnterprise && expires_at === null, '/expires_at', 'required for an enterprise key'),
    ...wrong(isWithoutScopes && scopes !== undefined, '/scopes', 'a public key has none without redirect_uris'),
    ...wrong(!!expires_at && expires_at.getTime() <= needs.clock.now(), '/expires_at', 'a time in the future'),
    ...wrongScopes(scopes, needs).filter(({ pointer }) => !isHeldAt(pointer, scopes, before)),
  ]
}

/** A scope that was deprecated since may stay where it is: nobody gets a token with it any more. */
const isHeldAt = (pointer: string, scopes: Body['scopes'], before: Key): boolean =>
  before.scopes.includes(scopes?.[Number(pointer.split('/').at(-1))] ?? '')
