import { LoopbackClient } from '../clients';
import { expect, test as base } from '../fixtures';
import { somebody } from '../people';
import { APP } from '../servers';

const test = base.extend<{ client: LoopbackClient }>({
  client: async ({ watch }, use) => {
    const client = await LoopbackClient.start();
    watch.expectSite(client.origin);
    await use(client);
    await client.stop();
  },
});

async function brought(client: LoopbackClient): Promise<Record<string, string>> {
  await expect.poll(() => client.answer).toBeDefined();
  return Object.fromEntries(client.answer?.searchParams ?? []);
}

test('a user allows what a client asks for, which gets a code', async ({ visitor, client }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open(client.asking('profile data'));
  const { page } = visitor;
  const main = page.getByRole('main');
  await expect(main.getByRole('heading', { level: 2 })).toHaveText('Development client asks for access to your account');
  await expect(main).toContainText('It is one of our own applications.');
  await expect(main).toContainText('see your name, e-mail address and role');
  await expect(main).toContainText('keep data of its own about you');
  await expect(main).not.toContainText('do everything');
  await expect(main).toContainText(`you go back to ${new URL(client.redirect).host}`);
  await expect(main).toContainText(`You are signed in as ${ada.email}.`);

  await visitor.button('Allow').click();
  await expect(page.getByText('You can close this window.')).toBeVisible();
  const { code, ...rest } = await brought(client);
  expect(code).toMatch(/^sac_[0-9a-f]{72}$/);
  expect(rest).toEqual({ iss: APP, state: client.state });
});

test('a user denies it', async ({ visitor, client }) => {
  await visitor.register(somebody());
  await visitor.open(client.asking('app'));
  await visitor.button('Deny').click();
  await expect(visitor.page.getByText('You can close this window.')).toBeVisible();
  expect(await brought(client)).toEqual({ error: 'access_denied', iss: APP, state: client.state });
});

test('a sign-in comes first, and leads to the question', async ({ visitor, client }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.open(client.asking());
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Sign in');
  await visitor.fillSignIn(ada);
  await visitor.button('Sign in').click();
  await visitor.arrives(client.asking());
  await visitor.button('Allow').click();
  expect((await brought(client)).state).toBe(client.state);
});

test('a sign-in with a provider leads to the question as well', async ({ visitor, client }) => {
  await visitor.open(client.asking());
  await visitor.atAcme('Continue with Acme', somebody('acme').email);
  await visitor.arrives(client.asking());
  await visitor.button('Allow').click();
  expect((await brought(client)).state).toBe(client.state);
});

test('a user takes another account', async ({ visitor, anotherBrowser, client }) => {
  const [ada, grace] = [somebody(), somebody('grace')];
  await (await anotherBrowser()).register(grace);
  await visitor.register(ada);
  await visitor.open(client.asking());
  await visitor.button('Use another account').click();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Sign in');
  await visitor.hydrated();
  await visitor.fillSignIn(grace);
  await visitor.button('Sign in').click();
  await visitor.arrives(client.asking());
  await expect(visitor.page.getByRole('main')).toContainText(`You are signed in as ${grace.email}.`);
});

test('the question is there again after a look at another page', async ({ visitor, client }) => {
  await visitor.register(somebody());
  await visitor.open(client.asking());
  await visitor.navigation.getByRole('link', { name: 'Profile' }).click();
  await visitor.arrives('/profile');
  await visitor.page.goBack();
  await visitor.arrives(client.asking());
  await expect(visitor.button('Allow')).toBeVisible();
  await visitor.hydrated();
  await visitor.button('Deny').click();
  expect((await brought(client)).error).toBe('access_denied');
});

test('a link that is wrong leads nowhere', async ({ visitor, client }) => {
  await visitor.register(somebody());
  visitor.expectPage('/oauth/authorize', 400);
  await visitor.page.goto(client.asking().replace('callback', 'elsewhere'));
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('This link does not work');
  expect(client.answer).toBeUndefined();
});
