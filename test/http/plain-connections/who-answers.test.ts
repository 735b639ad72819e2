import { describe, expect, test } from 'vitest'
import { allOf, bodiesOf, chunkedPost, converse, post, serve, type Told } from './conversation.ts'

describe('who answers', () => {
  test('plain requests in turn on one connection stay plain, and are told that it stays (RFC 9112 §9.3)', async () => {
    const { port, begun } = await serve()
    const client = await converse(port)
    for (let at = 0; at < 5; at++) {
      await client.send(post(`/plain/${at}`, `a=${at}`))
      const told = (await client.answers(at + 1))[at] as Told
      expect(told).toMatchObject({ status: 200, body: `plain /plain/${at} a=${at}` })
      expect(told.fields.get('connection')).toBe('keep-alive')
      expect(told.fields.get('keep-alive')).toBe('timeout=65')
      expect(told.fields.get('x-fixed')).toBe('yes')
    }
    expect(begun).toHaveLength(5)
    client.socket.destroy()
  })

  test('Keep-Alive is in whole seconds, as Node writes it', async () => {
    const { port } = await serve({ limits: { keepAliveTimeout: 1_500 } })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/node'))
    const told = await client.answers(2)
    expect(told.map(({ fields }) => fields.get('keep-alive'))).toEqual(['timeout=1', 'timeout=1'])
    client.socket.destroy()
  })

  test('Connection: close is answered with close, and the connection ends (RFC 9112 §9.6)', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/1'))
    await client.answers(1)
    await client.send(post('/plain/2', '', 'Connection: close\r\n'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain/1 ', 'plain /plain/2 '])
    expect(told[1]?.fields.get('connection')).toBe('close')
    expect(told[1]?.fields.has('keep-alive')).toBe(false)
    expect(rest).toBe('')
    await client.closed
  })

  test('what is not plain is Node’s, and so is all after it on that connection', async () => {
    const { port } = await serve()
    const client = await converse(port)
    const requests: [string, string][] = [
      [post('/plain/1', 'a'), 'plain /plain/1 a'],
      [post('/plain/2', 'b'), 'plain /plain/2 b'],
      [chunkedPost('/plain/3', 'c'), 'node /plain/3 c'],
      [post('/plain/4', 'd'), 'node /plain/4 d'],
      ['GET /plain/5 HTTP/1.1\r\nHost: x\r\n\r\n', 'node /plain/5 '],
      [post('/plain/6', 'e', 'A: b\r\nA: c\r\n'), 'node /plain/6 e'],
    ]
    const expected: string[] = []
    for (const [request, body] of requests) {
      await client.send(request)
      expected.push(body)
      expect(bodiesOf(await client.answers(expected.length))).toEqual(expected)
    }
    client.socket.destroy()
  })

  test('what is plain and nobody’s is Node’s', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/other', 'a=b'))
    await client.send(post('/plain', 'a=b'))
    expect(bodiesOf(await client.answers(2))).toEqual(['node /other a=b', 'node /plain a=b'])
    client.socket.destroy()
  })

  test('so is a body that is no US-ASCII', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain', 'Zo\xc3\xab'))
    expect(bodiesOf(await client.answers(1))).toEqual(['node /plain Zo\xc3\xab'])
    client.socket.destroy()
  })

  test('what is no HTTP, after what was plain, is refused', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send('no HTTP\r\n\r\n')
    const { told } = await allOf(client)
    expect(told.map(({ status }) => status)).toEqual([200, 400])
  })

  test('one connection’s being Node’s is no other’s', async () => {
    const { port } = await serve()
    const [one, other] = await Promise.all([converse(port), converse(port)])
    await one.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await one.answers(1)
    await other.send(post('/plain'))
    expect(bodiesOf(await other.answers(1))).toEqual(['plain /plain '])
    for (const { socket } of [one, other]) socket.destroy()
  })
})
