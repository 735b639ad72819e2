import { canonicalNetwork, MOST_NETWORKS } from '../../tenancy/networks.ts'
import { LONGEST_TOKEN_VALIDITY, SHORTEST_TOKEN_VALIDITY } from '../../tenancy/security-tier.ts'
import { type CommandCall, Misuse, print, type Run } from '../command.ts'
import { operate } from './operator.ts'
import { securityInWords } from './words.ts'

/** The operator's own address is no matter here: this works from wherever the stores can be reached. */
export const changeSecurity: Run = async (call) => {
  const wished = {
    requireDpop: read(call, 'require-dpop', ON_OR_OFF),
    allowedNetworks: read(call, 'allowed-networks', NETWORKS),
    maxTokenValidity: read(call, 'max-token-validity', SECONDS),
  }
  if (Object.values(wished).every((value) => value === undefined)) {
    throw new Misuse('say what is to be demanded of the tenant, or no longer')
  }
  const { name, now } = await operate(call, wished)
  print(`${name}: ${securityInWords(now) || 'nothing is demanded of it'}`)
  return 0
}

/** How an option is written. */
interface Form<T> {
  readonly wants: string
  /** Undefined: it isn't. */
  parse(text: string): T | undefined
}

/** Undefined: the option isn't there. @throws {Misuse} */
function read<T>({ options }: CommandCall, option: string, { wants, parse }: Form<T>): T | undefined {
  const text = options[option]
  if (typeof text !== 'string') return undefined
  const value = parse(text)
  if (value === undefined) throw new Misuse(`--${option} is "${text}"; it wants ${wants}`)
  return value
}

const NONE = 'none'

const ON_OR_OFF: Form<boolean> = {
  wants: 'on or off',
  parse: (text) => (text === 'on' || text === 'off' ? text === 'on' : undefined),
}

const NETWORKS: Form<readonly string[]> = {
  wants: `up to ${MOST_NETWORKS} addresses or CIDR blocks, separated by commas, or none`,
  parse(text) {
    if (text === NONE) return []
    const canonical = text.split(',').map((part) => canonicalNetwork(part.trim()))
    const known = [...new Set(canonical.filter((each) => each !== undefined))]
    return canonical.includes(undefined) || known.length > MOST_NETWORKS ? undefined : known
  },
}

const SECONDS: Form<number | null> = {
  wants: `${SHORTEST_TOKEN_VALIDITY} to ${LONGEST_TOKEN_VALIDITY} seconds, or none`,
  parse(text) {
    if (text === NONE) return null
    const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
    return seconds >= SHORTEST_TOKEN_VALIDITY && seconds <= LONGEST_TOKEN_VALIDITY ? seconds : undefined
  },
}
