import { expect, test } from '../fixtures';
import { mailTo } from '../mailbox';
import { somebody } from '../people';

// wing:admin
test('an administrator invites somebody, who has an account with a verified address then', async ({
  visitor,
  anotherBrowser,
}) => {
  const [root, ada] = [somebody('root'), somebody()];
  await visitor.becomeAdmin(root);
  await visitor.open('/admin');
  await visitor.field('E-mail').fill(ada.email);
  await visitor.send(visitor.button('Send the invitation'), '/api/admin/invite');
  await expect(visitor.status).toHaveText('The invitation is on its way. It is valid for 7 days.');

  const { link } = await mailTo(visitor, ada.email);
  const guest = await anotherBrowser();
  await guest.open(link);
  await guest.field('Name (optional)').fill(ada.name);
  await guest.field('Password').fill('too short');
  guest.expectRefusal('/api/finish_registration', 422);
  await guest.send(guest.button('Create account'), '/api/finish_registration');
  await expect(guest.alert).toHaveText('This password is too short.');
  await expect(guest.field('Name (optional)')).toHaveValue(ada.name);
  await guest.field('Password').fill(ada.password);
  await guest.button('Create account').click();
  await guest.arrives('/profile');
  await expect(guest.page.getByRole('main').getByText(ada.email)).toBeVisible();
  await expect(guest.page.getByText('Not verified', { exact: true })).toBeHidden();

  await guest.signOut();
  guest.expectPage('/register/finish', 410);
  await guest.open(link);
  await expect(guest.alert).toContainText('This link has expired, or it was used already.');
});
// end wing:admin

test('the owner of an address gets it from whoever has only claimed it', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const squatter = await anotherBrowser();
  await squatter.register(ada);

  await visitor.open('/login?return_to=%2Fsettings%2Faccounts');
  await visitor.atAcme('Continue with Acme', ada.email);
  await visitor.page.waitForURL('**/login?error=link_required*');
  await visitor.hydrated();
  await visitor.button('Create a new account').click();
  await visitor.arrives('/settings/accounts');
  await visitor.open('/profile');
  await expect(visitor.page.getByRole('main').getByText(ada.email)).toBeVisible();

  // The other account goes on, and says what it has lost.
  await squatter.open('/settings/security');
  await squatter.isSignedIn();
  await expect(squatter.page.getByText('An address that is not verified goes to whoever proves')).toBeVisible();
});
