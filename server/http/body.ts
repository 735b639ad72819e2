import type { IncomingMessage } from 'node:http'
import type { Incoming } from './context.ts'
import { isPlainRequest } from './plain-request.ts'

export type Body =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly failure: 'too_large' | 'encoded' | 'aborted' }

/**
 * The whole body as text, at most `limit` bytes of it. Compressed bodies are refused rather than inflated: no client
 * of ours sends them, and a bomb needs no other door. The server's requestTimeout ends slow ones.
 */
export async function readBody(request: Incoming, limit: number): Promise<Body> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') return discarded(request, 'encoded')
  if (Number(request.headers['content-length']) > limit) return discarded(request, 'too_large')
  return isPlainRequest(request) ? { ok: true, text: request.body } : arriving(request, limit)
}

function arriving(request: IncomingMessage, limit: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= limit) chunks.push(chunk)
      else resolve(discarded(request, 'too_large'))
    })
    request.on('end', () => {
      const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      resolve({ ok: true, text: whole.toString() })
    })
    request.on('error', () => resolve({ ok: false, failure: 'aborted' }))
    request.on('close', () => resolve({ ok: false, failure: 'aborted' }))
  })
}

/** What else arrives is dropped: nothing of it is kept. */
function discarded(request: Incoming, failure: 'too_large' | 'encoded'): Body {
  if (!isPlainRequest(request)) request.removeAllListeners('data').resume()
  return { ok: false, failure }
}
