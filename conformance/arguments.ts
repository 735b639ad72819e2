import { parseArgs } from 'node:util'

export interface Arguments {
  readonly issuer: string
  /** Path of the profile. */
  readonly profile: string
  readonly json?: string | undefined
  readonly html?: string | undefined
}

export const USAGE = 'npm run conformance -- --issuer URL --profile FILE [--json FILE] [--html FILE]'

/** Undefined: not a way to call it. */
export function argumentsIn(words: readonly string[]): Arguments | undefined {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({ args: [...words], options: { issuer: text, profile: text, json: text, html: text } })
    const { issuer, profile, json, html } = values
    if (issuer === undefined || profile === undefined || !URL.canParse(issuer)) return undefined
    return { issuer, profile, json, html }
  } catch {
    return undefined
  }
}
