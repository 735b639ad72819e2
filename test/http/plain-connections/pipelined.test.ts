import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerOf, became, bodiesOf, chunkedPost, converse, post, serve } from './conversation.ts'

describe('pipelined (RFC 9112 §9.3.2)', () => {
  test.each([
    ['two plain ones', [post('/plain/1', 'a'), post('/plain/2', 'b')]],
    ['three plain ones', [post('/plain/1', 'a'), post('/plain/2', 'b'), post('/plain/3', 'c')]],
    ['one that is not plain first', [chunkedPost('/plain/1', 'a'), post('/plain/2', 'b')]],
    ['one that is not plain last', [post('/plain/1', 'a'), post('/plain/2', 'b'), chunkedPost('/plain/3', 'c')]],
  ])('in one piece: %s', async (_, requests) => {
    const { port, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/0'))
    await client.answers(1)
    await client.send(requests.join(''))
    const bodies = bodiesOf(await client.answers(1 + requests.length))
    const expected = requests.map((_request, at) => `/plain/${at + 1} ${'abc'[at]}`)
    expect(bodies.map((body) => body.replace(/^\w+ /, ''))).toEqual(['/plain/0 ', ...expected])
    expect(begun).toHaveLength(1 + requests.length)
    client.socket.destroy()
  })

  test.each([
    ['a plain one', [post('/plain/2', 'b')]],
    ['two plain ones', [post('/plain/2', 'b'), post('/plain/3', 'c')]],
    ['one that is not plain', [chunkedPost('/plain/2', 'b')]],
    ['both', [post('/plain/2', 'b'), chunkedPost('/plain/3', 'c')]],
    ['two in one piece', [post('/plain/2', 'b') + post('/plain/3', 'c')]],
    ['a half of one, and then the other', [post('/plain/2', 'b').slice(0, 30), post('/plain/2', 'b').slice(30)]],
    ['single bytes', [...post('/plain/2', 'b')]],
  ])('sent while the first is being answered: %s', async (_, pieces) => {
    const { port, begun, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held', 'a'))
    await became(() => held.length === 1)
    for (const piece of pieces) await client.send(piece)
    // Not before the first is answered, in whose stead it could be.
    expect(begun).toEqual(['plain /held'])
    held[0]?.answer(answerOf('first'))
    const count = pieces.join('').split('POST').length - 1
    const bodies = bodiesOf(await client.answers(1 + count))
    expect(bodies).toEqual(['first', 'node /plain/2 b', 'node /plain/3 c'].slice(0, 1 + count))
    expect(begun).toHaveLength(1 + count)
    client.socket.destroy()
  })

  test('a half that came with the first waits for the other half', async () => {
    const { port, begun } = await serve()
    const client = await converse(port)
    const [first, second] = [post('/plain/1', 'a'), post('/plain/2', 'b')]
    await client.send(first + second.slice(0, 20))
    await client.answers(1)
    await client.send(second.slice(20))
    expect(bodiesOf(await client.answers(2))).toEqual(['node /plain/1 a', 'node /plain/2 b'])
    expect(begun).toHaveLength(2)
    client.socket.destroy()
  })

  test('whatever is sent, in whatever pieces, is answered in its order and once', async () => {
    const { port, begun, held } = await serve()
    const kinds = fc.constantFrom<(at: number) => string>(
      (at) => post(`/plain/${at}`, `a=${at}`),
      (at) => post(`/plain/${at}`),
      (at) => post(`/held/${at}`, `a=${at}`),
      (at) => chunkedPost(`/plain/${at}`, `a=${at}`),
      (at) => `GET /get/${at} HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    const sequences = fc.array(kinds, { minLength: 1, maxLength: 8 })
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(sequences, cuts, fc.boolean(), async (sequence, shares, byRequest) => {
        begun.length = 0
        held.length = 0
        const client = await converse(port)
        const requests = sequence.map((kind, at) => kind(at))
        const all = requests.join('')
        const places = shares.map((share) => Math.floor(share * all.length)).sort((a, b) => a - b)
        const pieces = byRequest
          ? requests
          : [0, ...places].map((from, at) => all.slice(from, places[at] ?? all.length))
        // At any time: now before the next piece has come, now after it.
        const answering = setInterval(() => {
          for (const { request, answer } of held.splice(0)) answer(answerOf(`plain ${request.target}`))
        }, 1)
        for (const piece of pieces) await client.send(piece)
        const targets = sequence.map((kind, at) => kind(at).split(' ')[1])
        const told = await client.answers(sequence.length)
        clearInterval(answering)
        expect(told.map(({ body }) => body.split(' ')[1])).toEqual(targets)
        expect(begun.map((each) => each.split(' ')[1])).toEqual(targets)
        client.socket.destroy()
      }),
      { numRuns: 60 },
    )
  })
})
