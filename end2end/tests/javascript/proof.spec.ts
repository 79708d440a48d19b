// What the start page lets a person see for themselves.

import { expect, test } from '../../fixtures';
import { somebody } from '../../people';

test('a session that is ended elsewhere is refused within seconds', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const other = await anotherBrowser();
  await other.signIn(ada);
  await other.open('/');
  await other.page.getByRole('button', { name: 'Check every second' }).click();
  const watched = other.page.locator('#watched');
  await expect(watched).toContainText(/^Accepted at /);
  await visitor.open('/settings/sessions');
  await visitor.page.getByRole('button', { name: /^End session/ }).click();
  await expect(visitor.page.getByText('The session has ended.')).toBeVisible();
  await expect(watched).toHaveText(/^Refused at .*, after [1-9]\d* checks?\.$/);
  await other.isAnonymous();
});
