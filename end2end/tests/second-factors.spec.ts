import { expect, test } from '../fixtures';
import { somebody } from '../people';
import { code, firstStep, nextCode, setUp } from '../two-steps';

test('two-step sign-in is set up, asked for, and turned off', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { key, recovery } = await setUp(visitor);
  await visitor.signOut();

  await firstStep(visitor, ada);
  await visitor.field('Code').fill(code(key, Date.now() - 3_600_000));
  visitor.expectRefusal('/api/second_factor', 401);
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.alert).toContainText('This code is wrong');
  await visitor.field('Code').fill(nextCode(key));
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.signOut();

  await firstStep(visitor, ada);
  await visitor.field('Code').fill(recovery[0]?.toLowerCase() ?? '');
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.open('/settings/security');
  await expect(visitor.page.getByText('9 recovery codes are left.')).toBeVisible();
  await visitor.send(visitor.button('Turn off'), '/api/disable_totp');
  await expect(visitor.status).toContainText('Two-step sign-in is off');
});

test('a trusted browser is not asked again', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { key } = await setUp(visitor);
  await visitor.signOut();
  await firstStep(visitor, ada);
  await visitor.field('Code').fill(nextCode(key));
  await visitor.page.getByLabel('Don’t ask for a code').check();
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.signOut();
  await visitor.signIn(ada);
  await visitor.open('/settings/security');
  await expect(visitor.page.getByText('One browser signs in without a code')).toBeVisible();
  await visitor.send(visitor.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(visitor.status).toContainText('the next sign-in asks for a code');
  await expect(visitor.page.getByText('signs in without a code')).toHaveCount(0);
  await visitor.signOut();
  await firstStep(visitor, ada);
});
