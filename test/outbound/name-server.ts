import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

const A = 1
const AAAA = 28

/** Addresses by type, as they are on the wire; no answer at all where it is undefined. */
export interface Zone {
  readonly a?: readonly string[] | undefined
  readonly aaaa?: readonly Buffer[] | undefined
}

/** A DNS server (RFC 1035 §4.1) that knows the same of every name. */
export async function nameServer({ a, aaaa }: Zone): Promise<{ address: string; asked: Promise<unknown> }> {
  const socket = createSocket('udp4')
  const answer = (query: Buffer, { port, address }: RemoteInfo) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5)
    const type = question.readUInt16BE(question.length - 4)
    const known = type === A ? a?.map((text) => Buffer.from(text.split('.').map(Number))) : type === AAAA ? aaaa : []
    if (known) socket.send(replyTo(query.readUInt16BE(), question, type, known), port, address)
  }
  socket.on('message', answer)
  const asked = once(socket, 'message')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function replyTo(id: number, question: Buffer, type: number, known: readonly Buffer[]): Buffer {
  const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]))
  // RFC 1035 §4.1.4: 0xc00c points at the name of the question.
  const records = known.map((data) => Buffer.concat([words(0xc00c, type, 1, 0, 60, data.length), data]))
  return Buffer.concat([words(id, 0x8180, 1, known.length, 0, 0), question, ...records])
}
