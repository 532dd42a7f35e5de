import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');

/** `server-only` throws outside a React server bundle; in tests it is an empty module. */
const alias = [
  { find: /^server-only$/, replacement: `${root}/tests/empty.ts` },
  { find: /^@\//, replacement: `${root}/` },
];

export default defineConfig({
  resolve: { alias },
  test: {
    // By default one processor is left idle, and a small machine has two.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          environment: 'node',
          include: ['{lib,server,tests,scripts,app}/**/*.test.ts'],
          exclude: ['tests/kernel/**', 'tests/browser/**'],
          // A hang ends; how fast a machine is, is nothing a test says.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'dom',
          environment: 'happy-dom',
          setupFiles: ['tests/dom-setup.ts'],
          include: ['{components,app}/**/*.test.tsx', 'components/**/*.test.ts'],
        },
      },
      {
        // Real rulesets in network namespaces: root and nft needed, one file at a time.
        extends: true,
        test: {
          name: 'kernel',
          environment: 'node',
          include: ['tests/kernel/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
