import { Readable } from 'node:stream'
import type { RequestContext } from '../http/context.ts'
import { entityTag, type Records } from './entity-tag.ts'
import type { KeptAnswer } from './idempotency.ts'
import type { Operation } from './operation.ts'

/** As it goes over the wire, and as it is kept for whoever asks again. */
export const answerText = ({ status }: Operation, answer: unknown): string =>
  status === 204 ? '' : JSON.stringify(answer)

/** What anyone is shown is theirs alone: nobody keeps it. A caller that has the state it asks for is told so. */
export function sendAnswer(ctx: RequestContext, operation: Operation, { status, text }: KeptAnswer, records: Records) {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  if (!text) return
  const shown = records.shownBy(operation)
  const etag = shown && entityTag(shown, JSON.parse(text))
  if (etag) ctx.set('ETag', etag)
  // RFC 9110 §13.1.2: for GET alone; whatever changes something is asked for by If-Match. A list is never what it was.
  if (etag && operation.method === 'GET' && ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = 'application/json'
  ctx.body = text
}

/**
 * Line by line, as fast as it is read, of whatever length. The first is waited for, so that what fails at once is
 * answered like any failure; what fails later breaks the answer off, and nobody takes a part for the whole.
 */
export async function sendLines(ctx: RequestContext, mediaType: string, lines: AsyncIterable<string>): Promise<void> {
  const rest = lines[Symbol.asyncIterator]()
  const first = await rest.next()
  ctx.status = 200
  ctx.set('Cache-Control', 'no-store')
  ctx.type = mediaType
  ctx.body = Readable.from(first.done ? [] : following(first.value, rest))
}

async function* following(first: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  yield first
  yield* { [Symbol.asyncIterator]: () => rest }
}

export const isLines = (answer: unknown): answer is AsyncIterable<string> =>
  answer instanceof Object && Symbol.asyncIterator in answer
