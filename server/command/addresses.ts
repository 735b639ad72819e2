import { isLoopback, type Settings } from '../settings.ts'

export interface Address {
  readonly port: number
  /** Undefined: all addresses of the machine. */
  readonly host: string | undefined
}

type ListenSettings = Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'port' | 'host'>

/** Where the server listens. Both modes may share a port: the host of a request chooses between them in any case. */
export function addressesOf(settings: ListenSettings): Address[] {
  const { liveUrl, sandboxUrl, port } = settings
  const ports = new Set(port ? [port] : [portOf(liveUrl), portOf(sandboxUrl)])
  return [...ports].flatMap((each) => hostsOf(settings).map((host) => ({ port: each, host })))
}

export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)

/** `localhost` is two addresses, and clients differ in which they try. */
export function hostsOf({ host, liveUrl, sandboxUrl }: Omit<ListenSettings, 'port'>): readonly (string | undefined)[] {
  if (host === 'localhost') return LOOPBACK
  if (host) return [host]
  return isLoopback(liveUrl) && isLoopback(sandboxUrl) ? LOOPBACK : [undefined]
}

const LOOPBACK = ['127.0.0.1', '::1'] as const

/** A machine without IPv6 has no ::1; the other loopback address is enough. */
export const isMissingLoopback = (host: string | undefined, code: string | undefined): boolean =>
  host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')
