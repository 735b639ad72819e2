import { setTimeout as after } from 'node:timers/promises'
import type { Answer, Caller } from '../command/caller.ts'
import type { Row } from './fault.ts'

interface Circumstances {
  /** Whether a store that fails over may lose what it had not copied yet. */
  readonly asynchronous: boolean
  readonly quick: boolean
}

/** Counts what is sent and answered, by the kind of request. */
export interface Ledger extends Circumstances {
  /** Sends it; undefined if it was cut off. */
  send(requests: string, call: () => Promise<Answer>): Promise<Answer | undefined>
  lost(requests: string, count?: number): void
  wrong(requests: string, sentence: string): void
  note(requests: string, sentence: string): void
  /** How many of each kind were answered with 2xx so far. */
  successes(): ReadonlyMap<string, number>
  /** How many of all were answered with 503, or not at all. */
  failures(): number
  rows(hurt: string): Row[]
}

type Counts = Record<'sent' | 'ok' | 'refused' | 'unavailable' | 'cutOff' | 'lost', number>

interface Kind extends Counts {
  readonly wrong: Map<string, number>
  readonly notes: Map<string, number>
}

/** Milliseconds. Stores answer or are given up on within 5 s; on a busy machine several of those come one after the other. */
const PATIENCE = 30_000

export function createLedger(circumstances: Circumstances): Ledger {
  const { asynchronous } = circumstances
  const kinds = new Map<string, Kind>()

  function kindOf(requests: string): Kind {
    const none = { sent: 0, ok: 0, refused: 0, unavailable: 0, cutOff: 0, lost: 0 }
    const kind = kinds.get(requests) ?? { ...none, wrong: new Map(), notes: new Map() }
    kinds.set(requests, kind)
    return kind
  }
  const say = (sentences: Map<string, number>, sentence: string) =>
    sentences.set(sentence, (sentences.get(sentence) ?? 0) + 1)

  return {
    ...circumstances,
    async send(requests, call) {
      const kind = kindOf(requests)
      kind.sent += 1
      const answer = await inTime(call).catch(() => undefined)
      if (answer === 'late') say(kind.wrong, `no answer within ${PATIENCE / 1000} s`)
      if (!answer || answer === 'late') {
        kind.cutOff += 1
        return undefined
      }
      kind[columnOf(answer)] += 1
      if (answer.status >= 500 && answer.status !== 503) say(kind.wrong, `${answer.status} ${answer.text}`)
      return answer
    },
    lost(requests, count = 1) {
      kindOf(requests).lost += count
    },
    wrong: (requests, sentence) => void say(kindOf(requests).wrong, sentence),
    note: (requests, sentence) => void say(kindOf(requests).notes, sentence),
    successes: () => new Map([...kinds].map(([name, { ok }]) => [name, ok])),
    failures: () => [...kinds.values()].reduce((sum, { unavailable, cutOff }) => sum + unavailable + cutOff, 0),
    rows: (hurt) =>
      [...kinds].map(([requests, { lost, wrong, notes, ...counts }]) => ({
        ...{ hurt, requests, ...counts },
        lost: asynchronous ? 0 : lost,
        lostByReplication: asynchronous ? lost : 0,
        wrong: said(wrong),
        notes: said(notes),
      })),
  }
}

const columnOf = ({ status }: Answer) =>
  status < 400 ? 'ok' : status < 500 ? 'refused' : status === 503 ? 'unavailable' : 'refused'

const said = (sentences: ReadonlyMap<string, number>): string[] =>
  [...sentences].map(([sentence, count]) => (count > 1 ? `${sentence} (${count} times)` : sentence))

async function inTime(call: () => Promise<Answer>): Promise<Answer | 'late'> {
  const over = new AbortController()
  const late = after(PATIENCE, 'late' as const, { signal: over.signal, ref: false })
  late.catch(() => {})
  try {
    return await Promise.race([call(), late])
  } finally {
    over.abort()
  }
}

/** The same caller, with everything that goes through `send` counted as `requests`. A call that was cut off throws. */
export const counted = (caller: Caller, ledger: Ledger, requests: string): Caller => ({
  ...caller,
  async send(...call) {
    const answer = await ledger.send(requests, () => caller.send(...call))
    if (!answer) throw new Error('cut off')
    return answer
  },
})

/** Asks until there is an answer other than 503, once everything is said to be well again. */
export async function insist(call: () => Promise<Answer>): Promise<Answer> {
  const until = performance.now() + PATIENCE
  for (;;) {
    const answer = await call().catch(() => undefined)
    if (answer && answer.status !== 503) return answer
    if (performance.now() > until) throw new Error(`all is well again, and still: ${answer?.text ?? 'no answer'}`)
    await after(100)
  }
}
