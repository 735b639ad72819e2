import { describe, expect, test } from 'vitest'
import { connect } from '../raw.ts'
import { allOf, answerOf, became, bodiesOf, converse, PATIENCE, post, serve } from './conversation.ts'

describe('draining', () => {
  test('lets idle connections go at once: before a request, after one, and after one of Node’s', async () => {
    const { port, listening } = await serve()
    const clients = await Promise.all([converse(port), converse(port), converse(port)])
    await clients[1].send(post('/plain'))
    await clients[1].answers(1)
    await clients[2].send(post('/node'))
    await clients[2].answers(1)
    await listening.close(PATIENCE)
    await Promise.all(clients.map(({ closed }) => closed))
    await expect(connect(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('answers the request in flight, and says that it is the last (RFC 9112 §9.6)', async () => {
    const { port, listening, held } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const closing = listening.close(PATIENCE)
    held[0]?.answer(answerOf('late'))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'late'])
    expect(told[1]?.fields.get('connection')).toBe('close')
  })

  test('also if another one waits behind it, which is not begun', async () => {
    const { port, listening, held, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await client.send(post('/plain'))
    const closing = listening.close(PATIENCE)
    held[0]?.answer(answerOf('late'))
    await closing
    const { told } = await allOf(client)
    expect(told[0]?.body).toBe('late')
    if (told[0]?.fields.get('connection') === 'close') expect(begun).toEqual(['plain /held'])
    else expect(told).toHaveLength(2)
  })

  test('does not cut off an answer that is still on its way', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.writableLength > 0)
    const closing = listening.close(PATIENCE)
    client.socket.resume()
    await closing
    const { told } = await allOf(client)
    expect(told[0]?.body).toHaveLength(20_000_000)
  })

  test('does not wait longer than it is told to', async () => {
    const { port, listening, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await listening.close(0)
    await client.closed
    expect(await client.answered).toBe('')
    held[0]?.answer(answerOf('too late'))
  })

  test('does not wait longer for one with a reader that never reads', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain', '', 'Connection: close\r\n'))
    await became(() => client.peer.writableLength > 0)
    await listening.close(0)
    expect(client.peer.destroyed).toBe(true)
    client.socket.destroy()
  })

  test('a request that becomes whole on a connection of Node’s is answered, and told that it is the last', async () => {
    const { port, listening, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    const request = post('/node', 'a=b')
    await client.send(request.slice(0, 20))
    const closing = listening.close(PATIENCE)
    await client.send(request.slice(20))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'node /node a=b'])
    expect(told[1]?.fields.get('connection')).toBe('close')
    expect(begun).toEqual(['plain /plain', 'node /node'])
  })

  test('so is one whose body comes then', async () => {
    const { port, listening, begun } = await serve()
    const client = await converse(port)
    const request = post('/node', 'a=b')
    await client.send(request.slice(0, -1))
    await became(() => begun.length === 1)
    const closing = listening.close(PATIENCE)
    await client.send(request.slice(-1))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['node /node a=b'])
    expect(told[0]?.fields.get('connection')).toBe('close')
  })
})
