import { describe, expect, test } from 'vitest'
import { bodiesOf, converse, post, serve } from './conversation.ts'

describe('a request in pieces', () => {
  const request = post('/plain', 'a=b')
  test.each([
    ['two, cut in the request line', [4]],
    ['two, cut between CR and LF', [request.indexOf('\r') + 1]],
    ['two, cut before the body', [request.indexOf('a=b')]],
    ['two, cut in the body', [request.indexOf('a=b') + 1]],
    ['three', [10, 40]],
    ['single bytes', Array.from({ length: request.length - 1 }, (_, at) => at + 1)],
  ])('%s', async (_, cuts) => {
    const { port, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/before'))
    await client.answers(1)
    for (const [at, from] of [0, ...cuts].entries()) await client.send(request.slice(from, cuts[at]))
    expect(bodiesOf(await client.answers(2))).toEqual(['plain /plain/before ', 'node /plain a=b'])
    expect(begun).toHaveLength(2)
    client.socket.destroy()
  })
})
