import { clockJumpsOnCluster, clockJumpsOnPostgres } from './clock-jumps.ts'
import type { Fault } from './fault.ts'
import { fullDisk } from './full-disk.ts'
import { killOneOfTwoOnCluster, killOneOfTwoOnPostgres } from './kill-one-of-two.ts'
import { killTheOnlyOne } from './kill-the-only-one.ts'
import { postgresAwayOnCluster, postgresAwayOnPostgres } from './postgres-away.ts'
import { redisAway } from './redis-away.ts'

import { redisClusterFailOver } from './redis-cluster-fail-over.ts'
import { sentinelFailOver } from './sentinel-fail-over.ts'

/** In the order in which they are run. */
export const FAULTS: readonly Fault[] = [
  killOneOfTwoOnCluster,
  killOneOfTwoOnPostgres,
  killTheOnlyOne,
  fullDisk,
  redisAway,
  postgresAwayOnCluster,
  postgresAwayOnPostgres,
  sentinelFailOver,
  redisClusterFailOver,
  clockJumpsOnCluster,
  clockJumpsOnPostgres,
]
