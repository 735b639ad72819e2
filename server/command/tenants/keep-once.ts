import { writeFile } from 'node:fs/promises'

/** For its owner's eyes from the first byte, and over nothing that is there. @throws {Error} a sentence. */
export async function keepOnce(path: string, value: object): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`
  await writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} can't be written (${error.code}); it wants a path where nothing is yet.`)
  })
}
