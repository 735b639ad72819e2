import type { Queue } from './fixed-rate.ts'
import type { RawRequest } from './request.ts'
import type { Script } from './wrk.ts'

/** What the Lua scripts of the same names do. */
export const QUEUES: Record<Script, (requests: readonly RawRequest[]) => Queue> = {
  requests(requests) {
    let at = 0
    return { next: () => requests[at++ % requests.length] as RawRequest }
  },

  refreshes(requests) {
    const waiting = [...requests]
    let at = 0
    const before = new Map(requests.map((each) => [familyOf(tokenOf(each)), each.slice(0, -tokenOf(each).length)]))
    return {
      next: () => waiting[at++] ?? (waiting[0] as RawRequest),
      answered({ body }) {
        const token = /"refresh_token":"([^"]+)"/.exec(body)?.[1]
        const head = token && before.get(familyOf(token))
        if (token && head) waiting.push(head + token)
      },
    }
  },
}

const tokenOf = (request: RawRequest): string => request.slice(request.lastIndexOf('=') + 1)

const familyOf = (token: string): string => token.slice(8, 24)
