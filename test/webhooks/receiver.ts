import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Origin, origin } from '../outbound/origin.ts'

/** What arrived, as the receiver's own code sees it. */
export interface Received {
  readonly headers: Record<string, string>
  readonly body: string
}

export interface Receiver extends Origin {
  readonly url: string
  readonly received: Received[]
  /** Resolves when so many have arrived. */
  arrived(count: number): Promise<void>
}

type Answer = number | ((response: ServerResponse, request: IncomingMessage) => void)

/** A real receiver of webhooks that lives as long as the test. */
export async function receiver(answer: Answer | (() => Answer) = 204): Promise<Receiver> {
  const received: Received[] = []
  const waiting: (() => void)[] = []
  const server = await origin(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push({ headers: request.headers as Record<string, string>, body })
    for (const look of waiting.splice(0)) look()
    const given = typeof answer === 'function' && answer.length === 0 ? (answer as () => Answer)() : (answer as Answer)
    if (typeof given === 'number') response.writeHead(given).end('an answer that nobody keeps')
    else given(response, request)
  })
  const arrived = async (count: number) => {
    while (received.length < count) await new Promise<void>((look) => waiting.push(look))
  }
  return { ...server, url: `http://127.0.0.1:${server.port}/hook?token=receivers`, received, arrived }
}
