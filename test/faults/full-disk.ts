import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'
import { underLoad } from './under-load.ts'

const run = promisify(execFile)

/** A file system of its own in memory, of so many megabytes. @throws {Error} where this process may not mount. */
async function mount(megabytes: number) {
  const path = await mkdtemp(join(tmpdir(), 'keycourt-disk-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', path])
  } catch (error) {
    await rm(path, { recursive: true })
    throw error
  }
  return {
    path,
    async remove() {
      await run('umount', ['-l', path])
      await rm(path, { recursive: true })
    },
  }
}

/** Takes all the room that is left. Gives it back at the end. */
async function fill(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'filler')
  const file = await open(path, 'w')
  for (const size of [1 << 20, 1 << 12]) {
    const chunk = Buffer.alloc(size)
    for (let full = false; !full; )
      full = await file.write(chunk).then(({ bytesWritten }) => bytesWritten < size, isFull)
  }
  await file.close()
  return () => rm(path)
}

const isFull = (error: NodeJS.ErrnoException): true => {
  if (error.code === 'ENOSPC') return true
  throw error
}

/** The disk of the embedded database is full for a while. */
export const fullDisk: Fault = {
  name: 'full disk',
  deployment: 'embedded',
  cannot: () =>
    mount(1).then(
      async (disk) => void (await disk.remove()),
      () => 'this process may not mount a file system of its own (root may, outside of most containers)',
    ),
  async run(scale = FULL) {
    const disk = await mount(256)
    const place = await startPlace({ KC_DATA_DIR: join(disk.path, 'data') }, [{}])
    try {
      return await underLoad(place, scale, {
        name: 'no room left',
        async act(load) {
          const empty = await fill(disk.path)
          // What is half empty is written on for a while.
          await load.failures(Math.min(scale.requests, 200))
          await empty()
        },
      })
    } finally {
      await place.end()
      await disk.remove()
    }
  },
}
