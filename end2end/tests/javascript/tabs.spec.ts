// Tabs of one browser are of one mind, without being asked.

import { expect, test } from '../../fixtures';
import { somebody } from '../../people';

test('signing out in one tab signs out the others', async ({ visitor }) => {
  await visitor.register(somebody());
  const tab = await visitor.anotherTab();
  await tab.open('/settings/public');
  const home = await visitor.anotherTab();
  await home.open('/');
  await home.isSignedIn();

  await visitor.signOut();
  await tab.arrives('/login?return_to=%2Fsettings%2Fpublic');
  await tab.isAnonymous();
  await home.isAnonymous();
});

test('signing out of a page that is not hydrated signs out the others, also one with typed text', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/security');
  const document = await visitor.anotherTab();
  await document.open('/settings/accounts');
  const typing = await visitor.anotherTab();
  await typing.open('/settings/public');
  await typing.field('Bio').fill('Typed for long');

  await visitor.button('Sign out').click();
  await visitor.arrives('/');
  await document.arrives('/login?return_to=%2Fsettings%2Faccounts');
  await typing.arrives('/login?return_to=%2Fsettings%2Fpublic');
});

test('signing in in one tab signs in the others', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();
  const tab = await visitor.anotherTab();
  await tab.open('/login?return_to=/settings/sessions');

  await visitor.signIn(ada);
  await tab.arrives('/settings/sessions');
  await tab.isSignedIn();
});

test('switching users in one tab switches them in all tabs', async ({ visitor }) => {
  const [ada, eve] = [somebody().email, somebody('eve').email];
  await visitor.signInWithAcme(ada);
  const tab = await visitor.anotherTab();
  await tab.open('/profile');
  await expect(tab.page.getByRole('main')).toContainText(ada);

  // No page of ours has a button for it: who is signed in only connects or confirms.
  await visitor.page.evaluate(() => {
    const form = document.createElement('form');
    form.method = 'post';
    form.action = '/auth/login/acme';
    document.body.append(form);
    form.submit();
  });
  await expect(visitor.page.getByRole('heading', { name: 'Sign in to Acme' })).toBeVisible();
  await visitor.field('E-mail').fill(eve);
  await visitor.button('Continue').click();
  await visitor.arrives('/profile');
  await expect(tab.page.getByRole('main')).toContainText(eve);
  await expect(tab.page.getByRole('main')).not.toContainText(ada);
});

test('a changed name appears in all tabs at once', async ({ visitor }) => {
  await visitor.register(somebody());
  const tab = await visitor.anotherTab();
  await tab.open('/settings/public');
  await tab.field('Display name').fill('Countess');
  await tab.field('Theme').selectOption('Dark');
  await tab.send(tab.button('Save'), '/api/update_public_data');
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Countess');
});

test('a tab whose session was ended elsewhere shows that, and keeps the typed text', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/public');
  await visitor.field('Display name').fill('Typed for long');
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await elsewhere.open('/settings/sessions');
  await elsewhere.send(elsewhere.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(elsewhere.status).toBeVisible();

  visitor.expectRefusal('/api/update_public_data', 401);
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.alert).toContainText('Your session has ended. Sign in again to continue.');
  await expect(visitor.field('Display name')).toHaveValue('Typed for long');
  await visitor.alert.getByRole('link', { name: 'Sign in' }).click();
  await visitor.arrives('/login?return_to=/settings/public');

  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives('/settings/public');
  await expect(visitor.status).toHaveText('What you typed is here again. It has not been saved yet.');
  await expect(visitor.field('Display name')).toHaveValue('Typed for long');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
});

test('a tab with typed text is not reloaded when its user signs in again elsewhere', async ({
  visitor,
  anotherBrowser,
}) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/public');
  await visitor.field('Bio').fill('Typed for long');
  const elsewhere = await anotherBrowser();
  await elsewhere.signIn(ada);
  await elsewhere.open('/settings/sessions');
  await elsewhere.send(elsewhere.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(elsewhere.status).toBeVisible();

  // The other tab is nobody's first, and then the same person's.
  const tab = await visitor.anotherTab();
  await tab.open('/login?return_to=/settings/sessions');
  await expect(visitor.field('Bio')).toHaveValue('Typed for long');
  await tab.fillSignIn(ada);
  await tab.button('Sign in').click();
  await tab.arrives('/settings/sessions');
  await expect(visitor.field('Bio')).toHaveValue('Typed for long');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
  await visitor.reload();
  await expect(visitor.field('Bio')).toHaveValue('Typed for long');
});

test('signing out also signs out a tab with typed text', async ({ visitor }) => {
  await visitor.register(somebody());
  const tab = await visitor.anotherTab();
  await tab.open('/settings/public');
  await tab.field('Bio').fill('Typed for long');
  await visitor.signOut();
  await tab.arrives('/login?return_to=%2Fsettings%2Fpublic');
});
