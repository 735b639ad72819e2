// `node count.mjs <vitest's json report> <its exit status>`: prints "N passed, N failed".
import { readFileSync } from 'node:fs'

const [file, status] = process.argv.slice(2)

const read = () => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] } // it ended before it could report
  }
}

const { numPassedTests, numFailedTests, testResults } = read()
// A file that can't even be loaded has no test to count, nor has an error outside of all tests.
const unloadable = testResults.filter((result) => result.status === 'failed' && !result.assertionResults.length)
const failed = numFailedTests + unloadable.length || Number(status !== '0')

process.stdout.write(`\n${numPassedTests} passed, ${failed} failed\n`)
