import { expect, test } from '../fixtures';
import { somebody } from '../people';
import { ACME, APP } from '../servers';

test('unknown addresses have a page', async ({ visitor }) => {
  visitor.expectPage('/nowhere', 404);
  expect((await visitor.open('/nowhere')).status()).toBe(404);
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');
  await visitor.page.getByRole('link', { name: 'Go to the start page' }).click();
  await visitor.arrives('/');
});

test('an unknown address does not sign the user out', async ({ visitor }) => {
  await visitor.register(somebody());
  visitor.expectPage('/nowhere', 404);
  await visitor.open('/nowhere');
  await visitor.isSignedIn();
});

test('a refused provider address shows a page', async ({ visitor }) => {
  visitor.expectPage('/auth/callback/nobody', 404);
  await visitor.page.goto('/auth/callback/nobody');
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here.');
  await visitor.page.getByRole('link', { name: 'Go to the start page' }).click();
  await visitor.arrives('/');
});

test('text from the address is never shown on a page', async ({ visitor }) => {
  const forged = Buffer.from('{"error":"internal","message":"Call us at once"}').toString('base64url');
  for (const path of [
    '/login?error=Call+us+at+once',
    `/login?__path=%2Fapi%2Flogin&__err=${forged}`,
    `/register?__path=%2Fapi%2Fregister&__err=${forged}`,
  ]) {
    await visitor.open(path);
    await expect(visitor.alert).toBeHidden();
    await expect(visitor.page.getByRole('main')).not.toContainText('Call us');
  }
});

test('invalid cookies count as absent', async ({ visitor }) => {
  await visitor.context.addCookies([
    { name: 'id', value: 'AAAAAAAAAAAAAAAAAAAAAA', url: APP },
    { name: 'auth', value: 'v4.local.AAAA.AAAA', url: APP },
    { name: 'flash', value: 'v4.local.AAAA', url: APP },
    { name: 'theme', value: '"><script>', url: APP },
  ]);
  await visitor.open('/profile');
  await visitor.arrives('/login?return_to=%2Fprofile');
  await visitor.isAnonymous();
  const kept = await visitor.context.cookies();
  expect(kept.filter(({ name }) => ['id', 'auth'].includes(name))).toEqual([]);
  await visitor.register(somebody());
});

test('a form on another site changes nothing', async ({ visitor }) => {
  await visitor.register(somebody());
  // Only the port is another one: to browsers that is the same site, and they send the cookies along.
  await visitor.page.route(`${ACME}/elsewhere`, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<html lang="en"><title>Elsewhere</title><form method="post" action="${APP}/api/logout"><button>Win</button></form></html>`,
    }),
  );
  visitor.expectPage('/api/logout', 403);
  await visitor.page.goto(`${ACME}/elsewhere`);
  await visitor.button('Win').click();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(
    'This request came from another site and was refused.',
  );
  await visitor.open('/profile');
  await visitor.isSignedIn();
});
