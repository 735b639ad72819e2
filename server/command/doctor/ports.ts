import { createServer } from 'node:net'
import type { Settings } from '../../settings.ts'
import { addressesOf, hostsOf, isMissingLoopback } from '../addresses.ts'
import { ask, issuerIn, METADATA } from './ask.ts'
import { type Finding, fail, ok } from './finding.ts'
import { placeOf } from './issuers.ts'

type PortSettings = Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'port' | 'host' | 'metricsPort'>

/** Each port is free, or Keycourt has it already. */
export async function checkPorts(settings: PortSettings): Promise<Finding[]> {
  const addresses = addressesOf(settings)
  const ports = [...new Set(addresses.map(({ port }) => port))]
  const findings = ports.map(async (port) => {
    const hosts = addresses.filter((address) => address.port === port).map(({ host }) => host)
    return judgePort(port, await obstacle(port, hosts), 'KC_PORT or the URLs choose another', () =>
      isOurs(settings, port),
    )
  })
  const { metricsPort } = settings
  if (metricsPort) {
    const [host] = hostsOf(settings)
    const obstacleThere = await obstacle(metricsPort, [host])
    const serves = () => servesMetrics(settings, metricsPort)
    findings.push(judgePort(metricsPort, obstacleThere, 'KC_METRICS_PORT chooses another', serves))
  }
  return Promise.all(findings)
}

async function judgePort(
  port: number,
  code: string | undefined,
  choose: string,
  ours: () => Promise<boolean>,
): Promise<Finding> {
  const topic = `port ${port}`
  if (!code) return ok(topic, 'it is free')
  if (code === 'EACCES') {
    return fail(topic, 'this user may not listen on it', `ports below 1024 need a privilege; ${choose}`)
  }
  if (code !== 'EADDRINUSE') return fail(topic, `it can't be listened on (${code})`, 'check KC_HOST')
  if (await ours()) return ok(topic, 'in use by the Keycourt that runs here')
  return fail(topic, 'in use by another program', `stop that one; ${choose}`)
}

/** The code of the error that a listener meets there; undefined if none. */
async function obstacle(port: number, hosts: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const host of hosts) {
    const code = await tryListening(port, host)
    if (code && !isMissingLoopback(host, code)) return code
  }
  return undefined
}

const tryListening = (port: number, host: string | undefined): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })

async function isOurs(settings: PortSettings, port: number): Promise<boolean> {
  for (const url of [settings.liveUrl, settings.sandboxUrl]) {
    const { host } = placeOf(settings, url)
    const issuer = issuerIn(await ask({ host, port }, url.host, METADATA))
    if (issuer === url.origin) return true
  }
  return false
}

async function servesMetrics(settings: PortSettings, port: number): Promise<boolean> {
  const { host } = placeOf(settings, settings.liveUrl)
  const reply = await ask({ host, port }, `${host}:${port}`, '/metrics')
  return reply?.text.includes('keycourt_') ?? false
}
