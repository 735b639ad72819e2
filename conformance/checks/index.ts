import type { Check } from '../check.ts'
import { oauth21 } from './oauth-2.1.ts'
import { openidCore } from './openid-core.ts'
import { openidDiscovery } from './openid-discovery.ts'
import { rfc6749 } from './rfc6749/index.ts'
import { rfc6750 } from './rfc6750.ts'
import { rfc7009 } from './rfc7009.ts'
import { rfc7517 } from './rfc7517.ts'
import { rfc7523 } from './rfc7523/index.ts'
import { rfc7636 } from './rfc7636.ts'
import { rfc7662 } from './rfc7662.ts'
import { rfc8414 } from './rfc8414.ts'
import { rfc8693 } from './rfc8693.ts'
import { rfc8707 } from './rfc8707.ts'
import { rfc9068 } from './rfc9068.ts'
import { rfc9126 } from './rfc9126.ts'
import { rfc9207 } from './rfc9207.ts'
import { rfc9449 } from './rfc9449/index.ts'
import { rfc9700 } from './rfc9700.ts'
import { rfc9701 } from './rfc9701.ts'
import { rfc9728 } from './rfc9728.ts'

/** By document, in the order of a report. */
export const CHECKS: readonly Check[] = [
  ...oauth21,
  ...rfc6749,
  ...rfc6750,
  ...rfc7009,
  ...rfc7517,
  ...rfc7523,
  ...rfc7636,
  ...rfc7662,
  ...rfc8414,
  ...rfc8693,
  ...rfc8707,
  ...rfc9068,
  ...rfc9126,
  ...rfc9207,
  ...rfc9449,
  ...rfc9700,
  ...rfc9701,
  ...rfc9728,
  ...openidDiscovery,
  ...openidCore,
]
