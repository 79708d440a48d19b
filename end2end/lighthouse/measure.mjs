// Measures how fast a visitor's first page is, as a phone on a slow network has it: Lighthouse's own settings.
//
//   SERVER_BIN  the release server
//   LEPTOS_SITE_ROOT  the release site
//   CHROMIUM  the browser
//   RUNS  how often each page is measured (3); the run with the median performance counts
//   OUTPUT  where the reports go, for what lies behind a score

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import lighthouse from 'lighthouse';
import { launch } from 'puppeteer-core';
import { withServer } from '../server.mjs';

const PORT = 23119;
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

const runs = Number(process.env.RUNS || 3);

/** The cookies of somebody who has just registered. */
async function cookies(app) {
  const response = await fetch(`${app}/api/register`, {
    method: 'POST',
    redirect: 'manual',
    headers: { accept: 'application/json', origin: app },
    body: new URLSearchParams({ email: 'ada@example.com', password: 'a sentence of five words', display_name: 'Ada' }),
  });
  if (!response.ok) throw new Error(`nobody could register: ${response.status} ${await response.text()}`);
  return response.headers.getSetCookie().map((cookie) => {
    const [name, value] = cookie.split(';')[0].split('=');
    return { name, value, domain: 'localhost' };
  });
}

async function measured(browser, app, { path, signedIn }, person) {
  const reports = [];
  for (let run = 0; run < runs; run += 1) {
    const context = await browser.createBrowserContext();
    if (signedIn) await context.setCookie(...person);
    const flags = { onlyCategories: CATEGORIES, disableStorageReset: true };
    const { lhr } = await lighthouse(`${app}${path}`, flags, undefined, await context.newPage());
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

async function table(app) {
  const browser = await launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const person = await cookies(app);
    const rows = [['page', ...CATEGORIES, ...Object.values(PAINTS), 'bytes'], []];
    rows[1] = rows[0].map(() => '---');
    for (const page of PAGES) {
      const report = await measured(browser, app, page, person);
      rows.push(row(page.path, report));
      if (process.env.OUTPUT) {
        const name = page.path === '/' ? 'home' : page.path.slice(1).replaceAll('/', '-');
        writeFileSync(resolve(process.env.OUTPUT, `${name}.json`), JSON.stringify(report));
      }
    }
    return rows;
  } finally {
    await browser.close();
  }
}

const rows = await withServer({ port: PORT, settings: { LEPTOS_HASH_FILES: 'true' } }, table);
for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);
