import type { Locator } from '@playwright/test';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import type { Visitor } from '../visitor';

const CREATE = '/api/create_key';
const KEY = /sak_[0-9a-f]{72}/;

function rows({ page }: Visitor): Locator {
  return page.getByRole('region', { name: 'What has access to your account' }).getByRole('listitem');
}

/** Creates a key, reads it where it is shown, and goes back to the page. */
async function create(visitor: Visitor, name: string): Promise<string> {
  await visitor.field('Name').fill(name);
  await visitor.send(visitor.button('Create key'), CREATE);
  await expect(visitor.page.getByText('It is not shown again.')).toBeVisible();
  const key = await visitor.page.locator('code', { hasText: 'sak_' }).innerText();
  expect(key).toMatch(KEY);
  return key;
}

test.beforeEach(async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/access');
});

test('a key is created, shown once, listed and revoked', async ({ visitor }) => {
  await expect(visitor.page.getByText('No applications, devices or keys have access to your account.')).toBeVisible();
  await visitor.page.getByLabel('What it may do').selectOption('Do everything you can do here');
  const key = await create(visitor, 'Backups');
  await visitor.open('/settings/access');
  await expect(rows(visitor)).toHaveCount(1);
  await expect(rows(visitor)).toContainText('Backups');
  await expect(rows(visitor)).toContainText('It can do everything that you can do here');
  expect(await visitor.page.content()).not.toContain(key);

  await visitor.send(visitor.button('Revoke access: Backups'), '/api/revoke_session');
  await expect(visitor.status).toHaveText('The access has ended.');
  await expect(rows(visitor)).toHaveCount(0);
  await visitor.open('/settings/security');
  await expect(visitor.page.getByText('Key “Backups” created')).toBeVisible();
});

test('a key that is shown is selected as a whole', async ({ visitor }) => {
  const key = await create(visitor, 'Backups');
  await visitor.page.locator('code', { hasText: 'sak_' }).click();
  expect(await visitor.page.evaluate(() => String(getSelection()))).toBe(key);
});

test('what does not fit is refused, and what was typed stays', async ({ visitor }) => {
  await visitor.field('Name').fill('Backups');
  await visitor.field('Days until it expires').fill('367');
  visitor.expectRefusal(CREATE, 422);
  await visitor.send(visitor.button('Create key'), CREATE);
  await expect(visitor.alert).toBeVisible();
  await expect(visitor.field('Name')).toHaveValue('Backups');
  await expect(visitor.field('Days until it expires')).toHaveValue('367');
  await visitor.field('Days until it expires').fill('366');
  await create(visitor, 'Backups');
});
