import { registerHooks } from 'node:module'

/**
 * What starts whole processes is written for vitest's suites, which end what is left over. Imported first, this lets the same code
 * run without vitest: its name stands for without-vitest.ts.
 */
const stand = new URL('./without-vitest.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vitest' ? { url: stand, shortCircuit: true } : next(specifier, context),
})
