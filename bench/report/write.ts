import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Results } from '../results.ts'
import { chart } from './chart.ts'

const RESULTS = join(import.meta.dirname, '../results')

/** `latest.json`, and the chart of it that the README shows. */
export async function writeResults(results: Results): Promise<void> {
  await mkdir(RESULTS, { recursive: true })
  await writeFile(join(RESULTS, 'latest.json'), `${JSON.stringify(results, rounded, 2)}\n`)
  await writeFile(join(RESULTS, 'chart.svg'), chart(results))
}

/** More digits than these say nothing. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
