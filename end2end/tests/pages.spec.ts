import { expect, test } from '../fixtures';
import { somebody } from '../people';

const PUBLIC = [
  { path: '/', title: 'start-axum-auth', heading: 'Accounts and sign-in, ready to build on' },
  { path: '/login', title: 'Sign in · start-axum-auth', heading: 'Sign in' },
  { path: '/register', title: 'Create an account · start-axum-auth', heading: 'Create an account' },
];

const TABS = [
  { path: '/settings/public', tab: 'Public', title: 'Public data' },
  { path: '/settings/private', tab: 'Private', title: 'Private data' }, // wing:private-data
  { path: '/settings/accounts', tab: 'Accounts', title: 'Accounts' },
  { path: '/settings/sessions', tab: 'Sessions', title: 'Sessions' },
  { path: '/settings/security', tab: 'Security', title: 'Security' },
];

for (const { path, title, heading } of PUBLIC) {
  test(`${path} is there for everybody`, async ({ visitor }) => {
    expect((await visitor.open(path)).status()).toBe(200);
    await expect(visitor.page).toHaveTitle(title);
    await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(heading);
    await expect(visitor.page.locator('html')).toHaveAttribute('lang', 'en');
    await visitor.isAnonymous();
  });
}

for (const path of ['/profile', '/settings', ...TABS.map((tab) => tab.path)]) {
  test(`${path} asks who one is`, async ({ visitor }) => {
    await visitor.open(path);
    await visitor.arrives(`/login?return_to=${encodeURIComponent(path)}`);
    await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Sign in');
  });
}

test('the settings are one page with tabs', async ({ visitor }) => {
  const { page } = visitor;
  await visitor.register(somebody());
  await page.getByRole('link', { name: 'Settings' }).click();
  await visitor.arrives('/settings');
  const tabs = page.getByRole('navigation', { name: 'Settings' });
  await expect(tabs.getByRole('link', { name: 'Public' })).toHaveAttribute('aria-current', 'page');
  for (const { path, tab, title } of TABS) {
    await tabs.getByRole('link', { name: tab }).click();
    await visitor.arrives(path);
    await expect(page).toHaveTitle(`${title} · start-axum-auth`);
    await expect(tabs.getByRole('link', { name: tab })).toHaveAttribute('aria-current', 'page');
    await expect(tabs.locator('[aria-current]')).toHaveCount(1);
    await expect(page.getByRole('main').getByRole('heading', { level: 2 }).first()).toBeVisible();
  }
});

test('an address with an extra slash leads to the same page', async ({ visitor }) => {
  await visitor.open('/login/?return_to=/profile');
  await visitor.arrives('/login?return_to=/profile');
});

test('the keyboard can skip the navigation', async ({ visitor }) => {
  const { page } = visitor;
  await visitor.open('/login');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('the home page knows who is signed in', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.page.getByRole('link', { name: 'start-axum-auth' }).click();
  await visitor.arrives('/');
  await expect(visitor.page.getByRole('main')).toContainText(`You are signed in as ${ada.email}`);
});
