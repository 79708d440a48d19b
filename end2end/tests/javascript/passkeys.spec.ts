import { expect, test } from '../../fixtures';
import { add, plugIn } from '../../passkeys';
import { somebody } from '../../people';
import type { Visitor } from '../../visitor';

/** The browser offers no passkeys by itself. */
async function withoutOffers({ page }: Visitor): Promise<void> {
  await page.addInitScript(() => {
    Object.assign(PublicKeyCredential, { isConditionalMediationAvailable: async () => false });
  });
}

test('a passkey is added, signs in by its button, and is renamed and removed', async ({ visitor }) => {
  const { page } = visitor;
  const ada = somebody();
  await visitor.register(ada);
  await visitor.open('/settings/security');
  await expect(page.getByText('You have no passkey yet.')).toBeVisible();
  const { session, id } = await plugIn(visitor);
  await add(visitor, 'Phone');
  await expect(visitor.field('Name of the new passkey')).toHaveValue('');
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: id });
  expect(credentials.map(({ isResidentCredential, rpId }) => ({ isResidentCredential, rpId }))).toEqual([
    { isResidentCredential: true, rpId: 'localhost' },
  ]);

  await page.locator('summary').click();
  await visitor.field('New name').fill('Old phone');
  await visitor.send(visitor.button('Rename'), '/api/rename_passkey');
  await expect(page.getByRole('heading', { name: 'Old phone' })).toBeVisible();

  // The list says that it was used.
  await expect(page.getByText('Not used yet')).toBeVisible();
  await visitor.signOut();
  await withoutOffers(visitor);
  await visitor.open('/login?return_to=/settings/security');
  await page.getByLabel('Keep me signed in').check();
  await visitor.button('Sign in with a passkey').click();
  await visitor.arrives('/settings/security');
  await visitor.isSignedIn();
  await expect(page.getByText('Last used just now')).toBeVisible();

  await visitor.send(visitor.button('Remove Old phone'), '/api/delete_passkey');
  await expect(page.getByText('The passkey has been removed')).toBeVisible();
});

test('a passkey is offered in the field for the address', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/security');
  await plugIn(visitor);
  await add(visitor, 'Phone');
  await visitor.signOut();
  // The browser of the tests takes the first offer by itself.
  await visitor.page.goto('/login?return_to=/settings/sessions');
  await visitor.arrives('/settings/sessions');
  await expect(visitor.page.getByText('with a passkey')).toBeVisible();
});

test('a passkey confirms who one is', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/settings/security');
  await plugIn(visitor);
  await add(visitor, 'Phone');
  await visitor.send(visitor.button('Confirm with a passkey'), '/api/confirm_identity');
  await expect(visitor.page.getByText('Your identity is confirmed.')).toBeVisible();
});

test('a passkey that nobody has here is named as such, and the browser told', async ({ visitor }) => {
  const { page } = visitor;
  await visitor.register(somebody());
  await visitor.open('/settings/security');
  await plugIn(visitor);
  await add(visitor, 'Phone');
  await visitor.send(visitor.button('Remove Phone'), '/api/delete_passkey');
  await visitor.signOut();
  await withoutOffers(visitor);
  await page.addInitScript(() => {
    const told: unknown[] = [];
    Object.assign(window, { told });
    Object.assign(PublicKeyCredential, { signalUnknownCredential: async (what: unknown) => told.push(what) });
  });
  await visitor.open('/login');
  visitor.expectRefusal('/api/passkey_sign_in', 401);
  await visitor.send(visitor.button('Sign in with a passkey'), '/api/passkey_sign_in');
  await expect(visitor.alert).toContainText('not known here');
  const told = await page.evaluate(() => (window as unknown as { told: { rpId: string; credentialId: string }[] }).told);
  expect(told).toEqual([{ rpId: 'localhost', credentialId: expect.stringMatching(/^[\w-]+$/) }]);
});

test('without a device the page says that nothing came of it', async ({ visitor }) => {
  const { page } = visitor;
  await withoutOffers(visitor);
  await page.addInitScript(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await visitor.open('/login');
  await visitor.button('Sign in with a passkey').click();
  await expect(page.getByText('Please try again.')).toBeVisible();
});
