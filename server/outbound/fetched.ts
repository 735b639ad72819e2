/** Why a fetch came to nothing. For logs and administrators: it names what the other side did, and repeats nothing of it. */
export type FetchFailure =
  | 'bad_url' // not a URL, or one with a user, a password or a fragment
  | 'not_https'
  | 'forbidden_address'
  | 'unreachable' // no such host, no connection, no trust in its certificate, or it hung up
  | 'timed_out'
  | 'redirected'
  | 'bad_status'
  | 'bad_type'
  | 'encoded' // compressed, though we asked for it plain
  | 'too_large'
  | 'malformed' // not JSON in UTF-8

export interface FetchRefused {
  readonly ok: false
  readonly reason: FetchFailure
  /** The status, or the code of the system's error. */
  readonly detail?: string
}

/** RFC 9111 §5: what says for how long the document may be kept. */
export interface CachingHeaders {
  readonly cacheControl: string | undefined
  readonly age: string | undefined
  readonly expires: string | undefined
}

export type FetchedJson =
  | { readonly ok: true; readonly value: unknown; readonly headers: CachingHeaders }
  | FetchRefused

/** The other side's word, good or bad, or why there is none. */
export type Delivered = { readonly ok: true; readonly status: number } | FetchRefused

export const refused = (reason: FetchFailure, detail?: string): FetchRefused => ({
  ok: false,
  reason,
  ...(detail !== undefined && { detail }),
})
