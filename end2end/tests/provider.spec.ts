import { expect, test } from '../fixtures';
import { somebody } from '../people';

test('signing in with a provider creates an account, and finds it again', async ({ visitor }) => {
  const { email } = somebody();
  const name = `${email.split('@')[0]} of Acme`;
  await visitor.signInWithAcme(email);
  await visitor.isSignedIn();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(name);
  const account = visitor.page.getByRole('region', { name: 'Account' });
  await expect(account).toContainText(email);
  await expect(account).toContainText('Verified');
  await expect(account.getByRole('listitem')).toHaveText(['Acme']);

  await visitor.signOut();
  await visitor.signInWithAcme(email);
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(name);
  await visitor.open('/settings/sessions');
  await expect(visitor.page.getByRole('main').getByRole('listitem').filter({ hasText: 'Current session' })).toContainText('with Acme');
});

test('a deep link leads back through a provider', async ({ visitor }) => {
  await visitor.open('/settings/accounts?from=mail');
  await visitor.arrives('/login?return_to=%2Fsettings%2Faccounts%3Ffrom%3Dmail');
  await visitor.atAcme('Continue with Acme', somebody().email);
  await visitor.arrives('/settings/accounts?from=mail');
  await visitor.isSignedIn();
});

test('a user who declines at the provider comes back, and can sign in another way', async ({ visitor }) => {
  await visitor.open('/login?return_to=/settings/public');
  await visitor.button('Continue with Acme').click();
  await visitor.button('Cancel').click();
  await visitor.arrives('/login?error=denied&return_to=%2Fsettings%2Fpublic');
  await expect(visitor.alert).toContainText('cancelled or refused at the provider');
  await visitor.isAnonymous();

  await visitor.atAcme('Continue with Acme', somebody().email);
  await visitor.arrives('/settings/public');
});

test('a failure of the provider is shown', async ({ visitor }) => {
  await visitor.open('/login');
  await visitor.atAcme('Continue with Acme', somebody('broken').email);
  await visitor.arrives('/login?error=provider');
  await expect(visitor.alert).toContainText('The provider could not be reached or sent an invalid response.');
  await visitor.isAnonymous();
});

test('an unverified address is not given to a user', async ({ visitor }) => {
  const { email } = somebody('unverified');
  await visitor.signInWithAcme(email);
  const account = visitor.page.getByRole('region', { name: 'Account' });
  await expect(account).toContainText('No address');
  await expect(account).not.toContainText(email);
});

test('an unverified address does not sign in to an existing account', async ({ visitor, anotherBrowser }) => {
  const ada = somebody('unverified');
  await visitor.register(ada);
  const stranger = await anotherBrowser();
  await stranger.open('/login');
  await stranger.atAcme('Continue with Acme', ada.email);
  await stranger.arrives('/login?error=unverified');
  await expect(stranger.alert).toContainText('The provider has not confirmed that this e-mail address is yours.');
  await stranger.isAnonymous();
});

test('an account is connected only by its owner, who signs in to it', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();

  await visitor.open('/login?return_to=/settings/accounts');
  await visitor.atAcme('Continue with Acme', ada.email);
  await visitor.arrives('/login?error=link_required&return_to=%2Fsettings%2Faccounts');
  await expect(visitor.alert).toContainText('Sign in to it');
  await visitor.isAnonymous();

  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives('/settings/accounts');
  await expect(visitor.page.getByRole('region', { name: 'Connected accounts' }).getByRole('listitem')).toContainText('Acme');
  await visitor.signOut();

  await visitor.signInWithAcme(ada.email);
  // Names follow the provider.
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(/ of Acme$/);
  await expect(visitor.page.getByRole('main')).toContainText(ada.email);
});

test('an account that waits for its owner is not connected to another user', async ({ visitor }) => {
  const [ada, eve] = [somebody(), somebody('eve')];
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.register(eve);
  await visitor.signOut();

  await visitor.open('/login');
  await visitor.atAcme('Continue with Acme', ada.email);
  await visitor.arrives('/login?error=link_required');
  await visitor.fillSignIn(eve);
  await visitor.button('Sign in').click();
  await visitor.arrives('/profile');
  await visitor.open('/settings/accounts');
  await expect(visitor.page.getByRole('region', { name: 'Connected accounts' })).toContainText('No provider is connected');
});

test('a callback that is loaded again changes nothing', async ({ visitor }) => {
  const callback = visitor.page.waitForRequest((request) => new URL(request.url()).pathname === '/auth/callback/acme');
  await visitor.signInWithAcme(somebody().email);
  const address = (await callback).url();
  await visitor.open(address);
  await visitor.arrives('/profile');
  await visitor.isSignedIn();
});

test('a callback from another browser signs in no one', async ({ visitor, anotherBrowser }) => {
  await visitor.open('/login');
  await visitor.button('Continue with Acme').click();
  await expect(visitor.page.getByRole('heading', { name: 'Sign in to Acme' })).toBeVisible();
  // The last steps at the provider, but for the last of all: the way back is for another browser.
  const { request } = visitor.context;
  const answer = await request.post(visitor.page.url(), { form: { email: somebody().email }, maxRedirects: 0 });
  const end = await request.get(answer.headers()['location'], { maxRedirects: 0 });
  const address = end.headers()['location'];
  expect(address).toContain('/auth/callback/acme?code=');

  const victim = await anotherBrowser();
  await victim.open(address);
  await victim.arrives('/login?error=expired');
  await expect(victim.alert).toContainText('This took too long, or it was finished in another browser.');
  await victim.isAnonymous();
});
