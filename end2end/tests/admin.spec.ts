import { expect, test } from '../fixtures';
import { somebody } from '../people';

test('an administrator finds a person, changes the role, ends a session, disables and enables', async ({
  visitor,
  anotherBrowser,
}) => {
  const [root, ada] = [somebody('root'), somebody()];
  const hers = await anotherBrowser();
  await hers.register(ada);
  await visitor.becomeAdmin(root);
  await visitor.navigation.getByRole('link', { name: 'People' }).click();
  await visitor.arrives('/admin');
  await visitor.field('Address or name').fill(ada.email);
  await visitor.button('Search').click();
  await visitor.arrives(`/admin?q=${encodeURIComponent(ada.email)}`);
  await visitor.page.getByRole('link', { name: ada.name }).click();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText(ada.name);
  await visitor.hydrated();

  const sessions = visitor.page.getByRole('region', { name: 'Sessions' });
  const history = visitor.page.getByRole('region', { name: 'Activity' });
  await expect(sessions.getByRole('listitem')).toHaveCount(1);
  await visitor.field('Role').selectOption('admin');
  await visitor.send(visitor.button('Change role'), '/api/admin/set_role');
  await expect(visitor.status).toHaveText('The role has been changed.');
  await expect(history).toContainText(`Role changed to Administrator by ${root.email}`);
  await hers.open('/profile');
  await expect(hers.navigation.getByRole('link', { name: 'People' })).toBeVisible();
  await visitor.field('Role').selectOption('user');
  await visitor.send(visitor.button('Change role'), '/api/admin/set_role');
  await expect(visitor.status).toHaveText('The role has been changed.');
  await hers.open('/profile');
  await expect(hers.navigation.getByRole('link', { name: 'People' })).toBeHidden();

  await visitor.send(sessions.getByRole('listitem').getByRole('button'), '/api/admin/revoke_session');
  await expect(visitor.status).toHaveText('The session has ended.');
  await expect(sessions).toContainText('No active sessions.');
  await hers.open('/profile');
  await hers.arrives('/login?return_to=%2Fprofile');

  await visitor.send(visitor.button('Disable account'), '/api/admin/disable_user');
  await expect(visitor.status).toHaveText('The account has been disabled, and its sessions have ended.');
  await hers.open('/login');
  await hers.fillSignIn(ada);
  hers.expectRefusal('/api/login', 401);
  await hers.send(hers.button('Sign in'), '/api/login');
  await expect(hers.alert).toBeVisible();
  await visitor.send(visitor.button('Enable account'), '/api/admin/enable_user');
  await expect(visitor.status).toHaveText('The account has been enabled.');
  await hers.signIn(ada);
  await visitor.reload();
  await visitor.send(visitor.button('End all sessions'), '/api/admin/revoke_all_sessions');
  await expect(visitor.status).toHaveText('All sessions have ended.');
  await hers.open('/profile');
  await hers.arrives('/login?return_to=%2Fprofile');

  await hers.signIn(ada);
  await hers.open('/settings/security');
  const own = hers.page.getByRole('region', { name: 'Recent activity' });
  await expect(own).toContainText('Account disabled by an administrator');
  await expect(own).not.toContainText(root.email);
});

test('other users get the page for unknown addresses', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  await expect(visitor.navigation.getByRole('link', { name: 'People' })).toBeHidden();
  const root = await anotherBrowser();
  await root.becomeAdmin(somebody('root'));
  const person = `/admin/people/${await root.idOf(ada.email)}`;
  const stranger = await anotherBrowser();
  for (const path of ['/admin', person]) {
    visitor.expectPage(path, 404);
    for (const anybody of [visitor, stranger]) {
      expect((await anybody.open(path)).status()).toBe(404);
      await expect(anybody.page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');
    }
  }
});

test('administrators cannot lock themselves out, and can page through users by keyboard', async ({ visitor }) => {
  const root = somebody('root');
  await visitor.becomeAdmin(root);
  const id = await visitor.idOf(root.email);
  await visitor.open(`/admin/people/${id}`);
  await expect(visitor.page.getByText('This is your own account.')).toBeVisible();
  await expect(visitor.button('Disable account')).toBeHidden();
  await expect(visitor.button('Change role')).toBeHidden();
  await visitor.page.getByRole('link', { name: 'All people' }).focus();
  await visitor.page.keyboard.press('Enter');
  await visitor.arrives('/admin');
  await visitor.field('Address or name').focus();
  await visitor.page.keyboard.type(root.email);
  await visitor.page.keyboard.press('Enter');
  await visitor.arrives(`/admin?q=${encodeURIComponent(root.email)}`);
  await visitor.page.keyboard.press('Tab');
  await expect(visitor.page.getByRole('region', { name: 'Results for' }).getByRole('listitem')).toHaveCount(1);
});
