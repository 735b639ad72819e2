import { startPostgres } from '../services/postgres.ts'
import { createTestRedis } from '../services/spaces.ts'
import { inEveryWay } from './away.ts'
import { type Fault, FULL } from './fault.ts'
import { startPlace } from './place.ts'

const postgresAway = (deployment: string, withRedis: boolean): Fault => ({
  name: 'postgres away',
  deployment,
  async run(scale = FULL) {
    const redis = withRedis && { REDIS_URL: await createTestRedis() }
    return inEveryWay(await startPostgres(), scale, (url) => startPlace({ DATABASE_URL: url, ...redis }))
  },
})

export const postgresAwayOnCluster = postgresAway('cluster', true)
export const postgresAwayOnPostgres = postgresAway('database', false)
