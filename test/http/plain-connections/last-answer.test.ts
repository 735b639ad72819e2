import { describe, expect, test } from 'vitest'
import { answerOf, became, converse, post, serve } from './conversation.ts'

describe('the last answer of a connection', () => {
  test('is nothing, if nothing sensible can be said', async () => {
    const { port, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    held[0]?.answer(undefined)
    expect(await client.answered).toBe('')
    await client.closed
  })

  test('is nothing, if there was a mistake in making it', async () => {
    const { port, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    held[0]?.answer(Promise.reject(new Error('a mistake')))
    expect(await client.answered).toBe('')
    await client.closed
  })

  test('is nothing, also with another request behind it', async () => {
    const { port, held, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await client.send(post('/plain'))
    held[0]?.answer(undefined)
    expect(await client.answered).toBe('')
    expect(begun).toEqual(['plain /held'])
  })

  test.each([
    ['while it is being answered', true],
    ['after it was', false],
  ])('is that to Connection: close, whatever comes %s (RFC 9112 §9.6)', async (_, isBefore) => {
    const { port, held, begun } = await serve()
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/held', '', 'Connection: close\r\n'))
    await became(() => held.length === 1)
    if (isBefore) await client.send(post('/plain'))
    // More than the kernels hold: the connection is still open when the next request comes.
    held[0]?.answer(answerOf('x'.repeat(20_000_000)))
    await became(() => client.peer.writableLength > 0)
    if (!isBefore) await client.send(post('/plain'))
    client.socket.resume()
    await client.answers(1)
    await client.closed
    expect(begun).toEqual(['plain /held'])
  })
})
