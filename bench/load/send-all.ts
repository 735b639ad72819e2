import { type Answer, openConnection } from './connection.ts'
import type { RawRequest } from './request.ts'

const CONNECTIONS = 32

/** Sends each once, as fast as they are answered. In the order asked. @throws {Error} at the first that is no success. */
export async function sendAll(port: number, requests: readonly RawRequest[]): Promise<Answer[]> {
  const answers: Answer[] = []
  let next = 0
  const worker = async () => {
    const connection = openConnection(port)
    try {
      for (let at = next++; at < requests.length; at = next++) {
        const answer = await connection.send(requests[at] as RawRequest)
        if (answer.status !== 200) throw new Error(`a request to make ready was answered with ${answer.status}`)
        answers[at] = answer
      }
    } finally {
      connection.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONNECTIONS, requests.length) }, worker))
  return answers
}
