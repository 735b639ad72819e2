import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a store on which every answer is late. */
export interface DelayedStore {
  readonly port: number
  /** Milliseconds by which what the store says is held back from now on. */
  delay(milliseconds: number): void
  close(): void
}

export async function delayed(target: URL): Promise<DelayedStore> {
  let wait = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const store = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [client, store],
      [store, client],
    ] as const) {
      sockets.add(one)
      one.setNoDelay()
      one.on('error', () => {}).on('close', () => other.destroy())
    }
    client.on('data', (chunk) => store.write(chunk))
    // In order, though the delay changes under way: a timer for a later time never fires before one for an earlier.
    let due = 0
    store.on('data', (chunk) => {
      due = Math.max(due, performance.now() + wait)
      setTimeout(() => client.writable && client.write(chunk), Math.max(0, due - performance.now()))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    delay(milliseconds) {
      wait = milliseconds
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
