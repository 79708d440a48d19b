import type { Locator } from '@playwright/test';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import type { Visitor } from '../visitor';

const WRONG = 'The current password is incorrect.';

function card({ page }: Visitor, name: string): Locator {
  return page.getByRole('region', { name });
}

test('a new password ends the other sessions, and is the one that counts', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const changed = { ...ada, password: somebody().password };
  await visitor.register(ada);
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);

  await visitor.open('/settings/security');
  await visitor.field('Current password').fill(ada.password);
  await visitor.field('New password').fill(changed.password);
  await visitor.send(visitor.button('Change password'), '/api/change_password');
  await expect(visitor.status).toHaveText('Your password has been changed, and your other sessions have ended.');
  await visitor.reload();
  await visitor.isSignedIn();

  await elsewhere.open('/profile');
  await elsewhere.arrives('/login?return_to=%2Fprofile');
  await elsewhere.fillSignIn(ada);
  elsewhere.expectRefusal('/api/login', 401);
  await elsewhere.send(elsewhere.button('Sign in'), '/api/login');
  await expect(elsewhere.alert).toBeVisible();
  await elsewhere.fillSignIn(changed);
  await elsewhere.button('Sign in').click();
  await elsewhere.arrives('/profile');
});

test('the password is not changed without the current one, nor to a bad one', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security');
  visitor.expectRefusal('/api/change_password', 401);
  visitor.expectRefusal('/api/change_password', 422);
  for (const { current, next, says, field } of [
    {
      current: somebody().password,
      next: somebody().password,
      says: WRONG,
      field: 'Current password',
    },
    { current: ada.password, next: 'too short', says: 'This password is too short.', field: 'New password' },
    {
      current: ada.password,
      next: `${ada.email}`,
      says: 'This password is easy to guess. Try a few unrelated words.',
      field: 'New password',
    },
  ]) {
    await visitor.field('Current password').fill(current);
    await visitor.field('New password').fill(next);
    await visitor.send(visitor.button('Change password'), '/api/change_password');
    await expect(visitor.alert).toHaveText(says);
    await expect(visitor.field(field)).toHaveAttribute('aria-invalid', 'true');
  }
  await visitor.signOut();
  await visitor.signIn(ada);
});

test('an error is shown in the form that was sent, at the field it is about', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security');
  const change = card(visitor, 'Change your password');
  const confirm = card(visitor, 'Confirm your identity');
  const current = visitor.field('Current password');
  const password = confirm.getByLabel('Password', { exact: true });

  visitor.expectRefusal('/api/change_password', 401);
  await current.fill(somebody().password);
  await visitor.field('New password').fill(somebody().password);
  await visitor.send(visitor.button('Change password'), '/api/change_password');
  await expect(change.getByRole('alert')).toHaveText(WRONG);
  await expect(visitor.alert).toHaveCount(1);
  await expect(current).toHaveAttribute('aria-invalid', 'true');
  await expect(current).toHaveAccessibleDescription(WRONG);
  for (const other of [visitor.field('New password'), password]) {
    await expect(other).not.toHaveAttribute('aria-invalid');
    await expect(other).not.toHaveAccessibleDescription(WRONG);
  }

  visitor.expectRefusal('/api/confirm_identity', 401);
  await password.fill(somebody().password);
  await visitor.send(visitor.button('Confirm'), '/api/confirm_identity');
  await expect(confirm.getByRole('alert')).toHaveText(WRONG);
  await expect(visitor.alert).toHaveCount(1);
  await expect(password).toHaveAttribute('aria-invalid', 'true');
  await expect(password).toHaveAccessibleDescription(WRONG);
  await expect(current).not.toHaveAttribute('aria-invalid');
  await expect(current).not.toHaveAccessibleDescription(WRONG);

  await password.fill(ada.password);
  await visitor.send(visitor.button('Confirm'), '/api/confirm_identity');
  await expect(confirm.getByRole('status')).toHaveText('Your identity is confirmed. You can make your change now.');
  await expect(visitor.alert).toHaveCount(0);
});

test('confirming the identity leads back to the page that required it', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security?return_to=/settings/accounts');
  const confirm = card(visitor, 'Confirm your identity');
  await confirm.getByLabel('Password', { exact: true }).fill(somebody().password);
  visitor.expectRefusal('/api/confirm_identity', 401);
  await visitor.send(visitor.button('Confirm'), '/api/confirm_identity');
  await expect(visitor.alert).toBeVisible();

  await confirm.getByLabel('Password', { exact: true }).fill(ada.password);
  await visitor.button('Confirm').click();
  await visitor.arrives('/settings/accounts');
  await visitor.isSignedIn();
});

test('a user without a password confirms at the provider, and can set one', async ({ visitor }) => {
  const ada = somebody();
  await visitor.signInWithAcme(ada.email);
  await visitor.open('/settings/security');
  await visitor.button('Sign in again with Acme').click();
  await visitor.button('Cancel').click();
  await visitor.arrives('/settings/security');
  await expect(visitor.alert).toContainText('cancelled or refused at the provider');
  await visitor.isSignedIn();
  await visitor.reload();
  await expect(visitor.alert).toBeHidden();

  await visitor.atAcme('Sign in again with Acme', ada.email);
  await visitor.arrives('/settings/security');

  await visitor.field('New password').fill('too short');
  visitor.expectRefusal('/api/set_password', 422);
  await visitor.send(visitor.button('Set password'), '/api/set_password');
  await expect(visitor.alert).toHaveText('This password is too short.');
  await visitor.field('New password').fill(ada.password);
  await visitor.send(visitor.button('Set password'), '/api/set_password');
  await expect(visitor.status).toHaveText('Your password has been set, and your other sessions have ended.');
  await expect(visitor.button('Change password')).toBeVisible();

  await visitor.signOut();
  await visitor.signIn(ada);
});
