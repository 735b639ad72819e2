import type { RequestContext } from '../../http/context.ts'
import type { Form } from '../../http/form.ts'
import type { MadeToken } from '../pages/account/personal-access-tokens.ts'
import { SIGN_IN_AGAIN } from './paths.ts'
import type { AtAccount } from './signed-in.ts'

/** What became of it: where to go, or what to say on the page. */
export type Done = { readonly location: string } | { readonly error: string } | { readonly madeToken: MadeToken }
export type Action = (ctx: RequestContext, account: AtAccount, form: Form) => Promise<Done>

/** Only for who signed in a moment ago. */
export const recently =
  (action: Action): Action =>
  async (ctx, account, form) =>
    account.isRecent ? action(ctx, account, form) : { location: SIGN_IN_AGAIN }

export function nameOf({ name }: Form, longest: number): string | undefined {
  const trimmed = name?.trim()
  return trimmed && trimmed.length <= longest && /^\P{Cc}+$/u.test(trimmed) ? trimmed : undefined
}
