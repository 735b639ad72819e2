import { get } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Place {
  readonly host: string
  readonly port: number
}

export interface Reply {
  readonly status: number
  readonly text: string
}

const PATIENCE = 3_000

/**
 * Asks a server on this machine for `path` as if it had come to `hostName`, which `fetch` can't. Undefined if nothing
 * that speaks HTTP answers there within 3 s.
 */
export function ask({ host, port }: Place, hostName: string, path: string): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const giveUp = () => resolve(undefined)
    const request = get({ host, port, path, headers: { host: hostName }, signal: AbortSignal.timeout(PATIENCE) })
    request.on('error', giveUp)
    request.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, text: body }), giveUp)
    })
  })
}

export const METADATA = '/.well-known/oauth-authorization-server'

/** The `issuer` of a metadata document, if it is one. */
export function issuerIn(reply: Reply | undefined): string | undefined {
  try {
    const { issuer } = JSON.parse(reply?.text ?? '')
    return typeof issuer === 'string' ? issuer : undefined
  } catch {
    return undefined
  }
}
