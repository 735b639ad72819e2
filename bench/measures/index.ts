import { exchange } from './exchange.ts'
import { introspect, introspectMiss, introspectRevoked } from './introspect.ts'
import { me } from './me.ts'
import type { Measure } from './measure.ts'
import { mint } from './mint.ts'
import { mintDpop } from './mint-dpop.ts'
import { refresh } from './refresh.ts'

/** In the order in which they are measured and shown. */
export const MEASURES: readonly Measure[] = [
  ...[mint, mintDpop, introspect, introspectMiss, introspectRevoked, refresh, exchange, me],
]
