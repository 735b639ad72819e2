import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDataDir } from '../credentials/master-key.ts'
import type { Settings } from '../settings.ts'
import type { Bootstrap } from '../tenancy/bootstrap.ts'
import { print } from './command.ts'

const FILE = 'bootstrap.json'

/** Whole or not at all, and readable by nobody else from the first byte. */
export async function keepBootstrap(dataDir: string, made: Bootstrap): Promise<void> {
  await makeDataDir(dataDir)
  const path = join(dataDir, FILE)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flush: true })
  await chmod(draft, 0o600)
  await rename(draft, path)
}

/** What the first start shows once; later ones print the URLs only. */
export function announce(settings: Settings, made: Bootstrap | undefined): void {
  print('')
  print(`Keycourt is running.  live  ${settings.liveUrl.origin}`)
  print(`                      test  ${settings.sandboxUrl.origin}`)
  if (made) announceBootstrap(settings, made)
  print('')
}

function announceBootstrap(settings: Settings, made: Bootstrap): void {
  const file = join(settings.dataDir, FILE)
  if (settings.databaseUrl) {
    // On a server, standard output ends up in a log.
    print(`\nThe owner's password and the first keys are in ${file} (shown nowhere else). Move them to a safe place.`)
    return
  }
  const { owner, live, test } = made
  print('')
  print(`Owner     ${owner.email}   password ${owner.password}`)
  print(`Live key  ${live.api_key}`)
  print(`Test key  ${test.api_key}`)
  print(`These are shown once; they are also in ${file}.`)
  print('')
  print('Mint a one-hour token:')
  print('')
  print(`  curl ${live.url}/oauth/token -u '${live.client_id}:${live.client_secret}' -d grant_type=client_credentials`)
}
