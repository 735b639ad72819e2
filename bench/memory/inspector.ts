import { once } from 'node:events'

/** What a process of ours holds, asked of it from outside. */
export interface Inspector {
  /** Bytes that JavaScript holds after a full collection. */
  heap(): Promise<number>
  close(): void
}

/** For Node's arguments. It tells its address over HTTP alone, and nothing to the terminal. */
export const inspectable = (port: number): string[] => [`--inspect=127.0.0.1:${port}`, '--inspect-publish-uid=http']

export async function openInspector(port: number): Promise<Inspector> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()
  const [{ webSocketDebuggerUrl }] = targets as [{ webSocketDebuggerUrl: string }]
  const socket = new WebSocket(webSocketDebuggerUrl)
  await once(socket, 'open')
  let last = 0
  const call = async (method: string) => {
    const id = ++last
    const answered = new Promise<Record<string, number>>((resolve) => {
      const look = ({ data }: MessageEvent) => {
        const answer = JSON.parse(String(data))
        if (answer.id !== id) return
        socket.removeEventListener('message', look)
        resolve(answer.result)
      }
      socket.addEventListener('message', look)
    })
    socket.send(JSON.stringify({ id, method }))
    return answered
  }
  return {
    async heap() {
      // Twice: what the first finds dead may have held other things until then.
      await call('HeapProfiler.collectGarbage')
      await call('HeapProfiler.collectGarbage')
      const { usedSize = Number.NaN } = await call('Runtime.getHeapUsage')
      return usedSize
    },
    close: () => socket.close(),
  }
}
