import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MasterKeys } from '../../credentials/master-key.ts'
import type { Settings } from '../../settings.ts'
import { openEmbeddedDatabase } from '../../storage/embedded.ts'
import { DirectoryInUse } from '../../storage/embedded-lock.ts'
import { overPglite, withClient } from '../../storage/open.ts'
import { ask } from './ask.ts'
import { judgeDatabase, readDatabase } from './database.ts'
import { type Finding, fail, ok, reasonOf } from './finding.ts'
import { placeOf } from './issuers.ts'
import { judgeKeyUse } from './master-key.ts'

/** @param masterKeys are compared with what is stored, if there are any */
export async function checkDatabase(settings: Settings, masterKeys: MasterKeys | undefined): Promise<Finding[]> {
  const examine = async (connection: Parameters<typeof readDatabase>[0]) => {
    const facts = await readDatabase(connection)
    return [...judgeDatabase(facts), ...(masterKeys && facts.keyUse ? judgeKeyUse(masterKeys, facts.keyUse) : [])]
  }
  const { databaseUrl } = settings
  if (!databaseUrl) return checkEmbedded(settings, examine)
  try {
    return await withClient(databaseUrl, examine, { query_timeout: 5_000 })
  } catch (error) {
    const advice = 'check DATABASE_URL, the network between, and that this user may connect'
    return [fail('database', reasonOf(error).replace(/^DATABASE_URL: /, ''), advice)]
  }
}

type Examine = (connection: Parameters<typeof readDatabase>[0]) => Promise<Finding[]>

/** Only one process can have it open: while a server does, that one is asked. */
async function checkEmbedded(settings: Settings, examine: Examine): Promise<Finding[]> {
  const { dataDir } = settings
  const there = await stat(join(dataDir, 'pgdata')).catch(() => undefined)
  if (!there) return [ok('database', 'none yet: the first start makes it')]
  try {
    const { pglite, release } = await openEmbeddedDatabase(dataDir, { patience: 0 })
    try {
      return await examine(overPglite(pglite))
    } finally {
      await pglite.close()
      await release()
    }
  } catch (error) {
    if (error instanceof DirectoryInUse) return [await askServer(settings)]
    return [fail('database', `it can't be opened (${reasonOf(error)})`, `restore ${dataDir} from a backup`)]
  }
}

async function askServer(settings: Settings): Promise<Finding> {
  const reply = await ask(placeOf(settings, settings.liveUrl), settings.liveUrl.host, '/readyz')
  if (reply?.status === 200) return ok('database', 'a running server has it open, and says that it answers (/readyz)')
  const seen = 'another process has it open, and no server here says that it answers (/readyz)'
  return fail('database', seen, 'wait for it to start or to stop; else find and stop that process')
}
