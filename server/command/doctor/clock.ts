import { type Finding, fail, ok, warn } from './finding.ts'

/** What another clock said, and when it was asked and answered by this one. Milliseconds since the epoch. */
export interface ClockReading {
  readonly theirs: number
  readonly asked: number
  readonly answered: number
}

/** Nodes and stores judge by their own clocks when a token ends; a second apart is as good as together. */
const NOTICEABLE = 1_000
/** Half of the margin that signing keys are given (keys/life.ts). */
const HARMFUL = 30_000

const ADVICE = 'let both machines follow the same time server (chrony, systemd-timesyncd)'

/** The other clock was read some time between asking and answering: that much is not held against it. */
export function judgeClock(topic: string, { theirs, asked, answered }: ClockReading): Finding {
  const difference = theirs - (asked + answered) / 2
  const certain = Math.abs(difference) - (answered - asked) / 2
  const seconds = (Math.abs(difference) / 1000).toFixed(1)
  const seen = `its clock is ${seconds} s ${difference < 0 ? 'behind' : 'ahead of'} this machine's`
  if (certain > HARMFUL) return fail(topic, seen, ADVICE)
  if (certain > NOTICEABLE) return warn(topic, seen, ADVICE)
  return ok(topic, "its clock agrees with this machine's")
}
