// A process of its own for embedded.test.ts, which may have to end it: writes more between two vacuums than the log once held.
import { openEmbeddedDatabase } from '../../server/storage/embedded.ts'

const [, , dataDir = ''] = process.argv
const { pglite, release } = await openEmbeddedDatabase(dataDir)
await pglite.exec('CREATE TABLE heavy (text text)')
for (let round = 0; round < 120; round++) {
  await pglite.exec("INSERT INTO heavy SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
}
await pglite.close()
await release()
