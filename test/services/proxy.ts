import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePorts } from './server-process.ts'

/** A network between a server and its store that a test may cut. */
export interface CutNetwork {
  /** The store's URL, by way of this proxy. */
  readonly url: string
  /** Nothing gets through and nobody is told, as with a firewall that drops. What was sent meanwhile arrives at the end of it. */
  blackhole(): void
  /** Every connection is reset (TCP RST), each new one at once. */
  reset(): void
  /** Every connection ends as if it had been closed; each new one is refused. */
  refuse(): Promise<void>
  /** Everything gets through again, on the same port. */
  pass(): Promise<void>
  remove(): Promise<void>
}

type State = 'passing' | 'blackhole' | 'reset'

/** @param storeUrl of one server on loopback */
export async function startCuttable(storeUrl: string): Promise<CutNetwork> {
  const target = Number(new URL(storeUrl).port)
  const [port] = (await freePorts(1)) as [number]
  const pairs = new Set<readonly [Socket, Socket]>()
  let state: State = 'passing'
  let server: Server | undefined

  function accept(near: Socket): void {
    if (state === 'reset') {
      near.on('error', () => {}).resetAndDestroy()
      return
    }
    const far = connect(target, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('error', () => {})
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
      from.pipe(to)
    }
    if (state === 'blackhole') hold(pair)
  }

  const hold = (pair: readonly [Socket, Socket]) => {
    for (const socket of pair) socket.unpipe().pause()
  }
  const release = ([near, far]: readonly [Socket, Socket]) => {
    near.pipe(far)
    far.pipe(near)
  }

  async function open(): Promise<void> {
    if (server) return
    server = createServer({ noDelay: true }, accept).listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  async function shut(end: (socket: Socket) => void): Promise<void> {
    const closing = server
    server = undefined
    const closed = closing && once(closing, 'close')
    closing?.close()
    for (const pair of [...pairs]) for (const socket of pair) end(socket)
    await closed
  }

  await open()
  return {
    url: Object.assign(new URL(storeUrl), { port: String(port) }).href,
    blackhole() {
      state = 'blackhole'
      for (const pair of pairs) hold(pair)
    },
    reset() {
      state = 'reset'
      for (const [near, far] of [...pairs]) {
        near.resetAndDestroy()
        far.destroy()
      }
    },
    refuse: () => shut((socket) => socket.destroy()),
    async pass() {
      if (state === 'blackhole') for (const pair of pairs) release(pair)
      state = 'passing'
      await open()
    },
    remove: () => shut((socket) => socket.destroy()),
  }
}
