// What every page has: the bar with the person's name and its menu on a phone, and the choice of a theme.

import { expect, test } from '../fixtures';
import { somebody } from '../people';

const PHONE = { width: 390, height: 844 };

test('the bar shows the name that the person chose, at once', async ({ visitor }) => {
  const { page } = visitor;
  const ada = somebody();
  await visitor.register(ada);
  const name = page.locator('.bar-name');
  await expect(name).toHaveText(ada.name ?? ada.email.split('@')[0]);
  await visitor.open('/settings/public');
  await page.getByLabel('Display name').fill('Countess of Lovelace');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved.')).toBeVisible();
  await expect(name).toHaveText('Countess of Lovelace');
  await visitor.open('/');
  await expect(name).toHaveText('Countess of Lovelace');
  await visitor.open('/settings/public');
  await page.getByRole('button', { name: 'Clear all public data' }).click();
  await expect(page.getByText('Cleared.')).toBeVisible();
  await expect(name).toHaveText(ada.name ?? ada.email.split('@')[0]);
});

test('on a phone the bar is one line, with a menu', async ({ visitor }) => {
  const { page } = visitor;
  await page.setViewportSize(PHONE);
  await visitor.register(somebody());
  expect((await page.locator('.bar').boundingBox())?.height).toBeLessThan(64);
  const settings = page.getByRole('link', { name: 'Settings' });
  await expect(settings).toBeHidden();
  await page.getByRole('button', { name: 'Menu' }).click();
  await expect(settings).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(settings).toBeHidden();
  await page.getByRole('button', { name: 'Menu' }).press('Enter');
  await settings.click();
  await visitor.arrives('/settings');
  await expect(settings).toBeHidden();
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await visitor.arrives('/');
  await visitor.isAnonymous();
});

for (const path of ['/', '/login', '/privacy']) {
  test(`anyone chooses light or dark on ${path}`, async ({ visitor }) => {
    const { page } = visitor;
    const html = page.locator('html');
    const choice = page.getByRole('form', { name: 'Colours' });
    await visitor.open(path);
    await expect(html).not.toHaveAttribute('data-theme');
    await choice.getByRole('button', { name: 'Dark' }).click();
    await expect(html).toHaveAttribute('data-theme', 'dark');
    await expect(choice.getByRole('button', { pressed: true })).toHaveText('Dark');
    await visitor.arrives(path);
    await visitor.open('/register');
    await expect(html).toHaveAttribute('data-theme', 'dark');
    await choice.getByRole('button', { name: 'System' }).click();
    await expect(html).not.toHaveAttribute('data-theme');
    await visitor.open(path);
    await expect(html).not.toHaveAttribute('data-theme');
  });
}

test('a theme that was chosen in one browser is there in the next', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const html = visitor.page.locator('html');
  const choice = visitor.page.getByRole('form', { name: 'Colours' });
  await choice.getByRole('button', { name: 'Dark' }).click();
  await expect(html).toHaveAttribute('data-theme', 'dark');
  await visitor.open('/settings/public');
  await expect(visitor.page.getByRole('combobox', { name: 'Theme' })).toHaveValue('dark');
  await choice.getByRole('button', { name: 'Light' }).click();
  await expect(html).toHaveAttribute('data-theme', 'light');
  const other = await anotherBrowser();
  await other.signIn(ada);
  await other.open('/profile');
  await expect(other.page.locator('html')).toHaveAttribute('data-theme', 'light');
});
