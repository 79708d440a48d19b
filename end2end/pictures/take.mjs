// Takes the pictures of the application that its start page and the README show, of a server with the people of
// `server seed`.
//
//   SERVER_BIN  a debug server
//   LEPTOS_SITE_ROOT  its site
//   CHROMIUM  the browser, unless it is Playwright's own

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';

const PORT = 23121;
const APP = `http://localhost:${PORT}`;
const ROOT = resolve(import.meta.dirname, '../..');
const PERSON = { email: 'ada@example.com', password: 'seeded people share one password' };
const DESKTOP = { width: 1100, height: 760 };
const PHONE = { width: 390, height: 760 };

const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
const env = {
  ...process.env,
  LEPTOS_SITE_ADDR: `127.0.0.1:${PORT}`,
  LEPTOS_HASH_FILES: 'false',
  PUBLIC_URL: APP,
  DATABASE_URL: `sqlite:${join(folder, 'app.db')}`,
  SESSION_SECRET: randomBytes(32).toString('base64'),
  RUST_LOG: 'error',
};
execFileSync(process.env.SERVER_BIN, ['seed'], { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
const server = spawn(process.env.SERVER_BIN, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
const ended = new Promise((_, reject) => {
  server.once('error', reject);
  server.once('exit', (code) => reject(new Error(`the server has ended (exit code ${code})`)));
});
ended.catch(() => {});

async function healthy() {
  for (;;) {
    const response = await fetch(`${APP}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((wait) => setTimeout(wait, 100));
  }
}

/** What is in the window, as WebP: Playwright itself takes PNG and JPEG only. */
async function shoot(page, name) {
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
  mkdirSync(join(ROOT, 'public/shots'), { recursive: true });
  writeFileSync(join(ROOT, `public/shots/${name}.webp`), data, 'base64');
}

async function opened(page, path) {
  await page.goto(`${APP}${path}`);
  await page.locator('html[data-hydrated]').waitFor({ state: 'attached' });
}

async function coloured(page, colours) {
  await page.getByRole('button', { name: colours === 'dark' ? 'Dark' : 'Light' }).click();
  await page.locator(`html[data-theme="${colours}"]`).waitFor({ state: 'attached' });
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'));
}

try {
  await Promise.race([healthy(), ended]);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--disable-dev-shm-usage'] });
  try {
    const desktop = await browser.newPage({ viewport: DESKTOP });
    await opened(desktop, '/login');
    await desktop.getByLabel('E-mail').fill(PERSON.email);
    await desktop.getByRole('textbox', { name: 'Password' }).fill(PERSON.password);
    await desktop.getByRole('button', { name: 'Sign in', exact: true }).click();
    await desktop.waitForURL(`${APP}/profile`);
    const phone = await browser.newPage({ viewport: PHONE });
    for (const colours of ['light', 'dark']) {
      await opened(desktop, '/settings/sessions');
      await coloured(desktop, colours);
      await shoot(desktop, `sessions-${colours}`);
      await opened(phone, '/login');
      await coloured(phone, colours);
      await shoot(phone, `phone-${colours}`);
    }
    // The README's: both beside each other.
    const both = await browser.newPage({ viewport: { width: DESKTOP.width + PHONE.width + 96, height: 824 } });
    const image = (name, { width }) => {
      const data = readFileSync(join(ROOT, `public/shots/${name}.webp`), 'base64');
      return `<img src="data:image/webp;base64,${data}" width="${width}" style="border-radius:12px;border:1px solid #d7d4cd">`;
    };
    const images = image('sessions-light', DESKTOP) + image('phone-dark', PHONE);
    await both.setContent(`<body style="margin:0;padding:32px;display:flex;gap:32px;background:#eceae5">${images}</body>`);
    await both.screenshot({ path: join(ROOT, 'docs/screenshot.png') });
  } finally {
    await browser.close();
  }
} finally {
  server.removeAllListeners('exit');
  const stopped = new Promise((resolve) => server.once('exit', resolve));
  if (server.kill()) await stopped;
  rmSync(folder, { recursive: true, force: true });
}
console.log('Taken: public/shots and docs/screenshot.png.');
