import { createServer } from 'node:net';
import { defineConfig } from '@playwright/test';
import { chromiumPath } from './scripts/system.mjs';

// Playwright reads this file in each of its processes; the first one chooses the port for all.
process.env.NFTSCOPE_TEST_PORT ??= String(await freePort());
const port = process.env.NFTSCOPE_TEST_PORT;
const chromium = chromiumPath();

export default defineConfig({
  testDir: 'tests/browser',
  workers: 1,
  forbidOnly: process.env.CI !== undefined,
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    trace: 'retain-on-failure',
    launchOptions: {
      ...(chromium !== undefined && { executablePath: chromium }),
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
  webServer: {
    command: `node scripts/start.mjs --port ${port}`,
    url: `http://127.0.0.1:${port}/icon.svg`,
    timeout: 300_000,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 5000 },
  },
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
