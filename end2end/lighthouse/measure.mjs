// Measures how fast a visitor's first page is, as a phone on a slow network has it: Lighthouse's own settings.
//
//   SERVER_BIN  the release server
//   LEPTOS_SITE_ROOT  the release site
//   CHROMIUM  the browser
//   RUNS  how often each page is measured (3); the run with the median performance counts
//   OUTPUT  where the reports go, for what lies behind a score

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import lighthouse from 'lighthouse';
import { launch } from 'puppeteer-core';

const PORT = 23119;
const APP = `http://localhost:${PORT}`;
const PAGES = [
  { path: '/' },
  { path: '/login' },
  { path: '/profile', signedIn: true },
];
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];
const PAINTS = {
  'first-contentful-paint': 'first paint',
  'largest-contentful-paint': 'largest paint',
  interactive: 'interactive',
  'total-blocking-time': 'blocked',
};

const folder = mkdtempSync(join(tmpdir(), 'lighthouse-'));
const runs = Number(process.env.RUNS || 3);

async function started() {
  const server = spawn(process.env.SERVER_BIN, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      LEPTOS_SITE_ADDR: `127.0.0.1:${PORT}`,
      LEPTOS_SITE_ROOT: process.env.LEPTOS_SITE_ROOT,
      LEPTOS_HASH_FILES: 'true',
      PUBLIC_URL: APP,
      DATABASE_URL: `sqlite:${join(folder, 'app.db')}`,
      SESSION_SECRET: randomBytes(32).toString('base64'),
      RUST_LOG: 'error',
    },
  });
  const ended = new Promise((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`the server has ended (exit code ${code})`)));
  });
  ended.catch(() => {});
  const healthy = async () => {
    for (;;) {
      const response = await fetch(`${APP}/healthz`).catch(() => undefined);
      if (response?.ok) return;
      await new Promise((wait) => setTimeout(wait, 100));
    }
  };
  await Promise.race([healthy(), ended]);
  return server;
}

/** The cookies of somebody who has just registered. */
async function cookies() {
  const response = await fetch(`${APP}/api/register`, {
    method: 'POST',
    redirect: 'manual',
    headers: { accept: 'application/json', origin: APP },
    body: new URLSearchParams({ email: 'ada@example.com', password: 'a sentence of five words', display_name: 'Ada' }),
  });
  if (!response.ok) throw new Error(`nobody could register: ${response.status} ${await response.text()}`);
  return response.headers.getSetCookie().map((cookie) => {
    const [name, value] = cookie.split(';')[0].split('=');
    return { name, value, domain: 'localhost' };
  });
}

async function measured(browser, { path, signedIn }, person) {
  const reports = [];
  for (let run = 0; run < runs; run += 1) {
    const context = await browser.createBrowserContext();
    if (signedIn) await context.setCookie(...person);
    const flags = { onlyCategories: CATEGORIES, disableStorageReset: true };
    const { lhr } = await lighthouse(`${APP}${path}`, flags, undefined, await context.newPage());
    await context.close();
    if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
    if (new URL(lhr.finalDisplayedUrl).pathname !== path) throw new Error(`${path} leads to ${lhr.finalDisplayedUrl}`);
    reports.push(lhr);
  }
  reports.sort((a, b) => a.categories.performance.score - b.categories.performance.score);
  return reports[Math.floor(runs / 2)];
}

const seconds = (audit) => `${(audit.numericValue / 1000).toFixed(1)} s`;

function row(path, { categories, audits }) {
  return [
    path,
    ...CATEGORIES.map((category) => Math.round(categories[category].score * 100)),
    ...Object.keys(PAINTS).map((paint) => seconds(audits[paint])),
    `${Math.round(audits['total-byte-weight'].numericValue / 1024)} KiB`,
  ];
}

const server = await started();
const browser = await launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const person = await cookies();
  const rows = [['page', ...CATEGORIES, ...Object.values(PAINTS), 'bytes'], []];
  rows[1] = rows[0].map(() => '---');
  for (const page of PAGES) {
    const report = await measured(browser, page, person);
    rows.push(row(page.path, report));
    if (process.env.OUTPUT) {
      const name = page.path === '/' ? 'home' : page.path.slice(1).replaceAll('/', '-');
      writeFileSync(resolve(process.env.OUTPUT, `${name}.json`), JSON.stringify(report));
    }
  }
  for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);
} finally {
  await browser.close();
  server.removeAllListeners('exit');
  server.kill();
  await new Promise((ended) => server.once('exit', ended));
  rmSync(folder, { recursive: true, force: true });
}
