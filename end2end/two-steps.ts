// An authenticator app, and setting it up.

import { createHmac } from 'node:crypto';
import { expect } from './fixtures';
import type { Person } from './people';
import type { Visitor } from './visitor';

/** The code of an authenticator app (RFC 6238), by its key in base32. */
export function code(key: string, at = Date.now()): string {
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
export function nextCode(key: string): string {
  return code(key, Date.now() + 30_000);
}

/** Begins to set up two-step sign-in. */
export async function begin(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/security');
  await visitor.send(visitor.button('Set up two-step sign-in'), '/api/start_totp');
  await expect(visitor.page.getByRole('img', { name: 'QR code' })).toBeVisible();
}

/** Turns it on with what is shown there; the app's key and the recovery codes. */
export async function turnOn(visitor: Visitor): Promise<{ key: string; recovery: string[] }> {
  const { page } = visitor;
  const key = (await page.locator('code.copyable').innerText()).replaceAll(' ', '');
  await visitor.field('Code from the app').fill(code(key));
  await visitor.send(visitor.button('Turn on'), '/api/confirm_totp');
  await expect(page.getByText('They are not shown again.')).toBeVisible();
  const shown = await page.locator('code').allInnerTexts();
  const recovery = shown.filter((text) => /^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/.test(text));
  expect(recovery).toHaveLength(10);
  return { key, recovery };
}

/** Sets up two-step sign-in. */
export async function setUp(visitor: Visitor): Promise<{ key: string; recovery: string[] }> {
  await begin(visitor);
  const app = await turnOn(visitor);
  // Without JavaScript, the codes are a page of their own.
  await visitor.open('/settings/security');
  return app;
}

/** Signs in with the password, which leads to the second step. */
export async function firstStep(visitor: Visitor, person: Person): Promise<void> {
  await visitor.open('/login?return_to=/settings/sessions');
  await visitor.fillSignIn(person);
  visitor.expectRefusal('/api/login', 403);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await visitor.arrives('/login/second?return_to=/settings/sessions');
}
