import { expect, test } from '../fixtures';
import { mailTo } from '../mailbox';
import { somebody } from '../people';
import { APP } from '../servers';

test('a new user opens the link of the mail and verifies the address', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await expect(visitor.page.getByText('Not verified', { exact: true })).toBeVisible();
  const { link } = await mailTo(visitor, ada.email);
  await visitor.open(link);
  await expect(visitor.page.getByText(ada.email)).toBeVisible();
  await visitor.button('Verify this address').click();
  await visitor.arrives('/verify');
  await expect(visitor.page.getByText('Your address is verified.')).toBeVisible();
  await visitor.page.getByRole('link', { name: 'Go to your profile' }).click();
  await visitor.arrives('/profile');
  await expect(visitor.page.getByText('Not verified', { exact: true })).toBeHidden();

  visitor.expectPage('/verify', 410);
  await visitor.open(link);
  await expect(visitor.alert).toContainText('This link has expired, or it was used already.');
});

test('in another browser the link leads to the sign-in and back', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { link } = await mailTo(visitor, ada.email);
  const phone = await anotherBrowser();
  await phone.open(link);
  await phone.page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await phone.hydrated();
  await phone.fillSignIn(ada);
  await phone.button('Sign in').click();
  await phone.arrives(link);
  await phone.button('Verify this address').click();
  await phone.arrives('/verify');
  await expect(phone.page.getByText('Your address is verified.')).toBeVisible();
});

test('the code is typed where it is asked for, and another mail can be had', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const first = await mailTo(visitor, ada.email);
  await visitor.page.getByRole('link', { name: 'Verify it' }).click();
  await visitor.arrives('/verify');
  await visitor.send(visitor.button(`Send another mail to ${ada.email}`), '/api/send_verification');
  await expect(visitor.status).toContainText('A new mail is on its way.');
  const second = await mailTo(visitor, ada.email, 2);
  await visitor.field('Code').fill(first.code);
  visitor.expectRefusal('/api/verify_email', 401);
  await visitor.send(visitor.button('Verify'), '/api/verify_email');
  await expect(visitor.alert).toContainText('This code is wrong, has been used, or has expired.');
  await visitor.field('Code').fill(second.code);
  await visitor.button('Verify').click();
  await expect(visitor.page.getByText('Your address is verified.')).toBeVisible();
});

test('the mailbox of development shows mails with their links', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { link } = await mailTo(visitor, ada.email);
  await visitor.page.goto('/dev/mail');
  const mail = visitor.page.getByRole('article').filter({ hasText: ada.email });
  await mail.getByRole('link', { name: `${APP}${link}` }).click();
  await visitor.arrives(link);
});

test('a forgotten password is replaced, and nobody stays signed in', async ({ visitor, anotherBrowser }) => {
  const ada = somebody();
  const phone = await anotherBrowser();
  await phone.register(ada);
  await visitor.open('/login');
  await visitor.page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await visitor.arrives('/forgot');
  await visitor.field('E-mail').fill(ada.email);
  await visitor.button('Send the link').click();
  await visitor.arrives('/forgot/sent');

  const { link } = await mailTo(visitor, ada.email, 2);
  await visitor.open(link);
  await visitor.field('New password').fill('short');
  visitor.expectRefusal('/api/reset_password', 422);
  await visitor.send(visitor.button('Set the password'), '/api/reset_password');
  await expect(visitor.alert).toContainText('This password is too short.');
  const password = somebody().password;
  await visitor.field('New password').fill(password);
  await visitor.button('Set the password').click();
  await visitor.arrives('/login');

  await visitor.fillSignIn({ ...ada, password });
  await visitor.button('Sign in').click();
  await visitor.arrives('/profile');
  await expect(visitor.page.getByText('Not verified', { exact: true })).toBeHidden();
  await phone.page.goto('/profile');
  await phone.arrives('/login?return_to=%2Fprofile');
});

test('a user with nothing but an account at a provider confirms by mail', async ({ visitor }) => {
  const ada = somebody();
  await visitor.signInWithAcme(ada.email);
  await visitor.open('/settings/security?return_to=%2Fsettings%2Faccounts');
  await visitor.send(visitor.button('Send a code'), '/api/send_confirmation_code');
  await expect(visitor.page.getByText('A mail with a code is on its way.')).toBeVisible();
  const { code } = await mailTo(visitor, ada.email);
  await visitor.field('Code from the mail').fill('1234 567');
  visitor.expectRefusal('/api/confirm_identity', 401);
  await visitor.send(visitor.button('Confirm with the code'), '/api/confirm_identity');
  await expect(visitor.alert).toHaveText('This code is wrong, has been used, or has expired.');
  await visitor.field('Code from the mail').fill(code);
  await visitor.button('Confirm with the code').click();
  await visitor.arrives('/settings/accounts');
});
