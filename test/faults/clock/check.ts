import type { Caller } from '../../command/caller.ts'
import type { Node, Place } from '../place.ts'

/** What is made ready while all clocks agree, tried while one is off, and looked at again when they agree once more. */
export interface ClockCheck {
  whileOff(milliseconds: number): Promise<void>
  afterwards(): Promise<void>
}

/** Of the node whose clock is right, and of the other one. */
export const callersOf = ({ nodes }: Place): [Caller, Caller] => {
  const [here, there] = nodes as [Node, Node]
  return [here.caller, there.caller]
}
