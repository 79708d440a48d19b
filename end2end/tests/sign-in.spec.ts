import { expect, test } from '../fixtures';
import { somebody } from '../people';

const ID_COOKIE = 'id';

test('signing in and out with a password', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.signIn(ada);
  await visitor.isSignedIn();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(ada.name);
});

test('a deep link leads back after signing in, with its query', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();

  await visitor.open('/settings/accounts?from=mail&to=%2Fme');
  await visitor.arrives('/login?return_to=%2Fsettings%2Faccounts%3Ffrom%3Dmail%26to%3D%252Fme');
  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives('/settings/accounts?from=mail&to=%2Fme');
  await visitor.isSignedIn();
});

test('a deep link with unusual characters is kept unchanged', async ({ visitor }) => {
  const ada = somebody();
  const page = '/settings/public?a=100%25&b=%2525&c=1%2B2+3&d=%26&e=%C3%BC';
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.open(page);
  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives(page);
});

test('a page tolerates a malformed address', async ({ visitor }) => {
  for (const query of ['return_to=%25', 'return_to=%', 'return_to=%2525zz', '%&%25=%25', 'error=%25']) {
    await visitor.open(`/login?${query}`);
    await visitor.isAnonymous();
  }
});

test('a deep link survives a wrong password and a change of mind', async ({ visitor }) => {
  const ada = somebody();
  await visitor.open('/settings/sessions');
  await visitor.arrives('/login?return_to=%2Fsettings%2Fsessions');
  await visitor.fillSignIn(ada);
  visitor.expectRefusal('/api/login', 401);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await expect(visitor.alert).toBeVisible();
  for (const label of ['E-mail', 'Password']) {
    await expect(visitor.field(label)).toHaveAttribute('aria-invalid', 'true');
    await expect(visitor.field(label)).toHaveAccessibleDescription(/do not match/);
  }

  await visitor.page.getByRole('link', { name: 'Create an account' }).click();
  await visitor.arrives('/register?return_to=/settings/sessions');
  await visitor.fillRegistration(ada);
  await visitor.button('Create account').click();
  await visitor.arrives('/settings/sessions');
});

for (const elsewhere of ['https://example.org/', '//example.org', '/\\example.org', '/api/logout']) {
  test(`nobody is led to ${elsewhere}`, async ({ visitor }) => {
    const ada = somebody();
    await visitor.register(ada);
    await visitor.signOut();
    await visitor.open(`/login?return_to=${encodeURIComponent(elsewhere)}`);
    await visitor.fillSignIn(ada);
    await visitor.button('Sign in').click();
    await visitor.arrives('/');
    await visitor.isSignedIn();
  });
}

test('a signed-in user stays signed in across reloads, from the first byte', async ({ visitor }) => {
  await visitor.register(somebody());
  for (const path of ['/profile', '/', '/settings/public', '/settings/sessions', '/settings/security']) {
    await visitor.open(path);
    const page = await (await visitor.reload()).text();
    expect(page).toContain('Sign out');
    expect(page).not.toMatch(/<a[^>]*href="\/login"/);
    await visitor.isSignedIn();
  }
});

test('a signed-in user is redirected from the login page', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/login');
  await visitor.arrives('/profile');
  await visitor.open('/register?return_to=%2Fsettings%2Fpublic');
  await visitor.arrives('/settings/public');
});

test('a session lasts as long as asked', async ({ visitor }) => {
  const ada = somebody();
  const expiry = async () => {
    const cookies = await visitor.context.cookies();
    return cookies.find(({ name }) => name === ID_COOKIE)?.expires;
  };
  await visitor.register(ada);
  expect(await expiry()).toBe(-1);
  await visitor.signOut();
  expect(await expiry()).toBeUndefined();

  await visitor.open('/login');
  await visitor.fillSignIn(ada);
  await visitor.page.getByRole('checkbox', { name: 'Keep me signed in' }).check();
  await visitor.button('Sign in').click();
  await visitor.arrives('/profile');
  const days = ((await expiry()) ?? 0) / 86_400 - Date.now() / 86_400_000;
  expect(days).toBeGreaterThan(29);
  expect(days).toBeLessThanOrEqual(30);
});

test('a wrong password, an unknown address and a wrong case are all the same', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.open('/login');
  visitor.expectRefusal('/api/login', 401);
  for (const wrong of [
    { ...ada, password: somebody().password },
    { ...ada, password: ada.password.toUpperCase() },
    somebody(),
  ]) {
    await visitor.fillSignIn(wrong);
    await visitor.send(visitor.button('Sign in'), '/api/login');
    await expect(visitor.alert).toHaveText('This e-mail address and password do not match.');
    await expect(visitor.field('E-mail')).toHaveValue(wrong.email);
    await visitor.isAnonymous();
  }
});

test('a password is never filled in again', async ({ visitor }) => {
  const ada = somebody();
  await visitor.open('/login');
  await visitor.fillSignIn(ada);
  visitor.expectRefusal('/api/login', 401);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await expect(visitor.alert).toBeVisible();
  expect(await visitor.page.content()).not.toContain(ada.password);
  expect(visitor.page.url()).not.toContain(encodeURIComponent(ada.email));
});

test('an error disappears with the page', async ({ visitor }) => {
  await visitor.open('/login');
  await visitor.fillSignIn(somebody());
  visitor.expectRefusal('/api/login', 401);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await expect(visitor.alert).toBeVisible();
  await visitor.page.getByRole('link', { name: 'Create an account' }).click();
  await visitor.arrives('/register');
  await expect(visitor.alert).toBeHidden();
  await visitor.open('/login');
  await expect(visitor.alert).toBeHidden();
});

test('guessing is slowed down', async ({ visitor }) => {
  const ada = somebody();
  await visitor.open('/login');
  visitor.expectRefusal('/api/login', 401);
  visitor.expectRefusal('/api/login', 429);
  for (let attempt = 1; attempt <= 6; attempt += 1) {
    await visitor.fillSignIn(ada);
    await visitor.send(visitor.button('Sign in'), '/api/login');
    await expect(visitor.alert).toHaveText(
      attempt <= 5
        ? 'This e-mail address and password do not match.'
        : /^Too many attempts\. Please try again in \d+ (seconds?|minutes?)\.$/,
    );
  }
});

test('signing out reaches the other tabs, and the back button does not undo it', async ({ visitor }) => {
  await visitor.register(somebody());
  const tab = await visitor.anotherTab();
  await tab.open('/');
  await visitor.signOut();

  await tab.open('/settings/public');
  await tab.arrives('/login?return_to=%2Fsettings%2Fpublic');
  await visitor.page.goBack();
  await visitor.arrives('/login?return_to=%2Fprofile');
});
