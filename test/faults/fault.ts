/** What came of one kind of request while something was broken. */
export interface Row {
  /** What was done to the deployment. */
  readonly hurt: string
  readonly requests: string
  readonly sent: number
  /** 2xx, and a page's 3xx. */
  readonly ok: number
  /** 4xx. */
  readonly refused: number
  readonly unavailable: number
  /** No answer, or half of one: the connection was refused or broke. */
  readonly cutOff: number
  /** Answered with 2xx, and not so afterwards. */
  readonly lost: number
  /** The same, where a store had not copied it yet when it failed over: no promise is broken by it. */
  readonly lostByReplication: number
  /** What must never happen, a sentence each. */
  readonly wrong: readonly string[]
  /** What is good to know, and no failure. */
  readonly notes: readonly string[]
}

/** How much load: so many requests before each hurt, while it lasts, and after it. */
export interface Scale {
  readonly requests: number
  /** Clients of each kind at the same time. */
  readonly lanes: number
  /** Whether to leave out what takes minutes. */
  readonly quick: boolean
}

export interface Fault {
  readonly name: string
  readonly deployment: string
  /** Why it can't be done on this machine. */
  cannot?(): Promise<string | undefined>
  run(scale?: Scale): Promise<Row[]>
}

export const FULL: Scale = { requests: 1_000, lanes: 2, quick: false }

/** Says whether something is wrong at all, in seconds. */
export const SMALL: Scale = { requests: 40, lanes: 1, quick: true }

/** What breaks a promise. */
export const failuresOf = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ hurt, requests, lost, wrong }) => [
    ...(lost ? [`${hurt}: ${lost} lost of ${requests}`] : []),
    ...wrong.map((each) => `${hurt}: ${requests}: ${each}`),
  ])
