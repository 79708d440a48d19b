import { expect, test } from '../../fixtures';
import { somebody } from '../../people';

const UPDATE = '**/api/update_public_data';

test('an answer that is not ours is not taken for success', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  // As the sign-in page of a network, or of a proxy.
  await visitor.page.route(UPDATE, (route) =>
    route.fulfill({ status: 200, contentType: 'text/html', body: '<title>Sign in to the network</title>' }),
  );
  await visitor.field('Bio').fill('A few words');
  await visitor.button('Save').click();
  await expect(visitor.alert).toContainText('We cannot do this right now.');
  await expect(visitor.field('Bio')).toHaveValue('A few words');
  await visitor.page.unroute(UPDATE);
  await visitor.button('Save').click();
  await expect(visitor.status).toHaveText('Saved.');
});

test('what is typed while an answer is awaited stays, and so does the focus', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  let answer = (): void => {};
  const awaited = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await visitor.page.route(UPDATE, async (route) => {
    await awaited;
    await route.continue();
  });
  await visitor.field('Display name').fill('Ada');
  await visitor.button('Save').focus();
  await visitor.page.keyboard.press('Enter');
  const busy = visitor.page.getByRole('button', { name: 'Saving…' });
  await expect(busy).toHaveAttribute('aria-disabled', 'true');
  await expect(busy).toBeFocused();
  await visitor.field('Bio').fill('Typed meanwhile');
  answer();
  await expect(visitor.status).toHaveText('Saved.');
  await expect(visitor.field('Bio')).toHaveValue('Typed meanwhile');
});
