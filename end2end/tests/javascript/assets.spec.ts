import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import { client } from '../../servers';

test('what the browser is given to run holds no secret', async ({ visitor }) => {
  const ada = somebody();
  const canary = 'a-private-value-that-stays-z9y8';
  await visitor.register(ada);
  await visitor.open('/settings/private');
  await visitor.field('New value for API token').fill(canary);
  await visitor.send(visitor.button('Set API token'), '/api/update_private_data');
  await expect(visitor.status).toHaveText('Saved.');

  const links = await visitor.page.locator('link[href^="/pkg/"]').evaluateAll((found) => found.map((link) => link.href));
  const kinds = new Set(links.map((link) => link.slice(link.lastIndexOf('.'))));
  expect(kinds).toEqual(new Set(['.js', '.wasm', '.css']));

  let all = '';
  for (const link of links) {
    const answer = await visitor.page.request.get(link);
    expect(answer.status()).toBe(200);
    all += (await answer.body()).toString('latin1');
  }
  // The search finds what is there: the label of the very field, in the wasm.
  expect(all.includes('API token')).toBe(true);
  for (const secret of [canary, ada.password, client.secret, 'private::PrivateData', 'password_hash', 'argon2']) {
    expect(all.includes(secret), secret).toBe(false);
  }
});
