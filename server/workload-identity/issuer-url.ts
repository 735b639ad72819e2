import { isIP } from 'node:net'
import type { Allowance } from '../outbound/allowance.ts'
import type { Platform } from './model.ts'
import { formOfIssuer, platformOfHost, presetOf } from './presets/index.ts'

export interface IssuerRules {
  /** What the operator lets fetches reach although it is private or plain http. */
  readonly allowance: Allowance
  /** Of both modes: what we mint ourselves is nobody's platform token. */
  readonly ownIssuers: readonly string[]
}

const LONGEST = 255

/** Printable ASCII: what is compared to the letter must look like what it is. */
const ASCII = /^[\x21-\x7e]+$/

/** RFC 8414 §2: what is wrong with an issuer of a platform, if anything. Nothing is fetched. */
export function wrongIssuer(text: string, platform: Platform, rules: IssuerRules): string | undefined {
  const wrong = text.includes('?') ? 'no query' : wrongUrl(text, rules.allowance)
  if (wrong) return wrong
  const url = new URL(text)
  if (rules.ownIssuers.some((own) => new URL(own).origin === url.origin)) return 'an issuer other than this server'
  const owner = platformOfHost(url.hostname)
  if (owner !== undefined && owner !== platform) return `issuers of this host are of the platform ${owner}`
  const preset = presetOf(platform)
  if (formOfIssuer(preset, text) || isOperators(url, rules.allowance)) return undefined
  return `${preset.title} has issuers like ${preset.issuers.map(({ form }) => form).join(' or ')}`
}

/** What kubeadm calls the issuer of any cluster: who asks it for keys gets those of whichever cluster they are in. */
export const isOfEveryCluster = (issuer: string): boolean =>
  /^https:\/\/kubernetes\.default(?:\.svc)?(?:\.|$|\/)/.test(issuer)

/** For issuers and the addresses of their keys. */
export function wrongUrl(text: string, allowance: Allowance): string | undefined {
  if (text.length > LONGEST) return `at most ${LONGEST} characters`
  const url = ASCII.test(text) ? URL.parse(text) : null
  if (!url || !isLiteral(text, url)) return 'a URL in its plain form, such as https://issuer.example/path'
  if (url.username || url.password || text.includes('#')) return 'no user and no fragment'
  if (isOperators(url, allowance)) return undefined
  if (url.protocol !== 'https:') return 'https'
  return isIP(url.hostname.replace(/^\[|\]$/g, '')) ? 'a name, not an address' : undefined
}

/** As parsing would write it, so that nobody reads another host or path than is meant: no `..`, no upper-case host. */
const isLiteral = (text: string, { href }: URL): boolean =>
  (href === text || href === `${text}/`) && !text.replace('://', '').includes('//')

/** Where the operator says that fetches may go. A name that they gave by its address is known only when it is resolved. */
function isOperators(url: URL, { names, holds, holdsAny }: Allowance): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return names(url) || holds(host) || (url.protocol === 'http:' && holdsAny && !isIP(host))
}
