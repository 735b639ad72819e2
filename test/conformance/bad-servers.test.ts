import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { type Result, runChecks } from '../../conformance/run-checks.ts'
import { startBadServer } from './bad-server.ts'
import * as servers from './bad-servers.ts'

/** Failed at its question, not on the way to it. */
const isFound = ({ outcome, seen }: Result): boolean => outcome === 'failed' && !seen.startsWith('could not be checked')

test('every check fails against a server that gets it wrong', { timeout: 120_000 }, async () => {
  const found = new Set<string>()
  for (const server of Object.values(servers)) {
    const { results } = await runChecks(await startBadServer(server), CHECKS)
    for (const result of results.filter(isFound)) found.add(result.id)
  }
  expect(CHECKS.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([])
})
