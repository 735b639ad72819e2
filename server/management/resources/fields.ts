import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import type { ResourceRow } from '../../tenancy/resources.ts'
import { SCOPE_FORM } from '../../tenancy/scopes.ts'
import type { WrongField } from '../app-settings.ts'
import { name, tokenValidity } from '../fields.ts'

const MOST_SCOPES = 200

export const scopes = z
  .array(z.string().regex(SCOPE_FORM, 'resource:action, in small letters'))
  .max(MOST_SCOPES, `at most ${MOST_SCOPES}`)
  .transform((all) => [...new Set(all)])

/** What isn't there stays; a scope that is named in neither stays what it is. */
export const changes = z
  .strictObject({
    name,
    token_validity: tokenValidity.nullable(),
    scopes,
    deprecated_scopes: scopes,
  })
  .partial()

type Changes = z.output<typeof changes>

export const changesOf = ({ name, token_validity, scopes, deprecated_scopes }: Changes) => ({
  ...{ name, tokenValidity: token_validity, scopes, deprecatedScopes: deprecated_scopes },
})

/**
 * @param builtIn can't be taken away, nor mean anything else
 * @throws {ApiError} validation_failed
 */
export function refuseWrongScopes(
  { scopes = [], deprecated_scopes: deprecated = [] }: Changes,
  before: Pick<ResourceRow, 'scopes' | 'deprecatedScopes'>,
  builtIn: readonly string[] = [],
): void {
  const had = [...before.scopes, ...before.deprecatedScopes]
  const wrong = (field: string, names: readonly string[], detailOf: (name: string) => string | undefined) =>
    names.flatMap((name, at): WrongField[] => {
      const detail = detailOf(name)
      return detail ? [{ pointer: `/${field}/${at}`, detail }] : []
    })
  const fields = [
    ...wrong('scopes', scopes, (name) => {
      if (builtIn.includes(name)) return 'every tenant has this scope already'
      return deprecated.includes(name) ? 'not in deprecated_scopes as well' : undefined
    }),
    ...wrong('deprecated_scopes', deprecated, (name) => {
      if (builtIn.includes(name)) return 'a built-in scope stays'
      return had.includes(name) ? undefined : 'it has no such scope'
    }),
  ]
  if (new Set([...had, ...scopes]).size > MOST_SCOPES) {
    fields.push({ pointer: '/scopes', detail: `at most ${MOST_SCOPES}, deprecated ones included` })
  }
  if (fields.length) throw new ApiError('validation_failed', { fields })
}
