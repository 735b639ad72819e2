import type { Capability } from './capabilities.ts'
import type { Context } from './context.ts'

/** RFC 2119: how much it weighs. Only a failed MUST fails a run. */
export type Level = 'MUST' | 'SHOULD' | 'MAY'

export type Outcome = 'passed' | 'failed' | 'not offered'

/** What a check found out, and by what. */
export interface Finding {
  readonly outcome: Outcome
  readonly seen: string
}

/** One requirement of one document, and how to see from outside whether a server keeps it. */
export interface Check {
  /** Unique: the document, its section and a name within it. */
  readonly id: string
  readonly rfc: string
  readonly section: string
  readonly level: Level
  /** The requirement in a sentence, as the document has it. */
  readonly title: string
  /** What the server or the profile must offer for the question to make sense. */
  readonly needs: readonly Capability[]
  run(context: Context): Promise<Finding>
}

type Run = Check['run']
type Add = (name: string, title: string, needs: readonly Capability[], run: Run) => Check

/** Makers of the checks of one document. A name is the section and a word: `5.1 no-store`. */
export function requirementsOf(rfc: string): { must: Add; should: Add; may: Add } {
  const at =
    (level: Level): Add =>
    (name, title, needs, run) => ({
      id: `${rfc} §${name}`,
      section: `§${name.slice(0, name.lastIndexOf(' '))}`,
      ...{ rfc, level, title, needs, run },
    })
  return { must: at('MUST'), should: at('SHOULD'), may: at('MAY') }
}
