import type { IncomingMessage } from 'node:http'
import { type FetchRefused, refused } from './fetched.ts'

/** RFC 8259 §8.1: UTF-8 without a byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** RFC 6839 §3.1: JSON by its own name or by suffix. */
const JSON_TYPE = /^application\/(json|[\w!#$&^.+-]+\+json)\s*(;|$)/i

/** The JSON of a response, of which no more than `limit` bytes are ever kept. Rejects if the connection ends early. */
export async function boundedJson(
  response: IncomingMessage,
  limit: number,
): Promise<{ ok: true; value: unknown } | FetchRefused> {
  const { headers } = response
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return refused('bad_type')
  // A bomb is small until it is inflated, so nothing is.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return refused('encoded')
  if (Number(headers['content-length']) > limit) return refused('too_large')
  const bytes = await boundedBytes(response, limit)
  return bytes ? parsed(bytes) : refused('too_large')
}

async function boundedBytes(response: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parsed(bytes: Buffer): { ok: true; value: unknown } | FetchRefused {
  try {
    return { ok: true, value: JSON.parse(utf8.decode(bytes)) }
  } catch {
    return refused('malformed')
  }
}
