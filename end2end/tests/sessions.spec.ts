import type { Locator } from '@playwright/test';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import type { Visitor } from '../visitor';

function rows({ page }: Visitor): Locator {
  return page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem');
}

test('the sessions of two browsers are listed, the current one first', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/sessions');
  await expect(rows(visitor)).toHaveCount(1);
  await expect(rows(visitor)).toContainText('Current session');
  await expect(rows(visitor)).toContainText('Chrome on Linux');
  await expect(rows(visitor)).toContainText('with a password');
  await expect(visitor.page.getByText('You are not signed in anywhere else.')).toBeVisible();

  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await visitor.reload();
  await expect(rows(visitor)).toHaveCount(2);
  await expect(rows(visitor).first()).toContainText('Current session');
});

test('a session ends at once', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await elsewhere.open('/settings/accounts');

  await visitor.open('/settings/sessions');
  const other = rows(visitor).nth(1);
  await visitor.send(other.getByRole('button'), '/api/revoke_session');
  await expect(rows(visitor)).toHaveCount(1);
  await expect(visitor.status).toHaveText('The session has ended.');

  await elsewhere.open('/');
  await elsewhere.isAnonymous();
  await elsewhere.open('/settings/accounts');
  await elsewhere.arrives('/login?return_to=%2Fsettings%2Faccounts');
  await visitor.reload();
  await visitor.isSignedIn();
});

test('all other sessions end together', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const [second, third] = [await anotherBrowser(), await anotherBrowser()];
  await second.register(ada);
  await third.signIn(ada);
  await visitor.signIn(ada);
  await visitor.open('/settings/sessions');
  await expect(rows(visitor)).toHaveCount(3);

  await visitor.send(visitor.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(visitor.status).toHaveText('You are signed out everywhere else.');
  await expect(rows(visitor)).toHaveCount(1);
  for (const other of [second, third]) {
    await other.open('/profile');
    await other.arrives('/login?return_to=%2Fprofile');
  }
  await visitor.reload();
  await visitor.isSignedIn();
});

test('signing out here leaves the other browsers alone', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await visitor.signOut();
  await elsewhere.reload();
  await elsewhere.isSignedIn();
  await elsewhere.open('/settings/sessions');
  await expect(rows(elsewhere)).toHaveCount(1);
});

test('users see only their own sessions', async ({ visitor, anotherBrowser }) => {
  await visitor.register(somebody());
  const eve = await anotherBrowser();
  await eve.register(somebody('eve'));
  await eve.open('/settings/sessions');
  await expect(rows(eve)).toHaveCount(1);
});

test('typed text survives the end of the session', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/public');
  const bio = 'Words of an hour. '.repeat(100).trim();
  await visitor.field('Bio').fill(bio);
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await elsewhere.open('/settings/sessions');
  await elsewhere.send(elsewhere.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(elsewhere.status).toBeVisible();

  visitor.expectRefusal('/api/update_public_data', 401);
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await visitor.open('/login?return_to=/settings/public');
  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives('/settings/public');
  await expect(visitor.field('Bio')).toHaveValue(bio);
  await expect(visitor.status).toHaveText('What you typed is here again. It has not been saved yet.');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
});
