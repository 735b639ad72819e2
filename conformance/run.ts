import { readFile, writeFile } from 'node:fs/promises'
import { type Arguments, argumentsIn, USAGE } from './arguments.ts'
import { CHECKS } from './checks/index.ts'
import { type Profile, readProfile } from './profile.ts'
import { htmlReport } from './report/html.ts'
import { table } from './report/table.ts'
import { isFailedMust, type Report, runChecks } from './run-checks.ts'

/** Exit codes: 0 no MUST failed, 1 one did, 2 it was called wrongly, or nothing answers. */
const MISUSE = 2

async function main(words: readonly string[]): Promise<number> {
  const given = argumentsIn(words)
  if (!given) return misused(`usage: ${USAGE}`)
  const read = await profileIn(given.profile)
  if ('wrong' in read) return misused(`${given.profile}: ${read.wrong}`)
  const report = await reportOn(given.issuer, read.profile)
  if (!report) return misused(`nothing answers at ${given.issuer}`)
  process.stdout.write(table(report))
  await keep(given, JSON.stringify(report, null, 2), htmlReport(report))
  return report.results.some(isFailedMust) ? 1 : 0
}

/** Undefined: the server can't be reached at all, so that there is nothing to say about it. */
async function reportOn(issuer: string, profile: Profile): Promise<Report | undefined> {
  try {
    return await runChecks({ issuer, profile }, CHECKS)
  } catch {
    return undefined
  }
}

async function profileIn(path: string): Promise<{ profile: Profile } | { wrong: string }> {
  try {
    return readProfile(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    return { wrong: (error as Error).message }
  }
}

async function keep({ json, html }: Arguments, asJson: string, asHtml: string): Promise<void> {
  if (json !== undefined) await writeFile(json, `${asJson}\n`)
  if (html !== undefined) await writeFile(html, asHtml)
}

function misused(message: string): number {
  process.stderr.write(`${message}\n`)
  return MISUSE
}

process.exitCode = await main(process.argv.slice(2))
