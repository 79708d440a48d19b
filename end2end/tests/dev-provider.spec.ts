import { expect, test } from '../fixtures';
import { somebody } from '../people';

test('the development provider signs in any invented user', async ({ visitor }) => {
  const { name, email } = somebody();
  await visitor.open('/login?return_to=/settings/accounts');
  await visitor.button('Continue with Development').click();
  await expect(visitor.page.getByRole('heading', { name: 'Who do you want to sign in as?' })).toBeVisible();
  await visitor.field('E-mail').fill(email);
  await visitor.field('Name').fill(name);
  await visitor.button('Continue').click();
  await visitor.arrives('/settings/accounts');
  await visitor.open('/profile');
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(name);
});

test('the development provider can be cancelled', async ({ visitor }) => {
  await visitor.open('/register');
  await visitor.button('Continue with Development').click();
  await visitor.button('Cancel').click();
  await visitor.arrives('/login?error=denied');
  await expect(visitor.alert).toBeVisible();
});
