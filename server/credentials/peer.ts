/** Where a request comes from, as its connection tells, or the trusted proxy before it. */
export interface Peer {
  readonly ip: string
  readonly userAgent: string | undefined
}
