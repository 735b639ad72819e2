// What test/command and test/services use of vitest, for a run of its own: see outside-vitest.ts.

const ends: (() => unknown)[] = []
const provided = new Map<string, unknown>()

export const afterAll = (end: () => unknown): void => void ends.push(end)
export const vi = { setConfig() {} }
export const provide = (name: string, value: unknown): void => void provided.set(name, value)
export const inject = (name: string): unknown => provided.get(name)

/** In reverse, as vitest does. */
export async function end(): Promise<void> {
  for (const each of ends.splice(0).reverse()) await each()
}
