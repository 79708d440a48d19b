import { EVENTS_PAGE } from '../../examples';
import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import { APP } from '../../servers';

test('a page of plain JavaScript shows the session, and says that it has ended', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { page } = visitor;
  // As if it were one of the app's own files.
  await page.route(`${APP}/events.html`, (route) => route.fulfill({ path: EVENTS_PAGE }));
  await page.goto('/events.html');
  const who = page.locator('#who');
  await expect(who).toHaveText(`${ada.email}, user`);

  const other = await anotherBrowser();
  await other.signIn(ada);
  await other.open('/settings/sessions');
  await other.send(other.button('Sign out everywhere else'), '/api/revoke_other_sessions');
  await expect(who).toHaveText('ended: revoked');
});
