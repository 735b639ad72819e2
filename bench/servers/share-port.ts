import cluster from 'node:cluster'

/** Runs `serve` in this process, or in `count` that share its port. */
export async function sharePort(count: number, serve: () => Promise<void>): Promise<void> {
  process.once('disconnect', () => process.exit())
  if (count === 1) {
    await serve()
    process.stdout.write('listening\n')
  } else if (cluster.isPrimary) {
    let listening = 0
    cluster.on('listening', () => {
      listening += 1
      if (listening === count) process.stdout.write('listening\n')
    })
    process.once('SIGTERM', () => process.exit())
    for (let each = 0; each < count; each++) cluster.fork()
  } else await serve()
}
