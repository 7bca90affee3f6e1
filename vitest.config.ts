import { defineConfig } from 'vitest/config'

const reportFile = process.env['TEST_REPORT']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: reportFile === undefined ? ['default'] : ['default', ['json', { outputFile: reportFile }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/{tidy,scenarios,reference}/**/*.test.ts',
            'fuzz/**/*.test.ts',
            'examples/**/*.test.ts',
          ],
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Whole clusters, some of which must be up within a given time: one after the other, and alone.
        extends: true,
        test: {
          name: 'process',
          include: ['test/{process,interop}/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
