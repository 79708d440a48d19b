import { readFile } from 'node:fs/promises';
import { expect, test } from '../fixtures';
import { somebody } from '../people';

test('what is kept is one click away from every page', async ({ visitor }) => {
  await visitor.open('/login');
  await visitor.page.getByRole('contentinfo').getByRole('link', { name: 'Privacy' }).click();
  await visitor.arrives('/privacy');
  await expect(visitor.page.getByRole('heading', { name: 'Privacy', level: 1 })).toBeVisible();
  for (const title of ['Who you are', 'Where you are signed in', 'Cookies']) {
    await expect(visitor.page.getByRole('heading', { name: title, exact: true })).toBeVisible();
  }
  await expect(visitor.page.getByText('Kept 400 days')).toBeVisible();
});

test('everything is downloaded as a file', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security');
  const begun = visitor.page.waitForEvent('download');
  await visitor.button('Download your data').click();
  const download = await begun;
  expect(download.suggestedFilename()).toBe('data.json');
  const data = JSON.parse(await readFile(await download.path(), 'utf8'));
  expect(data.users[0].email).toBe(ada.email);
  expect(JSON.stringify(data)).not.toContain('$argon2');
  // The page is still there, and so is its person.
  await visitor.isSignedIn();
});

test('an account is deleted for good once its address is typed', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const phone = await anotherBrowser();
  await phone.signIn(ada);
  await visitor.open('/settings/security');
  const confirm = visitor.field(`To confirm, type your e-mail address: ${ada.email}`);
  await confirm.fill('somebody else');
  visitor.expectRefusal('/api/delete_account', 422);
  await visitor.send(visitor.button('Delete my account'), '/api/delete_account');
  await expect(visitor.alert).toContainText('nothing was deleted');
  // It is far below the top of the page, which comes again without JavaScript.
  await expect(visitor.alert).toBeInViewport();
  await confirm.fill(ada.email.toUpperCase());
  await visitor.button('Delete my account').click();
  await visitor.arrives('/?deleted');
  await expect(visitor.status).toContainText('Your account has been deleted');
  await visitor.isAnonymous();
  expect(await visitor.context.cookies()).toEqual([]);
  await phone.open('/');
  await phone.isAnonymous();

  // The address is free.
  await visitor.register(ada);
  await visitor.isSignedIn();
});
