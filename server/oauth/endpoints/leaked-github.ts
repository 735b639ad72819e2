import { hash } from 'node:crypto'
import { z } from 'zod'
import type { FailureLimit } from '../../credentials/failure-limit.ts'
import { parseCredential } from '../../credentials/format.ts'
import { readBody } from '../../http/body.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import { noStore } from '../../http/oauth-answer.ts'
import { peerOf } from '../../http/peer.ts'
import { ApiError } from '../../http/problem.ts'
import type { Mode } from '../../mode/mode.ts'
import type { VerifyReport } from '../../secret-scanning/signature.ts'
import { scrub } from '../../telemetry/scrub.ts'
import type { ReportLeak } from '../leak.ts'
import { recorded } from '../recorded.ts'
import { isOfOtherMode } from './leaked.ts'

interface Needs {
  mode: Mode
  reportLeak: ReportLeak
  verifyReport: VerifyReport
  failureLimit: FailureLimit
}

/** Bytes, and matches: GitHub may send many at once, and waits 30 s. */
const LIMIT = 1024 * 1024
const MOST_MATCHES = 1_000

/** Seconds after which the keys may be there. */
const RETRY_AFTER = 60

const match = z.looseObject({
  token: z.string().max(4096),
  type: z.string().max(200),
  url: z.string().optional(),
  source: z.string().optional(),
})
type Match = z.infer<typeof match>

/** What GitHub's secret scanning partner program takes for feedback. The hash, so that no answer repeats a credential. */
interface Feedback {
  readonly token_hash: string
  readonly token_type: string
  readonly label: 'true_positive' | 'false_positive'
}

/** `POST /oauth/leaked/github`: the alerts of GitHub's secret scanning, for the credentials of this mode. */
export function createGithubLeakedEndpoint({ mode, reportLeak, verifyReport, failureLimit }: Needs): Handler {
  /** Undefined: of the other mode, of which this one knows nothing. */
  async function weigh(ctx: RequestContext, { token, type, url, source }: Match): Promise<Feedback | undefined> {
    const credential = parseCredential(token)
    if (credential && isOfOtherMode(credential, mode)) return undefined
    const found = {
      ...(url !== undefined && { url: where(url) }),
      ...(source !== undefined && { source: where(source) }),
    }
    const report = { by: 'github' as const, found, peer: peerOf(ctx), requestId: ctx.state.requestId }
    const { outcome } = credential ? await reportLeak(credential, report) : { outcome: 'unknown' }
    return {
      token_hash: hash('sha256', token),
      token_type: type,
      label: outcome === 'unknown' ? 'false_positive' : 'true_positive',
    }
  }

  return async (ctx) => {
    const body = await readSigned(ctx, { verifyReport, failureLimit })
    const feedback: Feedback[] = []
    // One after the other: those of one tenant wait for each other in any case.
    for (const each of matchesIn(body)) {
      const answer = await weigh(ctx, each)
      if (answer) feedback.push(answer)
    }
    noStore(ctx)
    ctx.status = 200
    ctx.body = feedback
  }
}

/** Bounded, and without what looks like a credential, also where an address has it percent-encoded, and that once more. */
function where(text: string) {
  const plain = decoded(decoded(text))
  const scrubbed = scrub(plain)
  return recorded(scrubbed === plain ? scrub(text) : scrubbed)
}

/** As far as it is ASCII, as credentials are. */
const decoded = (text: string): string =>
  text.replaceAll(/%([2-7][0-9a-f])/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))

/** @throws {ApiError} */
async function readSigned(
  ctx: RequestContext,
  { verifyReport, failureLimit }: Pick<Needs, 'verifyReport' | 'failureLimit'>,
): Promise<string> {
  const [keyIdentifier, signature] = [ctx.get('github-public-key-identifier'), ctx.get('github-public-key-signature')]
  if (!keyIdentifier || !signature)
    throw new ApiError('authentication_required', { detail: 'the report is not signed' })
  const body = await readBody(ctx.req, LIMIT)
  if (!body.ok) {
    throw new ApiError('validation_failed', {
      status: body.failure === 'too_large' ? 413 : 400,
      detail: 'no such body',
    })
  }
  const verdict = await verifyReport({ body: body.text, keyIdentifier, signature })
  if (verdict === 'genuine') return body.text
  if (verdict === 'unavailable') {
    const detail = 'the keys that sign reports can not be fetched'
    throw new ApiError('temporarily_unavailable', { detail, retryAfter: RETRY_AFTER })
  }
  const retryAfter = await failureLimit.failed(undefined, ctx.ip)
  if (retryAfter !== undefined) throw new ApiError('rate_limited', { retryAfter })
  throw new ApiError('invalid_api_key', {
    detail: 'the signature is not of this report, or not by a key of the scanner',
  })
}

/** Each by itself: one that is malformed keeps none of the others alive. @throws {ApiError} */
function matchesIn(body: string): readonly Match[] {
  const matches = z.array(z.unknown()).max(MOST_MATCHES).safeParse(parsed(body))
  if (!matches.success) {
    throw new ApiError('validation_failed', { detail: `a JSON array of at most ${MOST_MATCHES} matches is wanted` })
  }
  return matches.data.flatMap((each) => match.safeParse(each).data ?? [])
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
