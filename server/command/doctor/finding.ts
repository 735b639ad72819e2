/** One line of what the doctor says. Nothing of it is secret. */
export interface Finding {
  readonly verdict: 'ok' | 'warn' | 'fail'
  /** What was looked at. */
  readonly topic: string
  readonly seen: string
  /** What to do about it; only `ok` has none. */
  readonly advice?: string
}

export const ok = (topic: string, seen: string): Finding => ({ verdict: 'ok', topic, seen })
export const warn = (topic: string, seen: string, advice: string): Finding => ({ verdict: 'warn', topic, seen, advice })
export const fail = (topic: string, seen: string, advice: string): Finding => ({ verdict: 'fail', topic, seen, advice })

/** Of an error of Node's, which may have a code and no message. */
export const reasonOf = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException
  return message || code || String(error)
}
