import type { Locator } from '@playwright/test';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import type { Visitor } from '../visitor';

const ENDPOINT = '/api/update_private_data';

function card({ page }: Visitor, name: string): Locator {
  return page.getByRole('region', { name });
}

test.beforeEach(async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/private');
});

test('a secret is set, hinted at, replaced and removed, and never comes back', async ({ visitor }) => {
  const token = card(visitor, 'API token');
  const [first, second] = ['first-of-the-tokens-a1b2', 'next-of-the-tokens-c3d4'];
  const answers: string[] = [];
  visitor.page.on('response', async (response) => {
    if (/json|html/.test(response.headers()['content-type'] ?? '')) {
      answers.push(await response.text().catch(() => ''));
    }
  });

  await expect(token).toContainText('Not set.');
  await visitor.field('New value for API token').fill(first);
  await visitor.send(visitor.button('Set API token'), ENDPOINT);
  await expect(visitor.status).toHaveText('Saved.');
  await expect(token).toContainText('a1b2');
  await expect(card(visitor, 'Webhook secret')).toContainText('Not set.');

  await visitor.reload();
  await expect(token).toContainText('a1b2');
  await expect(visitor.field('New value for API token')).toHaveValue('');
  await visitor.field('New value for API token').fill(second);
  await visitor.send(visitor.button('Replace API token'), ENDPOINT);
  await expect(token).toContainText('c3d4');

  await visitor.send(visitor.button('Remove API token'), ENDPOINT);
  await expect(token).toContainText('Not set.');
  expect(answers.length).toBeGreaterThan(0);
  for (const answer of answers) {
    expect(answer).not.toContain(first.slice(0, 12));
    expect(answer).not.toContain(second.slice(0, 12));
  }
});

test('a short secret gets no hint', async ({ visitor }) => {
  await visitor.field('New value for Webhook secret').fill('fifteen chars 9');
  await visitor.send(visitor.button('Set Webhook secret'), ENDPOINT);
  await expect(visitor.button('Replace Webhook secret')).toBeVisible();
  await expect(card(visitor, 'Webhook secret')).toContainText('Set just now');
  await expect(card(visitor, 'Webhook secret')).not.toContainText('It ends in');
});

test('all secrets are cleared at once', async ({ visitor }) => {
  await expect(visitor.button('Clear all private data')).toBeHidden();
  for (const name of ['API token', 'Webhook secret']) {
    await visitor.field(`New value for ${name}`).fill(`a value for the ${name}`);
    await visitor.send(visitor.button(`Set ${name}`), ENDPOINT);
    await expect(visitor.button(`Remove ${name}`)).toBeVisible();
  }
  await visitor.send(visitor.button('Clear all private data'), '/api/clear_private_data');
  await expect(visitor.status.filter({ hasText: 'Cleared.' })).toBeVisible();
  await expect(card(visitor, 'API token')).toContainText('Not set.');
  await expect(card(visitor, 'Webhook secret')).toContainText('Not set.');
});

test('a secret that is too long is refused, and is not lost on the way to the server', async ({ visitor }) => {
  await visitor.field('New value for API token').fill('x'.repeat(4097));
  visitor.expectRefusal(ENDPOINT, 422);
  await visitor.send(visitor.button('Set API token'), ENDPOINT);
  await expect(visitor.alert).toBeVisible();
  await expect(card(visitor, 'API token')).toContainText('Not set.');
});
