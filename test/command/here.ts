import { vi } from 'vitest'
import { dispatch } from '../../server/command/dispatch.ts'
import type { Environment } from './process.ts'

/**
 * Runs a command to its end in this process, where it is no matter that it has one of its own: starting that takes a
 * hundred times as long as most commands do.
 */
export async function runHere(args: readonly string[], environment: Environment = {}) {
  const said = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += chunk
      return true
    }),
  )
  try {
    const code = await dispatch(args, environment)
    return { code, output: said.stdout, errors: said.stderr }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
