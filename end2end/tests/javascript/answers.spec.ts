import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import type { Visitor } from '../../visitor';

const UPDATE_PATH = '/api/update_public_data';
const UPDATE = `**${UPDATE_PATH}`;

test('a response from elsewhere does not count as success', async ({ visitor }) => {
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

test('text typed while a form is being sent is kept, and so is the focus', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  const answer = await heldBack(visitor, UPDATE);
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

test('a failure is shown though another form was sent meanwhile', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  await visitor.field('Bio').fill('A few words');
  await visitor.send(visitor.button('Save'), UPDATE_PATH);
  await expect(visitor.status).toHaveText('Saved.');

  const answer = await heldBack(visitor, UPDATE);
  await visitor.field('Website').fill('example.org');
  visitor.expectRefusal(UPDATE_PATH, 422);
  await visitor.button('Save').click();
  await visitor.send(visitor.button('Clear all public data'), '/api/clear_public_data');
  await expect(visitor.status).toHaveText('Cleared.');
  answer();
  await expect(visitor.alert).toContainText('This is not the address of a website.');
});

test('a failure is shown though the page of its form was left meanwhile', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/public');
  const answer = await heldBack(visitor, UPDATE);
  await visitor.field('Website').fill('example.org');
  visitor.expectRefusal(UPDATE_PATH, 422);
  await visitor.button('Save').click();
  await visitor.page.getByRole('link', { name: 'Sessions' }).click();
  await visitor.arrives('/settings/sessions');
  await expect(visitor.page.getByRole('region', { name: 'Where you are signed in' })).toBeVisible();
  answer();
  await expect(visitor.alert).toContainText('The change you made on the previous page was not saved.');
  await visitor.page.getByRole('link', { name: 'Accounts' }).click();
  await expect(visitor.alert).toBeHidden();
});

test('of several forms for the same thing, the one that is sent says so', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  await (await anotherBrowser()).signIn(ada);
  await (await anotherBrowser()).signIn(ada);
  await visitor.open('/settings/sessions');
  const answer = await heldBack(visitor, '**/api/revoke_session');
  const rows = visitor.page.getByRole('listitem').filter({ has: visitor.page.getByRole('button') });
  const others = rows.filter({ hasText: 'Chrome on Linux' }).getByRole('button');
  await expect(others).toHaveCount(2);
  await others.first().click();
  await expect(others.first()).toHaveAttribute('aria-busy', 'true');
  await expect(others.last()).not.toHaveAttribute('aria-busy');
  await expect(others.last()).toHaveAttribute('aria-disabled', 'true');
  answer();
  await expect(visitor.status).toHaveText('The session has ended.');
  await expect(others).toHaveCount(1);
  await expect(others).not.toHaveAttribute('aria-disabled');
});

/** Lets requests wait for their answer until the function that this returns is called. */
async function heldBack({ page }: Visitor, pattern: string): Promise<() => void> {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(pattern, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}
