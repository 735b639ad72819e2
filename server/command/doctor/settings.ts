import { deploymentOf, readSettings, type Settings, SettingsError } from '../../settings.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** The settings, unless one is wrong; then a finding for each sentence. */
export function checkSettings(environment: Readonly<Record<string, string | undefined>>): {
  settings: Settings | undefined
  findings: Finding[]
} {
  try {
    const settings = readSettings(environment)
    return { settings, findings: [ok('settings', `all valid; deployment: ${deploymentOf(settings)}`)] }
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    const findings = error.message.split('\n').map((sentence) => {
      const [, seen = sentence, wants = ''] = /^(.*?); (.*)\.$/.exec(sentence) ?? []
      return fail('settings', seen, wants)
    })
    return { settings: undefined, findings }
  }
}

type ProxySettings = Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'port' | 'trustProxy'>

/** Keycourt speaks plain HTTP: where an issuer is https, a proxy in front of it ends TLS. */
export function checkProxy({ liveUrl, sandboxUrl, port, trustProxy }: ProxySettings): Finding[] {
  const behindProxy = [liveUrl, sandboxUrl].some(({ protocol }) => protocol === 'https:')
  if (!behindProxy && !trustProxy) return [ok('proxy', 'none: clients are talked to directly')]
  if (!behindProxy) {
    const seen = 'KC_TRUST_PROXY is on, but no issuer is https: a client can claim any address and host'
    return [warn('proxy', seen, 'set KC_TRUST_PROXY=off, unless a proxy that sets X-Forwarded-* is in front')]
  }
  const findings = trustProxy
    ? [ok('proxy', 'X-Forwarded-* is believed: the proxy in front must set it itself, whatever clients send')]
    : [
        warn(
          'proxy',
          'an issuer is https and KC_TRUST_PROXY is off: every request seems to come from the proxy that ends TLS',
          'set KC_TRUST_PROXY=on if it sets X-Forwarded-For, so that rate limits and the audit log know who asks',
        ),
      ]
  if (!port) {
    const seen = 'KC_PORT is not set: plain HTTP would be served on the port of an https URL'
    findings.push(warn('proxy', seen, 'set KC_PORT to the port that the proxy forwards to'))
  }
  return findings
}
