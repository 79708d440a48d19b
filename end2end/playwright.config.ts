import { defineConfig } from '@playwright/test';
import { APP, acme, app } from './servers';

// Of a browser that is told not to, nothing leaves this machine.
const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
];

const NEEDS_JAVASCRIPT = '**/javascript/**';

export default defineConfig({
  testDir: 'tests',
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: !!process.env.CI,
  // A busy machine may be late once; whatever passes only then is reported as flaky.
  retries: process.env.CI ? 1 : 0,
  reporter: 'list',
  globalTeardown: './check-log',
  webServer: [app, acme],
  use: {
    viewport: { width: 1280, height: 900 },
    baseURL: APP,
    // Traces double the time of all tests: they are of those that failed once.
    trace: 'on-first-retry',
    launchOptions: { executablePath: process.env.CHROMIUM || undefined, args: QUIET },
  },
  projects: [
    { name: 'chromium' },
    { name: 'no-js', testIgnore: NEEDS_JAVASCRIPT, use: { javaScriptEnabled: false } },
  ],
});
