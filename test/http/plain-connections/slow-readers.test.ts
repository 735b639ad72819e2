import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { answerOf, became, bodiesOf, converse, post, serve } from './conversation.ts'

describe('a client that does not read its answers', () => {
  test('is not listened to until it does, and then gets all of them', async () => {
    const length = 200_000
    const { port, begun } = await serve({ text: 'x'.repeat(length) })
    const client = await converse(port)
    client.socket.pause()
    let sent = 0
    // What the kernels of both sides hold is some megabytes.
    while (!client.peer.isPaused() && sent < 1_000) {
      await client.send(post(`/plain/${sent++}`))
      await became(() => begun.length === sent)
      for (let turns = 0; turns < 5 && client.peer.writableNeedDrain; turns++) await turn()
    }
    expect(sent).toBeLessThan(1_000)
    for (let more = 0; more < 50; more++) client.socket.write(post(`/plain/${sent++}`))
    const before = begun.length
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(begun.length).toBe(before)
    expect(client.peer.writableLength).toBeLessThan(2 * length)
    client.socket.resume()
    await became(() => begun.length === sent)
    const answered = (await client.answers(before + 1)).slice(0, before)
    expect(new Set(bodiesOf(answered))).toEqual(new Set(['x'.repeat(length)]))
    client.socket.destroy()
  })

  test('nor is one that asks on and on while it is being answered: the rest waits where it is', async () => {
    const { port, begun, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const [times, request] = [600, post('/plain', 'x'.repeat(5_000))]
    client.socket.write(request.repeat(times))
    await became(() => client.peer.isPaused())
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(client.peer.bytesRead).toBeLessThan((request.length * times) / 4)
    expect(begun).toEqual(['plain /held'])
    held[0]?.answer(answerOf('first'))
    await became(() => begun.length === 1 + times)
    client.socket.destroy()
  })

  test('is let go after keepAliveTimeout', async () => {
    const { port } = await serve({ text: 'x'.repeat(20_000_000), limits: { keepAliveTimeout: 100 } })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.destroyed)
    client.socket.destroy()
  })
})
