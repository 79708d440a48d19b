// The time before JavaScript is there, and what it changes once it is.

import type { Page, Route } from '@playwright/test';
import { expect, test } from '../../fixtures';
import { somebody } from '../../people';

/** Holds the wasm back until it is let through. */
async function withheldWasm(page: Page): Promise<() => void> {
  const { promise, resolve } = withResolvers();
  await page.route('**/*.wasm', async (route) => {
    await promise;
    // The page may have been left meanwhile.
    await route.continue().catch(() => undefined);
  });
  return resolve;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const NO_WEBSITE = 'ada.example';
const REFUSED = 'This is not the address of a website.';

test('text typed before JavaScript has loaded is kept', async ({ visitor }) => {
  await visitor.register(somebody());
  const letThrough = await withheldWasm(visitor.page);
  await visitor.page.goto('/settings/public');
  await visitor.field('Bio').fill('Typed early');
  await visitor.field('Theme').selectOption('Dark');
  letThrough();
  await visitor.hydrated();
  await expect(visitor.field('Bio')).toHaveValue('Typed early');
  await expect(visitor.field('Theme')).toHaveValue('dark');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
  await visitor.reload();
  await expect(visitor.field('Bio')).toHaveValue('Typed early');
});

test('a form can be sent before JavaScript has loaded', async ({ visitor }) => {
  await visitor.register(somebody());
  const letThrough = await withheldWasm(visitor.page);
  await visitor.page.goto('/settings/public');
  await visitor.field('Website').fill(NO_WEBSITE);
  await visitor.button('Save').click();
  await expect(visitor.alert).toContainText(REFUSED);
  letThrough();
  await visitor.hydrated();
  await expect(visitor.alert).toContainText(REFUSED);
  await expect(visitor.field('Website')).toHaveValue(NO_WEBSITE);
});

test('pages that are hydrated change without a new document', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.page.evaluate(() => document.documentElement.setAttribute('data-same', ''));
  const same = visitor.page.locator('html[data-same]');
  await visitor.page.getByRole('link', { name: 'Settings' }).click();
  await visitor.arrives('/settings');
  await expect(visitor.field('Display name')).toBeVisible();
  await visitor.field('Display name').fill('Countess');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await visitor.page.getByRole('link', { name: 'Profile' }).click();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Countess');
  await visitor.page.goBack();
  await expect(visitor.field('Display name')).toHaveValue('Countess');
  await expect(same).toBeAttached();

  await visitor.signOut();
  await expect(same).not.toBeAttached();
});

test('a link to a page that is not hydrated loads its document, and the way back leads back', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/sessions');
  await visitor.page.evaluate(() => document.documentElement.setAttribute('data-same', ''));
  await visitor.page.getByRole('link', { name: 'Security' }).click();
  await visitor.arrives('/settings/security');
  await expect(visitor.page.locator('html[data-same]')).not.toBeAttached();
  expect(await visitor.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))).not.toContainEqual(
    expect.stringContaining('.wasm'),
  );
  await visitor.page.getByRole('link', { name: 'Sessions' }).click();
  await visitor.arrives('/settings/sessions');
  await visitor.page.goBack();
  await visitor.arrives('/settings/security');
  await visitor.page.goBack();
  await visitor.arrives('/settings/sessions');
});

test('the form of a document shows that it is being sent, and is sent once', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security');
  let sent = 0;
  await visitor.page.route('**/api/change_password', async (route) => {
    sent += 1;
    await route.continue();
  });
  await visitor.field('Current password').fill(ada.password);
  await visitor.field('New password').fill('another sentence of words');
  // In one go: from outside, the document cannot be asked any more once it is being left.
  const isBusy = await visitor.button('Change password').evaluate((button: HTMLButtonElement) => {
    button.click();
    const busy = button.getAttribute('aria-busy') === 'true' && button.ariaDisabled === 'true';
    button.click();
    return busy;
  });
  expect(isBusy).toBe(true);
  await expect(visitor.status).toBeVisible();
  expect(sent).toBe(1);
});

test('a pressed button shows that it is busy, and cannot be pressed twice', async ({ visitor }) => {
  const { promise, resolve } = withResolvers();
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  await visitor.page.route('**/api/update_public_data', async (route) => {
    await promise;
    await route.continue();
  });
  await visitor.field('Bio').fill('A few words');
  await visitor.button('Save').click();
  await expect(visitor.button('Saving…')).toBeDisabled();
  resolve();
  await expect(visitor.status).toHaveText('Saved.');
});

test('an unreachable server is reported, and the form can be sent again', async ({ visitor, watch }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  watch.expectAnswer('/api/update_public_data', 503);
  const refused = (route: Route) => route.fulfill({ status: 503, body: 'Bad gateway' });
  await visitor.page.route('**/api/update_public_data', once(refused));
  await visitor.field('Display name').fill('Countess');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.alert).toBeVisible();
  await expect(visitor.field('Display name')).toHaveValue('Countess');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
});

/** Changes the next document so that the wasm cannot take it over. */
async function rewrittenOnTheWay(page: Page, path: string): Promise<void> {
  const rewrite = async (route: Route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace('<body>', '<body>Rewritten by a proxy that does not know better. ');
    await route.fulfill({ response, body });
  };
  await page.route(path, once(rewrite));
}

/**
 * Handles the first request only. With `times`, the browser would stop to intercept then, and a request that it holds at that
 * moment, such as the style sheet's, would wait for ever.
 */
function once(handle: (route: Route) => Promise<void>): (route: Route) => Promise<void> {
  let handled = false;
  return (route) => {
    if (handled) return route.continue();
    handled = true;
    return handle(route);
  };
}

const ENDED = /^The script of this page has ended, and the page goes on without it: /;
/** What Leptos has to say of it in a debug build, before it panics. */
const WHY = /^A hydration error occurred while trying to hydrate/;

test('a page whose script has panicked works without it, and logs one error', async ({ visitor, watch }) => {
  await visitor.register(somebody());
  watch.expectMessage(WHY);
  watch.expectMessage(ENDED);
  await rewrittenOnTheWay(visitor.page, '/settings/public');
  const said = visitor.page.waitForEvent('console', (message) => ENDED.test(message.text()));
  await visitor.page.goto('/settings/public');
  await said;
  await visitor.field('Website').fill(NO_WEBSITE);
  await visitor.button('Save').click();
  // A new document, as without JavaScript, and this one is as the server sent it.
  await expect(visitor.alert).toContainText(REFUSED);
  await visitor.hydrated();
  await expect(visitor.field('Website')).toHaveValue(NO_WEBSITE);
});

test('links of a page whose script has panicked still work', async ({ visitor, watch }) => {
  await visitor.register(somebody());
  watch.expectMessage(WHY);
  watch.expectMessage(ENDED);
  await rewrittenOnTheWay(visitor.page, '/profile');
  const said = visitor.page.waitForEvent('console', (message) => ENDED.test(message.text()));
  await visitor.page.goto('/profile');
  await said;
  await visitor.page.getByRole('link', { name: 'Settings' }).click();
  await visitor.arrives('/settings');
});
