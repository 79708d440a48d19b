import { polled, startDevice } from '../clients';
import { expect, test } from '../fixtures';
import { somebody } from '../people';

const ENDPOINT = '/api/decide_device';

test('a user types the code of a device and allows it', async ({ visitor }) => {
  const device = await startDevice('profile');
  await visitor.register(somebody());
  await visitor.open('/device');
  await visitor.field('Code').fill(` ${device.user_code.toLowerCase().replace('-', ' ')}`);
  await visitor.button('Continue').click();
  const main = visitor.page.getByRole('main');
  await expect(main.getByRole('heading', { level: 2 })).toHaveText('Development client asks for access to your account');
  await expect(main).toContainText(device.user_code);
  await expect(main).toContainText('television/2.1');
  await expect(main).toContainText('less than a minute ago');
  await expect(main).toContainText('see your name, e-mail address and role');
  expect(await polled(device)).toBe('authorization_pending');

  await visitor.hydrated();
  await visitor.send(visitor.button('Allow'), ENDPOINT);
  await expect(visitor.status).toHaveText('Your decision has been sent. You can go back to your device.');
  await expect(visitor.button('Allow')).toBeHidden();
  await expect(visitor.alert).toBeHidden();
  expect(await polled(device)).toBe('Bearer');
});

test('a user denies a device', async ({ visitor }) => {
  const device = await startDevice('app');
  await visitor.register(somebody());
  await visitor.open(new URL(device.verification_uri_complete).pathname + new URL(device.verification_uri_complete).search);
  await visitor.send(visitor.button('Deny'), ENDPOINT);
  await expect(visitor.status).toContainText('Your decision has been sent.');
  expect(await polled(device)).toBe('access_denied');
  // What was decided is over.
  await visitor.page.getByRole('link', { name: 'Connect another device' }).click();
  await visitor.arrives('/device');
  await visitor.field('Code').fill(device.user_code);
  await visitor.button('Continue').click();
  await expect(visitor.alert).toContainText('No device is waiting with this code.');
});

test('a wrong code is said to be wrong, and can be corrected', async ({ visitor }) => {
  const device = await startDevice();
  await visitor.register(somebody());
  await visitor.open('/device?user_code=BCDF-GHJK');
  await expect(visitor.alert).toContainText('No device is waiting with this code.');
  await expect(visitor.field('Code')).toHaveValue('BCDF-GHJK');
  await visitor.field('Code').fill(device.user_code);
  await visitor.button('Continue').click();
  await expect(visitor.button('Allow')).toBeVisible();
  await expect(visitor.alert).toBeHidden();
});

test('a device that was decided in another tab is gone here', async ({ visitor }) => {
  const device = await startDevice();
  await visitor.register(somebody());
  await visitor.open(`/device?user_code=${device.user_code}`);
  const other = await visitor.anotherTab();
  await other.open(`/device?user_code=${device.user_code}`);
  await other.send(other.button('Deny'), ENDPOINT);
  await expect(other.status).toBeVisible();

  visitor.expectRefusal(ENDPOINT, 404);
  await visitor.send(visitor.button('Allow'), ENDPOINT);
  await expect(visitor.alert).toHaveCount(1);
  await expect(visitor.alert).toContainText('No device is waiting with this code.');
  expect(await polled(device)).toBe('access_denied');
});
