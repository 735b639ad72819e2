import type { Handler } from '../../http/context.ts'
import { strongTag } from '../../http/strong-tag.ts'

/** A public document that changes seldom. */
export interface PublicDocument {
  readonly body: string
  readonly contentType: string
  /** Strong, quotes included. */
  readonly etag: string
  readonly cacheControl: string
}

/** @param maxAge seconds that anyone may keep it */
export function publicDocument(value: unknown, maxAge: number): PublicDocument {
  const body = JSON.stringify(value)
  return { body, contentType: 'application/json', etag: strongTag(body), cacheControl: `public, max-age=${maxAge}` }
}

/** For anyone, from any origin. RFC 9110 §13.1.2: `If-None-Match` with the current tag gets 304. */
export const serveDocument =
  (current: () => PublicDocument): Handler =>
  (ctx) => {
    const { body, contentType, etag, cacheControl } = current()
    ctx.status = 200
    ctx.set('ETag', etag)
    ctx.set('Cache-Control', cacheControl)
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.type = contentType
    ctx.body = body
  }
