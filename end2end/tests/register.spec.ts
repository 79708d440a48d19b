import { expect, test } from '../fixtures';
import { somebody } from '../people';

test('a new user is signed in, and sees their name and address', async ({ visitor }) => {
  const ada = somebody();
  await visitor.open('/');
  await visitor.page.getByRole('link', { name: 'Create an account' }).click();
  await visitor.arrives('/register');
  await visitor.fillRegistration(ada);
  await visitor.button('Create account').click();

  await visitor.arrives('/profile');
  await visitor.isSignedIn();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(ada.name);
  await expect(visitor.page.getByRole('main')).toContainText(ada.email);
});

test('the name is optional', async ({ visitor }) => {
  const ada = somebody();
  await visitor.open('/register');
  await visitor.fillRegistration({ ...ada, name: '' });
  await visitor.button('Create account').click();

  await visitor.arrives('/profile');
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(ada.email.split('@')[0]);
});

test('the case of an address does not matter', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register({ ...ada, email: ada.email.toUpperCase() });
  await visitor.signOut();
  await visitor.signIn(ada);
  await expect(visitor.page.getByRole('main')).toContainText(ada.email);
});

test('an address in use is refused, with a link to sign in', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);

  const stranger = await anotherBrowser();
  await stranger.open('/register?return_to=%2Fsettings%2Faccounts');
  await stranger.fillRegistration({ ...ada, password: somebody().password });
  stranger.expectRefusal('/api/register', 409);
  await stranger.send(stranger.button('Create account'), '/api/register');

  await expect(stranger.alert).toContainText('An account with this e-mail address already exists.');
  await expect(stranger.field('E-mail')).toHaveValue(ada.email);
  await expect(stranger.field('E-mail')).toHaveAttribute('aria-invalid', 'true');
  await stranger.isAnonymous();
  await stranger.alert.getByRole('link', { name: 'Sign in instead' }).click();
  await stranger.arrives('/login?return_to=/settings/accounts');
  await expect(stranger.alert).toBeHidden();
});

const WRONG = [
  { what: 'a short password', wrong: { password: 'fourteen chars' }, says: 'This password is too short.', field: 'Password' },
  {
    what: 'a password everybody tries first',
    wrong: { password: 'password1234567' },
    says: 'This password is easy to guess. Try a few unrelated words.',
    field: 'Password',
  },
  {
    what: 'an address that only browsers take for one',
    wrong: { email: 'ada..lovelace@example.org' },
    says: 'This is not an e-mail address we can use.',
    field: 'E-mail',
  },
];
for (const { what, wrong, says, field } of WRONG) {
  test(`${what} is refused, and what was typed stays`, async ({ visitor }) => {
    const ada = { ...somebody(), ...wrong };
    await visitor.open('/register');
    await visitor.fillRegistration(ada);
    visitor.expectRefusal('/api/register', 422);
    await visitor.send(visitor.button('Create account'), '/api/register');

    await expect(visitor.alert).toHaveText(says);
    await expect(visitor.field('Name (optional)')).toHaveValue(ada.name);
    await expect(visitor.field('E-mail')).toHaveValue(ada.email);
    const invalid = visitor.field(field);
    await expect(invalid).toHaveAttribute('aria-invalid', 'true');
    await expect(invalid).toHaveAccessibleDescription(new RegExp(says));

    await visitor.fillRegistration(somebody());
    await visitor.button('Create account').click();
    await visitor.arrives('/profile');
  });
}
