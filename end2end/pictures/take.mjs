// Takes the pictures of the application that its start page and the README show, of a server with the people of
// `server seed`.
//
//   SERVER_BIN  a debug server
//   LEPTOS_SITE_ROOT  its site
//   CHROMIUM  the browser, unless it is Playwright's own

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { withServer } from '../server.mjs';

const PORT = 23121;
const ROOT = resolve(import.meta.dirname, '../..');
const PERSON = { email: 'ada@example.com', password: 'seeded people share one password' };
const DESKTOP = { width: 1100, height: 760 };
const PHONE = { width: 390, height: 760 };
/** How much smaller the pictures are that phones load. */
const SMALL = 0.65;

/** What is in the window, as WebP: Playwright itself takes PNG and JPEG only. */
async function shoot(page, name) {
  const devtools = await page.context().newCDPSession(page);
  mkdirSync(join(ROOT, 'public/shots'), { recursive: true });
  for (const [scale, size] of [[1, ''], [SMALL, '-small']]) {
    const clip = { x: 0, y: 0, ...page.viewportSize(), scale };
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 82, clip });
    writeFileSync(join(ROOT, `public/shots/${name}${size}.webp`), data, 'base64');
  }
}

async function opened(page, address) {
  await page.goto(address);
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

async function take(app) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--disable-dev-shm-usage'] });
  try {
    const desktop = await browser.newPage({ viewport: DESKTOP });
    await opened(desktop, `${app}/login`);
    await desktop.getByLabel('E-mail').fill(PERSON.email);
    await desktop.getByRole('textbox', { name: 'Password' }).fill(PERSON.password);
    await desktop.getByRole('button', { name: 'Sign in', exact: true }).click();
    await desktop.waitForURL(`${app}/profile`);
    const phone = await browser.newPage({ viewport: PHONE });
    for (const colours of ['light', 'dark']) {
      await opened(desktop, `${app}/settings/sessions`);
      await coloured(desktop, colours);
      await shoot(desktop, `sessions-${colours}`);
      await opened(phone, `${app}/login`);
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
}

await withServer({ port: PORT, settings: { LEPTOS_HASH_FILES: 'false' }, first: ['seed'] }, take);
console.log('Taken: public/shots and docs/screenshot.png.');
