import type { Locator } from '@playwright/test';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import type { Visitor } from '../visitor';

function connected({ page }: Visitor): Locator {
  return page.getByRole('region', { name: 'Connected accounts' });
}

test('an account is connected, signs in, and is disconnected', async ({ visitor }) => {
  const [ada, atAcme] = [somebody(), somebody('acme').email];
  await visitor.register(ada);
  await visitor.open('/settings/accounts');
  await expect(connected(visitor)).toContainText('No provider is connected');

  await visitor.atAcme('Connect Acme', atAcme);
  await visitor.arrives('/settings/accounts');
  await expect(connected(visitor).getByRole('heading', { level: 3 })).toHaveText(['Acme']);
  await expect(connected(visitor)).toContainText(atAcme);

  await visitor.signOut();
  await visitor.signInWithAcme(atAcme);
  // Names follow the provider; the address is the person's own.
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(/ of Acme$/);
  await expect(visitor.page.getByRole('main')).toContainText(ada.email);
  await visitor.signOut();

  await visitor.signIn(ada);
  await visitor.open('/settings/accounts');
  await visitor.send(visitor.button('Disconnect Acme'), '/api/unlink_account');
  await expect(visitor.status).toHaveText('Disconnected.');
  await expect(connected(visitor)).toContainText('No provider is connected');
  await visitor.isSignedIn();
  await visitor.signOut();

  // Nobody's any more: it makes an account of its own.
  await visitor.signInWithAcme(atAcme);
  await expect(visitor.page.getByRole('main')).not.toContainText(ada.email);
});

// wing:dev-provider
test('either of two connected providers can be disconnected', async ({ visitor }) => {
  // Without an address that Acme vouches for, there is no other way in.
  const [atAcme, invented] = [somebody('unverified-acme').email, somebody('dev')];
  await visitor.signInWithAcme(atAcme);
  await visitor.open('/settings/accounts');
  await visitor.button('Connect Development').click();
  await visitor.field('E-mail').fill(invented.email);
  await visitor.button('Continue').click();
  await visitor.arrives('/settings/accounts');
  await expect(connected(visitor).getByRole('heading', { level: 3 })).toHaveCount(2);

  await visitor.send(visitor.button('Disconnect Development'), '/api/unlink_account');
  await expect(connected(visitor).getByRole('heading', { level: 3 })).toHaveText(['Acme']);
  await expect(connected(visitor)).toContainText('This is your only way to sign in, so it cannot be removed.');
});
// end wing:dev-provider

test('the only way to sign in cannot be removed', async ({ visitor }) => {
  await visitor.signInWithAcme(somebody('unverified-ada').email);
  await visitor.open('/settings/accounts');
  await expect(connected(visitor)).toContainText('This is your only way to sign in');
  await expect(visitor.button('Disconnect Acme')).toBeHidden();
  await connected(visitor).getByRole('link', { name: 'Set a password' }).click();
  await visitor.arrives('/settings/security');
});

test('with a password, the last account can be disconnected', async ({ visitor }) => {
  await visitor.signInWithAcme(somebody().email);
  await visitor.open('/settings/security');
  await visitor.field('New password').fill(somebody().password);
  await visitor.send(visitor.button('Set password'), '/api/set_password');
  await expect(visitor.status).toHaveText('Your password has been set, and your other sessions have ended.');

  await visitor.open('/settings/accounts');
  await visitor.send(visitor.button('Disconnect Acme'), '/api/unlink_account');
  await expect(visitor.status).toHaveText('Disconnected.');
});

test('an account of another user is not connected', async ({ visitor, anotherBrowser }) => {
  const atAcme = somebody('acme').email;
  const owner = await anotherBrowser();
  await owner.signInWithAcme(atAcme);

  await visitor.register(somebody());
  await visitor.open('/settings/accounts');
  await visitor.atAcme('Connect Acme', atAcme);
  await visitor.arrives('/settings/accounts?error=taken');
  await expect(visitor.alert).toContainText('This provider account is connected to another account here.');
  await expect(connected(visitor)).toContainText('No provider is connected');
  await owner.reload();
  await owner.isSignedIn();
});

test('a user who declines to connect an account stays signed in', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/accounts');
  await visitor.button('Connect Acme').click();
  await visitor.button('Cancel').click();
  await visitor.arrives('/settings/accounts?error=denied');
  await expect(visitor.alert).toBeVisible();
  await visitor.isSignedIn();
});
