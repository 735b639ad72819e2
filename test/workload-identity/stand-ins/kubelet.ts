import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { TokenFor } from './token-for.ts'

/** Writes tokens of a service account where its pod reads them. They are gone with the test. */
export async function startKubelet(tokenFor: TokenFor) {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return {
    /** The file of a projected volume with a token for this audience. */
    async project(name: string, audience: string): Promise<string> {
      const path = join(directory, name)
      await writeFile(path, await tokenFor(audience))
      return path
    },
  }
}
