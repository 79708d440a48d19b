import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import { client } from '../../servers';

test('the code sent to the browser contains no secret', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  // wing:private-data
  const canary = 'a-private-value-that-stays-z9y8';
  await visitor.open('/settings/private');
  await visitor.field('New value for API token').fill(canary);
  await visitor.send(visitor.button('Set API token'), '/api/update_private_data');
  await expect(visitor.status).toHaveText('Saved.');
  // end wing:private-data

  const links = await visitor.page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map(({ name }) => name)
      .filter((name) => new URL(name).pathname.startsWith('/pkg/')),
  );
  const kinds = new Set(links.map((link) => link.slice(link.lastIndexOf('.'))));
  expect(kinds).toEqual(new Set(['.js', '.wasm', '.css']));

  let all = '';
  for (const link of links) {
    const answer = await visitor.page.request.get(link);
    expect(answer.status()).toBe(200);
    all += (await answer.body()).toString('latin1');
  }
  // The search finds what is there: the labels of fields, in the wasm.
  expect(all.includes('Display name')).toBe(true);
  expect(all.includes('API token')).toBe(true); // wing:private-data
  for (const secret of [
    canary, // wing:private-data
    'private::PrivateData', // wing:private-data
    ada.password,
    client.secret,
    'password_hash',
    'argon2',
  ]) {
    expect(all.includes(secret), secret).toBe(false);
  }
});
