import { expect, test } from '../fixtures';
import { somebody } from '../people';

test.beforeEach(async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.page.getByRole('link', { name: 'Settings' }).click();
  await visitor.arrives('/settings');
});

test('public data is saved, shown, changed and cleared', async ({ visitor }) => {
  const { page } = visitor;
  const preview = page.getByRole('region', { name: 'Preview' });
  await visitor.field('Display name').fill('Countess <Ada>');
  await visitor.field('Bio').fill('First line\nsecond & last');
  await visitor.field('Website').fill('https://example.org/~ada?a=1&b=2');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
  await expect(preview).toContainText('Countess <Ada>');

  await visitor.reload();
  await expect(visitor.status).toBeHidden();
  await expect(visitor.field('Display name')).toHaveValue('Countess <Ada>');
  await expect(visitor.field('Bio')).toHaveValue('First line\nsecond & last');
  await expect(visitor.field('Website')).toHaveValue('https://example.org/~ada?a=1&b=2');

  await visitor.open('/profile');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Countess <Ada>');
  await expect(page.getByRole('link', { name: 'https://example.org/~ada' })).toHaveAttribute(
    'href',
    'https://example.org/~ada?a=1&b=2',
  );

  // An emptied field is removed; the others stay.
  await visitor.open('/settings/public');
  await visitor.field('Website').fill('');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(preview.getByRole('link')).toHaveCount(0);
  await expect(preview).toContainText('Countess <Ada>');

  await visitor.send(visitor.button('Clear all public data'), '/api/clear_public_data');
  await expect(visitor.status).toHaveText('Cleared.');
  await expect(visitor.field('Display name')).toHaveValue('');
  await expect(preview).toContainText('You haven’t written anything about yourself yet.');
  await visitor.reload();
  await expect(visitor.field('Display name')).toHaveValue('');
  await expect(page.getByText('There is no public data to clear.')).toBeVisible();
});

test('the theme follows at once, everywhere, and from the first byte', async ({ visitor }) => {
  const html = visitor.page.locator('html');
  await expect(html).not.toHaveAttribute('data-theme');
  await visitor.field('Theme').selectOption('Dark');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(html).toHaveAttribute('data-theme', 'dark');

  const home = await (await visitor.open('/')).text();
  expect(home).toMatch(/<html[^>]*data-theme="dark"/);
  await expect(html).toHaveAttribute('data-theme', 'dark');

  await visitor.open('/settings/public');
  await expect(visitor.field('Theme')).toHaveValue('dark');
  await visitor.field('Theme').selectOption('Same as system');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(html).not.toHaveAttribute('data-theme');
});

for (const website of ['javascript:alert(1)', 'example.org', 'https://']) {
  test(`${website} is no website, and what was typed stays`, async ({ visitor }) => {
    await visitor.field('Display name').fill('Ada');
    await visitor.field('Bio').fill('Some words');
    await visitor.field('Website').fill(website);
    visitor.expectRefusal('/api/update_public_data', 422);
    await visitor.send(visitor.button('Save'), '/api/update_public_data');
    await expect(visitor.alert).toContainText('This is not the address of a website.');
    await expect(visitor.field('Website')).toHaveAttribute('aria-invalid', 'true');
    await expect(visitor.field('Website')).toHaveAccessibleDescription(/This is not the address of a website/);
    await expect(visitor.field('Display name')).toHaveValue('Ada');
    await expect(visitor.field('Bio')).toHaveValue('Some words');
    await expect(visitor.field('Website')).toHaveValue(website);

    await visitor.field('Website').fill('http://example.org');
    await visitor.send(visitor.button('Save'), '/api/update_public_data');
    await expect(visitor.status).toHaveText('Saved.');
    await expect(visitor.alert).toBeHidden();
  });
}

test('a text of the greatest length is stored and shown', async ({ visitor }) => {
  const bio = '漢'.repeat(1000);
  await visitor.field('Bio').fill(bio);
  await visitor.field('Website').fill('example.org');
  visitor.expectRefusal('/api/update_public_data', 422);
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.alert).toBeVisible();
  await expect(visitor.field('Bio')).toHaveValue(bio);
  await visitor.field('Website').fill('https://example.org');
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
});
