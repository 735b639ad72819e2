import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { allOf, answerOf, became, bodiesOf, converse, PATIENCE, post, serve } from './conversation.ts'

describe('a client that leaves', () => {
  test('its own side only, with its request: it gets the answer', async () => {
    const { port } = await serve()
    const client = await converse(port, { halfOpen: true })
    client.socket.end(post('/plain', 'a=b'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain a=b'])
    expect(rest).toBe('')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, while it is being answered: it gets the answer, and is told that it is the last', async () => {
    const { port, held } = await serve()
    const client = await converse(port, { halfOpen: true })
    await client.send(post('/held'))
    await became(() => held.length === 1)
    client.socket.end()
    await became(() => client.peer.readableEnded)
    held[0]?.answer(answerOf('late'))
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['late'])
    expect(told[0]?.fields.get('connection')).toBe('close')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, with a second request while the first is being answered: no answer is lost', async () => {
    const { port, held } = await serve()
    const client = await converse(port, { halfOpen: true })
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const second = post('/plain')
    await client.send(second)
    client.socket.end()
    for (let turns = 0; turns < 20; turns++) await turn()
    held[0]?.answer(answerOf('first'))
    const { told } = await allOf(client)
    // Whoever is told that the first is the last knows that the second was not begun (RFC 9112 §9.6).
    if (told[0]?.fields.get('connection') !== 'close') expect(told).toHaveLength(2)
    expect(told[0]?.body).toBe('first')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, when it was answered', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    client.socket.end()
    await client.closed
    await became(() => client.peer.destroyed)
  })

  test('without a word', async () => {
    const { port, listening } = await serve()
    const client = await converse(port)
    client.socket.end()
    await client.closed
    await listening.close(PATIENCE)
    expect(client.peer.destroyed).toBe(true)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['closing', (socket) => void socket.destroy()],
    ['with a reset', (socket) => void socket.resetAndDestroy()],
  ])('altogether, %s, while it is being answered: nothing stays open', async (_, leave) => {
    const { port, held, listening } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    leave(client.socket)
    await became(() => client.peer.destroyed || client.peer.readableEnded)
    // A rejection that nobody handles would fail the run.
    held[0]?.answer(answerOf('x'.repeat(1_000_000)))
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })

  test('with a reset, between two requests', async () => {
    const { port, listening } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    client.socket.resetAndDestroy()
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })

  test('with a reset, in the middle of a large answer', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.writableLength > 0)
    client.socket.resetAndDestroy()
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })
})
