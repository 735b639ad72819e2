import type { RequestContext } from '../../http/context.ts'
import { type Form, readForm } from '../../http/form.ts'
import type { Binding, Csrf } from './csrf.ts'
import type { ErrorAnswers } from './error-answers.ts'

/** Bytes: a passkey's answer is a few thousand. */
const LIMIT = 64 * 1024

/** A form that this browser got from us; undefined: it was something else, and has been answered. */
export type ReadPost = (ctx: RequestContext, binding: Binding) => Promise<Form | undefined>

export const createReadPost =
  (csrf: Csrf, errors: ErrorAnswers): ReadPost =>
  async (ctx, binding) => {
    const form = await readForm(ctx, LIMIT)
    if (!form.ok) {
      errors.badForm(ctx, form.error.status ?? 400, form.error.description)
      return undefined
    }
    // PostgreSQL's text can't hold it, and no browser lets anybody type it.
    if (Object.values(form.value.params).some((value) => value?.includes('\0'))) {
      errors.badForm(ctx, 400, 'a field holds a null character')
      return undefined
    }
    if (csrf.accepts(ctx, binding, form.value.params.csrf)) return form.value.params
    errors.forged(ctx)
    return undefined
  }
