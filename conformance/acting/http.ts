import type { Mask } from './mask.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of a JSON object, its members; of anything else, none. */
  readonly body: Record<string, unknown>
  readonly isJson: boolean
  /** The URL that was asked. */
  readonly url: string
}

/** A value that is undefined isn't sent, one that is a list is sent as often. */
export type Form = Readonly<Record<string, string | readonly string[] | undefined>>

export interface Request {
  readonly url: string
  readonly method?: 'GET' | 'POST' | 'OPTIONS'
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly form?: Form
}

/** One request, one answer: redirects are not followed, and no cookie is kept. */
export type Send = (request: Request) => Promise<Answer>

const TIMEOUT = 15_000

/** Members and parameters that are credentials, or lead to one. */
const SECRET =
  /^(access_token|refresh_token|id_token|token|code|code_verifier|client_secret|client_assertion|assertion|subject_token|actor_token|password|request_uri|csrf|xsrf)$/

export const createSend =
  (mask: Mask): Send =>
  async ({ url, form, headers = {}, method = form ? 'POST' : 'GET' }) => {
    const parameters = form && encode(form)
    for (const [name, value] of parameters ?? []) if (SECRET.test(name)) mask.remember(value)
    mask.remember(headers.authorization?.replace(/^\S+ /, ''))
    const response = await fetch(url, {
      ...{ method, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) },
      headers: { ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers },
      ...(parameters && { body: parameters.toString() }),
    })
    const text = await response.text()
    const body = objectIn(text)
    for (const [name, value] of Object.entries(body ?? {})) if (SECRET.test(name)) mask.remember(value)
    rememberLocation(response.headers.get('location'), url, mask)
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: body ?? {},
      isJson: body !== undefined,
      url,
    }
  }

export function encode(form: Form): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) {
    for (const each of typeof value === 'string' ? [value] : (value ?? [])) parameters.append(name, each)
  }
  return parameters
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function rememberLocation(location: string | null, base: string, mask: Mask): void {
  if (!location || !URL.canParse(location, base)) return
  const { searchParams, hash } = new URL(location, base)
  for (const [name, value] of [...searchParams, ...new URLSearchParams(hash.slice(1))]) {
    if (SECRET.test(name)) mask.remember(value)
  }
}
