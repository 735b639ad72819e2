import type { Handler } from '../../http/context.ts'
import { strongTag } from '../../http/strong-tag.ts'
import { serveDocument } from '../../oauth/endpoints/documents.ts'
import { pagePolicy } from '../../sign-in/pages/content-security-policy.ts'

/** A page that is the same for everybody. @param maxAge seconds that anyone may keep it */
export function servePage(body: string, maxAge: number): Handler {
  const etag = strongTag(body)
  const contentType = 'text/html; charset=utf-8'
  const serve = serveDocument(() => ({ body, contentType, etag, cacheControl: `public, max-age=${maxAge}` }))
  return (ctx) => {
    ctx.set('Content-Security-Policy', pagePolicy())
    return serve(ctx)
  }
}
