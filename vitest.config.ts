import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/services/setup.ts'],
    pool: 'forks',
    // The servers need their share of two cores as well.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // On a busy CI machine a stopped store or a browser may be late once. A retry is printed beside the test's name: look at it.
    retry: process.env.CI ? 1 : 0,
  },
})
