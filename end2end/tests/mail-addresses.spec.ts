import { expect, test } from '../fixtures';
import { mailTo, noticeTo } from '../mailbox';
import { somebody } from '../people';

test('a user moves to another address, and the former one takes that back', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const moved = somebody().email;
  await visitor.register(ada);
  await visitor.open((await mailTo(visitor, ada.email)).link);
  await visitor.button('Verify this address').click();
  await visitor.arrives('/verify');

  await visitor.open('/settings/security');
  await visitor.field('New e-mail address').fill(moved);
  await visitor.send(visitor.button('Change address'), '/api/change_email');
  await expect(visitor.status).toContainText('A mail with a link is on its way to this address, unless you have it already.');
  await noticeTo(visitor, ada.email, 'another e-mail address was entered');
  await visitor.open((await mailTo(visitor, moved)).link);
  await visitor.button('Use this address').click();
  await visitor.arrives('/profile');
  await expect(visitor.page.getByRole('main').getByText(moved)).toBeVisible();

  const { link } = await mailTo(visitor, ada.email, 2);
  const owner = await anotherBrowser();
  await owner.open(link);
  await owner.button('Undo the change').click();
  await owner.arrives('/forgot/sent');
  await visitor.page.goto('/profile');
  await visitor.arrives('/login?return_to=%2Fprofile');
  const password = somebody().password;
  await owner.open((await mailTo(owner, ada.email, 3)).link);
  await owner.field('New password').fill(password);
  await owner.button('Set the password').click();
  await owner.arrives('/login');
  await owner.fillSignIn({ ...ada, password });
  await owner.button('Sign in').click();
  await owner.arrives('/profile');
});

test('a dead link to a new address says so', async ({ visitor }) => {
  visitor.expectPage('/settings/confirm-address', 410);
  await visitor.open('/settings/confirm-address?token=x');
  await expect(visitor.alert).toContainText('This link has expired, or it was used already.');
});

test('a code of a mail signs in, in the browser that asked for it', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const phone = await anotherBrowser();
  await phone.register(ada);
  await phone.open((await mailTo(phone, ada.email)).link);
  await phone.button('Verify this address').click();
  await phone.arrives('/verify');

  await visitor.open('/login?return_to=/settings/sessions');
  await visitor.page.getByRole('link', { name: 'Sign in with a code by mail' }).click();
  await visitor.arrives('/login/mail?return_to=/settings/sessions');
  await visitor.field('E-mail').fill(ada.email);
  await visitor.button('Send the code').click();
  await visitor.arrives('/login/code');
  const { link, code } = await mailTo(visitor, ada.email, 2);

  // Elsewhere the link says where the code is to be typed.
  await phone.open(link);
  await expect(phone.page.getByText('This link is for the browser in which you asked for it.')).toBeVisible();

  await visitor.field('Code').fill('0000 0000');
  visitor.expectRefusal('/api/sign_in_with_code', 401);
  await visitor.send(visitor.button('Sign in'), '/api/sign_in_with_code');
  await expect(visitor.alert).toContainText('This code is wrong, has been used, or has expired.');
  await visitor.field('Code').fill(code);
  await visitor.button('Sign in').click();
  await visitor.arrives('/settings/sessions');
});

test('the link of the same mail signs in there, too', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await visitor.signOut();
  await visitor.open('/login/mail');
  await visitor.field('E-mail').fill(ada.email);
  await visitor.button('Send the code').click();
  await visitor.arrives('/login/code');
  await visitor.open((await mailTo(visitor, ada.email, 2)).link);
  await visitor.button('Sign in').click();
  await visitor.arrives('/profile');
  await expect(visitor.page.getByText('Not verified', { exact: true })).toBeHidden();
});
