import { formFor, formsIn, type HtmlForm } from './html-forms.ts'
import { type Answer, encode, type Request, type Send } from './http.ts'

/** One request of a browser, and what came. */
export interface Step {
  readonly method: 'GET' | 'POST'
  readonly answer: Answer
}

/** Where a visit ended: back at the client, or at a page that nobody can go on from. */
export interface Landing {
  /** What the client was sent, by query, fragment or form; undefined: the browser never came back to it. */
  readonly response: URLSearchParams | undefined
  readonly last: Answer
  readonly steps: readonly Step[]
}

/** A browser without scripts: it keeps cookies, follows redirects, fills in forms with what it is given. */
export interface Browser {
  /** Follows wherever it is sent after this request, until that is one of the client's own, which are never asked. */
  visit(request: Request, redirectUris: readonly string[]): Promise<Landing>
  /** Another one, in which nobody is signed in. */
  fresh(): Browser
}

const MOST_STEPS = 20

export function createBrowser(send: Send, fields: Readonly<Record<string, string>>): Browser {
  const cookies = createCookies()

  async function open(request: Request): Promise<Answer> {
    const answer = await send({
      ...request,
      headers: { accept: 'text/html', ...cookies.of(request.url), ...request.headers },
    })
    cookies.keep(answer)
    return answer
  }

  return {
    fresh: () => createBrowser(send, fields),
    async visit(request, redirectUris) {
      const steps: Step[] = []
      let next = request
      while (true) {
        const answer = await open(next)
        steps.push({ method: next.form ? 'POST' : 'GET', answer })
        const move = steps.length < MOST_STEPS ? moveFrom(answer, fields) : undefined
        if (!move) return { response: undefined, last: answer, steps }
        if (redirectUris.some((uri) => isAt(move.url, uri))) return { response: responseIn(move), last: answer, steps }
        if (!/^https?:/.test(move.url)) return { response: undefined, last: answer, steps }
        next = move
      }
    },
  }
}

function moveFrom(answer: Answer, fields: Readonly<Record<string, string>>): Request | undefined {
  const location = answer.headers.get('location')
  if (answer.status >= 300 && answer.status < 400 && location) return { url: new URL(location, answer.url).href }
  if (answer.status >= 400) return undefined
  const form = formFor(formsIn(answer.text), fields)
  return form && submission(form, fields, answer.url)
}

function submission(form: HtmlForm, fields: Readonly<Record<string, string>>, base: string): Request {
  const url = new URL(form.action, base)
  const filled = form.names.filter((name) => Object.hasOwn(fields, name)).map((name) => [name, fields[name]])
  const values = { ...form.hidden, ...Object.fromEntries(filled) }
  if (form.method === 'POST') return { url: url.href, form: values, headers: { origin: url.origin } }
  url.search = encode(values).toString()
  return { url: url.href }
}

/** RFC 6749 §3.1.2: a redirect URI may have a query of its own; the response is behind it. */
const isAt = (url: string, redirectUri: string): boolean => {
  const rest = url.startsWith(redirectUri) ? url.slice(redirectUri.length) : undefined
  return rest !== undefined && (rest === '' || /^[?#&]/.test(rest))
}

function responseIn({ url, form }: Request): URLSearchParams {
  const { searchParams, hash } = new URL(url)
  const posted = form ? encode(form) : []
  return new URLSearchParams([...searchParams, ...new URLSearchParams(hash.slice(1)), ...posted])
}

/** By host: a server under test has no sites beside it that its cookies would have to be kept from. */
function createCookies() {
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (url: string) => {
    const { hostname } = new URL(url)
    const jar = jars.get(hostname) ?? new Map<string, string>()
    jars.set(hostname, jar)
    return jar
  }
  return {
    of(url: string): Record<string, string> {
      const cookie = [...jarOf(url)].map(([name, value]) => `${name}=${value}`).join('; ')
      return cookie ? { cookie } : {}
    },
    keep({ url, headers }: Answer): void {
      const jar = jarOf(url)
      for (const line of headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
        const isGone = value === '' || /;\s*(max-age=0|expires=Thu, 01 Jan 1970)/i.test(line)
        if (isGone) jar.delete(name.trim())
        else jar.set(name.trim(), value)
      }
    },
  }
}
