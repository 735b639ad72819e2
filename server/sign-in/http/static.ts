import { strongTag } from '../../http/strong-tag.ts'
import { STATIC_FILES } from '../pages/static-files.ts'
import type { Route } from './routes.ts'

/** Seconds: a new release's pages must not meet an old style for long. */
const MAX_AGE = 300

/** What the pages load. RFC 9110 §13.1.2: `If-None-Match` with the current tag gets 304. */
export const staticRoutes = (): Route[] =>
  [...STATIC_FILES].map(([pattern, { type, body }]) => {
    const etag = strongTag(body)
    return {
      method: 'GET',
      pattern,
      handle(ctx) {
        ctx.status = 200
        ctx.set('ETag', etag)
        ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`)
        if (ctx.fresh) {
          ctx.status = 304
          return
        }
        ctx.type = type
        ctx.body = body
      },
    }
  })
