import { expect, test } from '../fixtures';
import { somebody } from '../people';

/** A red square of 8 pixels. */
const RED = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mO4IyKCFTEMLQkAmD9BAeEqE6gAAAAASUVORK5CYII=',
  'base64',
);

test('a picture is uploaded, shown, replaced and removed', async ({ visitor }) => {
  const { page } = visitor;
  const picture = page.getByRole('main').locator('img.avatar');
  // The browser sends this form itself, also with JavaScript.
  const send = async (button: string) => {
    const nextPage = page.waitForEvent('domcontentloaded');
    await visitor.button(button).click();
    await nextPage;
    await visitor.arrives('/settings/public');
  };
  const upload = async (file: Buffer) => {
    await visitor.open('/settings/public');
    await visitor.field('Choose a picture').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: file });
    await send('Upload');
  };
  await visitor.register(somebody());
  await expect(picture).toHaveCount(0);

  await upload(RED);
  await expect(visitor.status).toHaveText('Your picture has been saved.');
  await visitor.open('/profile');
  await expect(picture).toHaveJSProperty('naturalWidth', 144);
  const first = await picture.getAttribute('src');

  await upload(Buffer.from('no picture'));
  await expect(visitor.alert).toContainText('This is not a picture we can read.');
  await upload(RED);
  await visitor.open('/profile');
  expect(await picture.getAttribute('src')).not.toBe(first);

  await visitor.open('/settings/public');
  await send('Remove my picture');
  await expect(visitor.status).toHaveText('Your picture has been removed.');
  await visitor.open('/profile');
  await expect(picture).toHaveCount(0);
});
