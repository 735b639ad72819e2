import type { Answer, Send } from './acting/http.ts'

/** RFC 8414 §2. */
export type Metadata = Readonly<Record<string, unknown>>

export interface Discovered {
  readonly oauth: Answer
  readonly openid: Answer
  readonly metadata: Metadata
}

/** RFC 8414 §3: between the host and the path of the issuer. */
export const wellKnown = (identifier: string, name: string): string => {
  const { origin, pathname, search } = new URL(identifier)
  return `${origin}/.well-known/${name}${pathname === '/' ? '' : pathname}${search}`
}

/** OpenID Connect Discovery 1.0 §4: behind it. */
const openidConfiguration = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

export const isDocument = ({ status, isJson }: Answer): boolean => status === 200 && isJson

/** Both documents, and what they say together with the profile. */
export async function discover(send: Send, issuer: string, known: Metadata): Promise<Discovered> {
  const oauth = await send({ url: wellKnown(issuer, 'oauth-authorization-server') })
  const openid = await send({ url: openidConfiguration(issuer) })
  const published = [openid, oauth].filter(isDocument).map(({ body }) => body)
  return { oauth, openid, metadata: Object.assign({}, ...published, known) }
}
