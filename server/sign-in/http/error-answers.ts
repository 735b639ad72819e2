import type { RequestContext } from '../../http/context.ts'
import type { Mode } from '../../mode/mode.ts'
import { errorPage } from '../pages/error.ts'
import { answerPage } from './answer.ts'

interface PageError {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly message: string
}

/** What a person can do about it, where they can. */
const ERRORS = {
  over: {
    ...{ status: 404, code: 'interaction_not_found', title: 'This request is over' },
    message:
      'It was answered already, took too long, or belongs to another browser. Go back to the app and start again.',
  },
  linkOver: {
    ...{ status: 404, code: 'invitation_not_found', title: 'This link is over' },
    message: 'It was used already, took too long, or was replaced by another. Ask whoever sent it for a new one.',
  },
  forged: {
    ...{ status: 403, code: 'csrf', title: 'That didn’t come from our page' },
    message: 'Nothing was changed. Go back, reload the page and try again; cookies must be allowed for this address.',
  },
  notFound: {
    ...{ status: 404, code: 'not_found', title: 'There is no such page' },
    message: 'Check the address, or go back to where you came from.',
  },
} as const satisfies Record<string, PageError>

export type ErrorAnswers = ReturnType<typeof createErrorAnswers>

export function createErrorAnswers(mode: Mode) {
  const answer = (ctx: RequestContext, { status, ...error }: PageError): void => {
    ctx.state.refusal ??= error.code
    answerPage(ctx, errorPage({ ...error, mode, requestId: ctx.state.requestId }), { status })
  }
  return {
    over: (ctx: RequestContext) => answer(ctx, ERRORS.over),
    linkOver: (ctx: RequestContext) => answer(ctx, ERRORS.linkOver),
    forged: (ctx: RequestContext) => answer(ctx, ERRORS.forged),
    notFound: (ctx: RequestContext) => answer(ctx, ERRORS.notFound),

    wrongMethod(ctx: RequestContext, allowed: readonly string[]) {
      ctx.set('Allow', allowed.join(', '))
      const message = 'This address is a step of a form. Go back to the page before.'
      answer(ctx, { status: 405, code: 'method_not_allowed', title: 'That’s not a page', message })
    },

    badForm: (ctx: RequestContext, status: number, description: string) =>
      answer(ctx, {
        status,
        code: 'invalid_request',
        title: 'That form can’t be read',
        message: `${sentence(description)}.`,
      }),

    /** What oidc-provider can't tell the app, because it isn't sure that there is one. Its status is set. */
    ofProvider(ctx: RequestContext, code: string, description: string | undefined) {
      const { status } = ctx
      const ours = status >= 500
      const title = ours ? 'Something went wrong on our side' : 'This request can’t be answered'
      const advice = ours
        ? 'Try again in a moment.'
        : 'Go back to the app and start again; if it happens again, tell whoever made it.'
      const what = description && !ours ? `${sentence(description)}. ` : ''
      answer(ctx, { status, code, title, message: what + advice })
    },
  }
}

/** Descriptions are the library's: lower case, and never longer than a few lines. */
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1, 300).replace(/\.$/, '')
