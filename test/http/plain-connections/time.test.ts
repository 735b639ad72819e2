import { describe, expect, test } from 'vitest'
import { statusOf } from '../raw.ts'
import { allOf, answerOf, became, bodiesOf, converse, post, serve } from './conversation.ts'

describe('time', () => {
  const LIMITS = { headersTimeout: 150, requestTimeout: 300, keepAliveTimeout: 100, connectionsCheckingInterval: 20 }

  test('who never sends anything is told so after headersTimeout, or let go', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    expect([408, Number.NaN]).toContain(statusOf(await client.answered))
    await client.closed
    await became(() => client.peer.destroyed)
  })

  test('who was told so has nothing begun any more', async () => {
    const { port, begun } = await serve({ limits: LIMITS })
    const client = await converse(port, { halfOpen: true })
    await client.answered
    await client.send(post('/plain'))
    await became(() => client.peer.destroyed)
    expect(begun).toEqual([])
    client.socket.destroy()
  })

  test('who was answered and asks nothing more is let go after keepAliveTimeout, without a word', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    for (const count of [1, 2]) {
      await client.send(post('/plain'))
      await client.answers(count)
    }
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'plain /plain '])
    expect(rest).toBe('')
    await became(() => client.peer.destroyed)
  })

  test('who waits for an answer is not, and is afterwards', async () => {
    const { port, held } = await serve({ limits: LIMITS })
    const client = await converse(port)
    for (const count of [1, 2]) {
      const idle = new Promise((resolve) => client.peer.once('timeout', resolve))
      await client.send(post('/held'))
      await idle
      held[count - 1]?.answer(answerOf(`answer ${count}`))
      await client.answers(count)
    }
    expect(bodiesOf((await allOf(client)).told)).toEqual(['answer 1', 'answer 2'])
    await became(() => client.peer.destroyed)
  })

  test('Node’s limits hold for what was handed over: half a request', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/plain', 'a=b').slice(0, -1))
    const { told } = await allOf(client)
    expect(told.map(({ status }) => status)).toEqual([200, 408])
  })

  test('and an idle connection', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/node'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'node /node '])
    expect(rest).toBe('')
  })
})
