import { createHmac } from 'node:crypto';
import { expect, test } from '../fixtures';
import { type Person, somebody } from '../people';
import type { Visitor } from '../visitor';

/** The code of an authenticator app (RFC 6238), by its key in base32. */
function code(key: string, at = Date.now()): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...key].map((char) => alphabet.indexOf(char).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac('sha1', secret).update(step).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** A code of the next step: the one of this step has been used, and the server takes the next one already. */
function nextCode(key: string): string {
  return code(key, Date.now() + 30_000);
}

/** Sets up two-step sign-in; the app's key and the recovery codes. */
async function setUp(visitor: Visitor): Promise<{ key: string; recovery: string[] }> {
  const { page } = visitor;
  await visitor.open('/settings/security');
  await visitor.send(visitor.button('Set up two-step sign-in'), '/api/start_totp');
  await expect(page.getByRole('img', { name: 'QR code' })).toBeVisible();
  const key = (await page.locator('code.copyable').innerText()).replaceAll(' ', '');
  await visitor.field('Code from the app').fill(code(key));
  await visitor.send(visitor.button('Turn on'), '/api/confirm_totp');
  await expect(page.getByText('They are not shown again.')).toBeVisible();
  const shown = await page.locator('code').allInnerTexts();
  const recovery = shown.filter((text) => /^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/.test(text));
  expect(recovery).toHaveLength(10);
  return { key, recovery };
}

async function signIn(visitor: Visitor, person: Person): Promise<void> {
  await visitor.open('/login?return_to=/settings/sessions');
  await visitor.field('E-mail').fill(person.email);
  await visitor.field('Password').fill(person.password);
  visitor.expectRefusal('/api/login', 403);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await expect(visitor.page).toHaveURL(/\/login\/second\?return_to=/);
}

test('two-step sign-in is set up, asked for, and turned off', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { key, recovery } = await setUp(visitor);
  await visitor.signOut();

  await signIn(visitor, ada);
  await visitor.field('Code').fill(code(key));
  visitor.expectRefusal('/api/second_factor', 401);
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.alert).toContainText('This code is wrong');
  await visitor.field('Code').fill(nextCode(key));
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.signOut();

  await signIn(visitor, ada);
  await visitor.field('Code').fill(recovery[0]?.toLowerCase() ?? '');
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.open('/settings/security');
  await expect(visitor.page.getByText('9 recovery codes are left.')).toBeVisible();
  await visitor.send(visitor.button('Turn off'), '/api/disable_totp');
  await expect(visitor.status).toContainText('Two-step sign-in is off');
});

test('a trusted browser is not asked again', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  const { key } = await setUp(visitor);
  await visitor.signOut();
  await signIn(visitor, ada);
  await visitor.field('Code').fill(nextCode(key));
  await visitor.page.getByLabel('Don’t ask for a code').check();
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.page).toHaveURL(/\/settings\/sessions$/);
  await visitor.signOut();
  await visitor.signIn(ada);
});
