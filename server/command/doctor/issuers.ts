import type { Mode } from '../../mode/mode.ts'
import { isLoopback, type Settings } from '../../settings.ts'
import { hostsOf, portOf } from '../addresses.ts'
import { ask, issuerIn, METADATA, type Place, type Reply } from './ask.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

type IssuerSettings = Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'port' | 'host'>

/** Whether the server that runs on this machine answers for both issuers, and whether their URLs lead to it. */
export async function checkIssuers(settings: IssuerSettings): Promise<Finding[]> {
  const { liveUrl, sandboxUrl } = settings
  const each = async (mode: Mode, url: URL) => [
    await checkHere(mode, url, placeOf(settings, url)),
    ...(isLoopback(url) ? [] : [await checkPublicly(mode, url)]),
  ]
  return (await Promise.all([each('live', liveUrl), each('test', sandboxUrl)])).flat()
}

/** Where this machine's server can be asked for `url`. */
export function placeOf(settings: IssuerSettings, url: URL): Place {
  const [host] = hostsOf(settings)
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  return { host: everywhere ? '127.0.0.1' : host, port: settings.port ?? portOf(url) }
}

async function checkHere(mode: Mode, url: URL, place: Place): Promise<Finding> {
  const topic = `${mode} issuer`
  const at = `${place.host}:${place.port}`
  const alive = await ask(place, url.host, '/livez')
  if (!alive) return warn(topic, `${url.origin}: nothing answers at ${at}`, 'start the server: `keycourt start`')
  const metadata = await ask(place, url.host, METADATA)
  if (alive.status === 200 && issuerIn(metadata) === url.origin) {
    return ok(topic, `${url.origin}: the server at ${at} is alive and says so too`)
  }
  return fail(topic, `${url.origin}: ${describe(metadata)} at ${at}`, 'stop it, or start it anew with these settings')
}

async function checkPublicly(mode: Mode, url: URL): Promise<Finding> {
  const topic = `${mode} issuer`
  try {
    const response = await fetch(url.origin + METADATA, { redirect: 'manual', signal: AbortSignal.timeout(5_000) })
    const reply = { status: response.status, text: await response.text() }
    if (issuerIn(reply) === url.origin) return ok(topic, `${url.origin} can be reached from here and leads to Keycourt`)
    const advice =
      reply.status === 421
        ? 'let the proxy pass Host on, or set X-Forwarded-Host with KC_TRUST_PROXY=on'
        : 'let the proxy forward all paths of that host to Keycourt, without redirects'
    return fail(topic, `${url.origin} leads to ${describe(reply)}`, advice)
  } catch (error) {
    const reason = reasonOf((error as Error).cause ?? error)
    return warn(topic, `${url.origin} can't be reached from here (${reason})`, 'check its DNS, certificate and proxy')
  }
}

function describe(reply: Reply | undefined): string {
  if (reply?.status === 421) return 'a Keycourt that does not answer for this host'
  const issuer = issuerIn(reply)
  return issuer
    ? `a server whose issuer is ${issuer}`
    : `something that is no Keycourt (status ${reply?.status ?? 'none'})`
}
