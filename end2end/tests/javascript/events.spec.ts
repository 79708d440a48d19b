// Pages learn of the end of their session while they are open.

import type { BrowserContext, Page, Request } from '@playwright/test';
import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import type { Visitor } from '../../visitor';

function listens(request: Request): boolean {
  return new URL(request.url()).pathname === '/api/events';
}

/** The requests with which the pages of a browser listen, from now on. */
function listening(context: BrowserContext): Request[] {
  const requests: Request[] = [];
  context.on('request', (request) => {
    if (listens(request)) {
      requests.push(request);
    }
  });
  return requests;
}

async function endEverywhereElse(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/sessions');
  await visitor.send(visitor.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(visitor.status).toHaveText('You are signed out everywhere else.');
}

/** What a browser does when a tab is covered, or shown again. */
async function show(page: Page, shown: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, !shown);
}

test('a session that is ended in another browser leaves all its pages at once', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const settings = await visitor.anotherTab();
  await settings.open('/settings/public');
  const home = await visitor.anotherTab();
  await home.open('/');
  await home.isSignedIn();

  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await endEverywhereElse(elsewhere);
  await visitor.arrives('/login?return_to=%2Fprofile');
  await settings.arrives('/login?return_to=%2Fsettings%2Fpublic');
  await home.isAnonymous();
  await elsewhere.reload();
  await elsewhere.isSignedIn();
});

test('typed text outlives the session, and its page listens again when its user is back', async ({
  visitor,
  anotherBrowser,
}) => {
  const ada = somebody();
  const requests = listening(visitor.context);
  await visitor.register(ada);
  await visitor.open('/settings/public');
  await visitor.field('Bio').fill('Typed for long');
  const tab = await visitor.anotherTab();
  await tab.open('/profile');
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await endEverywhereElse(elsewhere);

  await tab.arrives('/login?return_to=%2Fprofile');
  await expect(visitor.field('Bio')).toHaveValue('Typed for long');
  const before = requests.length;
  await tab.fillSignIn(ada);
  await tab.button('Sign in').click();
  await tab.arrives('/profile');
  await expect.poll(() => requests.length).toBe(before + 1);
  await expect(visitor.field('Bio')).toHaveValue('Typed for long');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
});

test('the tabs of a browser share one stream, which another tab takes over', async ({ visitor }) => {
  const requests = listening(visitor.context);
  await visitor.register(somebody());
  await expect.poll(() => requests.length).toBe(1);
  const tabs: Visitor[] = [];
  for (let count = 0; count < 8; count += 1) {
    const tab = await visitor.anotherTab();
    await tab.open('/settings/public');
    tabs.push(tab);
  }
  expect(requests).toHaveLength(1);
  await visitor.page.close();
  await expect.poll(() => requests.length).toBe(2);
});

test('a page listens only while it is visible', async ({ visitor }) => {
  const requests = listening(visitor.context);
  await visitor.register(somebody());
  await expect.poll(() => requests.length).toBe(1);
  const closed = visitor.page.waitForEvent('requestfailed', listens);
  await show(visitor.page, false);
  await closed;
  const tab = await visitor.anotherTab();
  await tab.open('/profile');
  await expect.poll(() => requests.length).toBe(2);
  await show(visitor.page, true);
  await show(tab.page, false);
  await expect.poll(() => requests.length).toBe(3);
});

test('without a session a page does not listen', async ({ visitor }) => {
  const requests = listening(visitor.context);
  await visitor.register(somebody());
  await visitor.signOut();
  const before = requests.length;
  await visitor.open('/login');
  await visitor.open('/');
  expect(requests).toHaveLength(before);
});
