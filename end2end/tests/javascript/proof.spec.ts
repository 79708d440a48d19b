// What the start page lets a person see for themselves.

import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import type { Visitor } from '../../visitor';

/** Registers in one browser, and is at the start page in another one. */
async function inTwoBrowsers(visitor: Visitor, anotherBrowser: () => Promise<Visitor>): Promise<Visitor> {
  const ada = somebody();
  await visitor.register(ada);
  const other = await anotherBrowser();
  await other.signIn(ada);
  await other.open('/');
  return other;
}

/** Ends the session in the other browser. */
async function endTheOther(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/sessions');
  await visitor.page.getByRole('button', { name: /^End session/ }).click();
  await expect(visitor.page.getByText('The session has ended.')).toBeVisible();
}

test('a session that is ended elsewhere is refused within seconds', async ({ visitor, anotherBrowser }) => {
  const other = await inTwoBrowsers(visitor, anotherBrowser);
  await other.page.getByRole('button', { name: 'Check every second' }).click();
  const watched = other.page.locator('#watched');
  await expect(watched).toContainText(/^Accepted at /);
  await endTheOther(visitor);
  await expect(watched).toHaveText(/^Refused at .*, after [1-9]\d* checks?\.$/);
  await other.isAnonymous();
});

test('a session that no check has found accepted is refused in words, too', async ({ visitor, anotherBrowser }) => {
  const other = await inTwoBrowsers(visitor, anotherBrowser);
  let silent = true;
  await other.page.route('**/api/session', (route) => (silent ? route.fulfill({ status: 503 }) : route.continue()));
  other.expectPage('/api/session', 503);
  await other.button('Check every second').click();
  const watched = other.page.locator('#watched');
  await expect(watched).toHaveText(/^No answer at .*, after 0 checks\.$/);
  await endTheOther(visitor);
  silent = false;
  await expect(watched).toHaveText(/^Refused at .*, after 0 checks\.$/);
  await other.isAnonymous();
});

test('signing out later is no refusal', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/');
  await visitor.button('Check every second').click();
  const watched = visitor.page.locator('#watched');
  await expect(watched).toContainText(/^Accepted at /);
  await visitor.open('/profile');
  await visitor.signOut();
  await expect(watched).toBeHidden();
});

test('what is below the pictures does not jump when they arrive', async ({ visitor }) => {
  const { page } = visitor;
  let arrive = () => {};
  let arrived = Promise.resolve();
  await page.route('**/shots/*', async (route) => {
    await arrived;
    // The page may have been left meanwhile.
    await route.continue().catch(() => undefined);
  });
  for (const width of [412, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    arrived = new Promise((resolve) => {
      arrive = resolve;
    });
    await page.goto('/', { waitUntil: 'domcontentloaded' });
    const below = page.getByRole('region', { name: 'How it works' });
    const before = await below.boundingBox();
    arrive();
    const first = page.locator('.shot').first();
    await expect.poll(() => first.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    expect(await below.boundingBox()).toEqual(before);
  }
});
