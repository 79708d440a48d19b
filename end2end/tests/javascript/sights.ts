// Every page, in the states a person may see it in.

import { LoopbackClient, polled, startDevice } from '../../clients'; // wing:clients
import { expect } from '../../fixtures';
import { mailTo } from '../../mailbox'; // wing:mail
import { add, plugIn } from '../../passkeys'; // wing:passkeys
import type { Person } from '../../people'; // wing:second-factors
import { somebody } from '../../people';
import { begin, firstStep, turnOn } from '../../two-steps'; // wing:second-factors
import type { Visitor } from '../../visitor';

export interface Sight {
  name: string;
  show: (visitor: Visitor) => Promise<void>;
}

/** Lets the page be seen as the system asks, once it looks so. */
export async function inColours({ page }: Visitor, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme });
  // Asked again and again, since a transition may give way to another and never finish.
  const moving = () =>
    page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === 'running').length);
  await expect.poll(moving).toBe(0);
}

function opened(path: string): (visitor: Visitor) => Promise<void> {
  return async (visitor) => {
    await visitor.open(path);
  };
}

export const ANONYMOUS: Sight[] = [
  { name: 'home', show: opened('/') },
  { name: 'login', show: opened('/login') },
  { name: 'login-provider-error', show: opened('/login?error=link_required') },
  { name: 'login-wrong', show: wrongPassword },
  { name: 'register', show: opened('/register') },
  { name: 'register-wrong', show: shortPassword },
  { name: 'privacy', show: opened('/privacy') }, // wing:data-rights
  { name: 'not-found', show: notFound },
  { name: 'refused', show: refused },
  { name: 'development-provider', show: developmentProvider }, // wing:dev-provider
  // wing:mail
  { name: 'login-mail', show: opened('/login/mail') },
  { name: 'login-code', show: opened('/login/code') },
  { name: 'undo-dead', show: dead('/undo') },
  { name: 'register-finish-dead', show: dead('/register/finish') },
  // end wing:mail
];

export const NEW: Sight[] = [
  { name: 'profile-new', show: opened('/profile') },
  { name: 'settings-public-new', show: opened('/settings/public') },
  { name: 'settings-private-new', show: opened('/settings/private') }, // wing:private-data
  { name: 'settings-accounts-new', show: opened('/settings/accounts') },
  { name: 'settings-sessions-new', show: opened('/settings/sessions') },
  { name: 'settings-access-new', show: opened('/settings/access') }, // wing:clients
];

export const SETTLED: Sight[] = [
  { name: 'home-signed-in', show: opened('/') },
  { name: 'profile', show: opened('/profile') },
  { name: 'settings-public', show: opened('/settings/public') },
  { name: 'settings-public-wrong', show: wrongWebsite },
  { name: 'settings-private', show: opened('/settings/private') }, // wing:private-data
  { name: 'settings-accounts', show: opened('/settings/accounts') },
  { name: 'settings-sessions', show: opened('/settings/sessions') },
  { name: 'settings-security', show: opened('/settings/security') },
  { name: 'settings-security-wrong', show: wrongPresentPassword },
];

// wing:clients
export const CLIENTS: Sight[] = [
  { name: 'settings-access', show: withAccess },
  { name: 'settings-access-key', show: withKeys },
  { name: 'settings-access-wrong', show: wrongDays },
  { name: 'authorize', show: asked },
  { name: 'authorize-wrong', show: wronglyAsked },
  { name: 'device', show: waiting },
  { name: 'device-decided', show: decided },
  { name: 'device-wrong', show: opened('/device?user_code=BCDF-GHJK') },
];
// end wing:clients

// wing:mail
export const MAIL: Sight[] = [
  { name: 'verify', show: opened('/verify') },
  { name: 'verify-wrong', show: wrongCode },
  { name: 'verify-link', show: mailedLink },
  { name: 'verify-dead', show: dead('/verify') },
  { name: 'forgot', show: opened('/forgot') },
  { name: 'forgot-sent', show: opened('/forgot/sent') },
  { name: 'reset', show: resetLink },
  { name: 'reset-dead', show: dead('/reset') },
  { name: 'development-mail', show: mailbox },
  { name: 'mail-verification', show: mailItself },
];
// end wing:mail

// wing:second-factors
export function twoSteps(person: Person): Sight[] {
  return [
    { name: 'two-steps-app', show: begin },
    { name: 'two-steps-codes', show: recoveryCodes },
    { name: 'two-steps-on', show: opened('/settings/security') },
    { name: 'login-second', show: secondStep(person) },
    { name: 'login-second-wrong', show: wrongSecondStep },
  ];
}
// end wing:second-factors

// wing:passkeys
export const PASSKEYS: Sight[] = [
  { name: 'passkeys', show: withPasskeys },
  { name: 'passkeys-rename', show: renaming },
];
// end wing:passkeys

// wing:admin
export function forAdmins(person: { email: string; id: string }, oneself: string): Sight[] {
  return [
    { name: 'admin-people', show: opened('/admin') },
    { name: 'admin-people-found', show: opened(`/admin?q=${encodeURIComponent(person.email)}`) },
    { name: 'admin-people-nobody', show: opened('/admin?q=nobody-begins-like-this') },
    { name: 'admin-person', show: opened(`/admin/people/${person.id}`) },
    { name: 'admin-oneself', show: opened(`/admin/people/${oneself}`) },
    { name: 'admin-person-disabled', show: disabled(person.id) },
  ];
}
// end wing:admin

export const PROVIDER_ONLY: Sight[] = [
  { name: 'settings-accounts-provider-only', show: opened('/settings/accounts') },
  { name: 'settings-security-provider-only', show: opened('/settings/security') },
];

/** Has been here for a while: there is something on every page. */
export async function settle(visitor: Visitor, elsewhere: Visitor, ada = somebody()): Promise<void> {
  await visitor.register({ ...ada, name: 'Augusta Ada King, Countess of Lovelace' });
  await elsewhere.signIn(ada);
  await visitor.open('/settings/public');
  await visitor.field('Display name').fill('Ada Lovelace');
  await visitor
    .field('Bio')
    .fill('I write programs for a machine that does not exist yet.\nIt weaves algebraic patterns.');
  await visitor.field('Website').fill(`https://example.org/${'a-long-path-without-any-break/'.repeat(4)}`);
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.status).toHaveText('Saved.');
  // wing:private-data
  await visitor.open('/settings/private');
  await visitor.field('New value for API token').fill('a-token-of-a-service-a1b2');
  await visitor.send(visitor.button('Set API token'), '/api/update_private_data');
  await expect(visitor.button('Replace API token')).toBeVisible();
  // end wing:private-data
  await visitor.open('/settings/accounts');
  await visitor.atAcme('Connect Acme', somebody('acme').email);
  await visitor.arrives('/settings/accounts');
}

// wing:admin
function disabled(id: string): (visitor: Visitor) => Promise<void> {
  return async (visitor) => {
    await visitor.open(`/admin/people/${id}`);
    await visitor.send(visitor.button('Disable account'), '/api/admin/disable_user');
    await expect(visitor.button('Enable account')).toBeVisible();
  };
}
// end wing:admin

async function wrongPassword(visitor: Visitor): Promise<void> {
  await visitor.open('/login');
  await visitor.fillSignIn(somebody());
  visitor.expectRefusal('/api/login', 401);
  await visitor.send(visitor.button('Sign in'), '/api/login');
  await expect(visitor.alert).toBeVisible();
}

async function shortPassword(visitor: Visitor): Promise<void> {
  await visitor.open('/register');
  await visitor.fillRegistration({ ...somebody(), password: 'short' });
  visitor.expectRefusal('/api/register', 422);
  await visitor.send(visitor.button('Create account'), '/api/register');
  await expect(visitor.alert).toBeVisible();
}

async function notFound(visitor: Visitor): Promise<void> {
  visitor.expectPage('/nowhere', 404);
  await visitor.open('/nowhere');
}

async function refused(visitor: Visitor): Promise<void> {
  visitor.expectPage('/auth/callback/nobody', 404);
  // Not a page of the app proper: there is nothing to hydrate.
  await visitor.page.goto('/auth/callback/nobody');
}

// wing:dev-provider
async function developmentProvider(visitor: Visitor): Promise<void> {
  await visitor.open('/login');
  await visitor.button('Continue with Development').click();
  await expect(visitor.page.getByRole('heading', { level: 1 })).toHaveText('Who do you want to sign in as?');
}
// end wing:dev-provider

async function wrongWebsite(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/public');
  await visitor.field('Website').fill('not an address');
  visitor.expectRefusal('/api/update_public_data', 422);
  await visitor.send(visitor.button('Save'), '/api/update_public_data');
  await expect(visitor.alert).toBeVisible();
}

async function wrongPresentPassword(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/security');
  await visitor.field('Current password').fill('not the one it is');
  await visitor.field('New password').fill(somebody().password);
  visitor.expectRefusal('/api/change_password', 401);
  await visitor.send(visitor.button('Change password'), '/api/change_password');
  await expect(visitor.alert).toBeVisible();
}

// wing:mail
async function wrongCode(visitor: Visitor): Promise<void> {
  await visitor.open('/verify');
  await visitor.field('Code').fill('1234 5678');
  visitor.expectRefusal('/api/verify_email', 401);
  await visitor.send(visitor.button('Verify'), '/api/verify_email');
  await expect(visitor.alert).toBeVisible();
}

async function mailedLink(visitor: Visitor): Promise<void> {
  const session = await (await visitor.page.request.get('/api/session')).json();
  await visitor.open((await mailTo(visitor, session.email)).link);
  await expect(visitor.button('Verify this address')).toBeVisible();
}

async function resetLink(visitor: Visitor): Promise<void> {
  const session = await (await visitor.page.request.get('/api/session')).json();
  await visitor.open('/forgot');
  await visitor.field('E-mail').fill(session.email);
  await visitor.button('Send the link').click();
  await visitor.arrives('/forgot/sent');
  await visitor.open((await mailTo(visitor, session.email, 2)).link);
  await expect(visitor.button('Set the password')).toBeVisible();
}

function dead(path: string): (visitor: Visitor) => Promise<void> {
  return async (visitor) => {
    visitor.expectPage(path, 410);
    await visitor.open(`${path}?token=of-nobody`);
  };
}

async function mailbox(visitor: Visitor): Promise<void> {
  // Not a page of the app proper: there is nothing to hydrate.
  await visitor.page.goto('/dev/mail');
}

/** The HTML of a mail, as its reader sees it. */
async function mailItself(visitor: Visitor): Promise<void> {
  await mailbox(visitor);
  await visitor.page.getByRole('link', { name: 'As HTML' }).first().click();
  await expect(visitor.page.getByRole('main')).toBeVisible();
}
// end wing:mail

// wing:second-factors
async function recoveryCodes(visitor: Visitor): Promise<void> {
  await turnOn(visitor);
}

function secondStep(person: Person): (visitor: Visitor) => Promise<void> {
  return async (visitor) => {
    await visitor.signOut();
    await firstStep(visitor, person);
  };
}

async function wrongSecondStep(visitor: Visitor): Promise<void> {
  visitor.expectRefusal('/api/second_factor', 401);
  await visitor.field('Code').fill('1');
  await visitor.send(visitor.button('Sign in'), '/api/second_factor');
  await expect(visitor.alert).toBeVisible();
}
// end wing:second-factors

// wing:passkeys
async function withPasskeys(visitor: Visitor): Promise<void> {
  await plugIn(visitor);
  await visitor.open('/settings/security');
  await add(visitor, 'The phone that I bought in Lisbon last summer');
}

async function renaming(visitor: Visitor): Promise<void> {
  await visitor.page.locator('summary').click();
  await expect(visitor.button('Rename')).toBeVisible();
}
// end wing:passkeys

// wing:clients
async function withKeys(visitor: Visitor): Promise<void> {
  const device = await startDevice('profile data');
  await visitor.open(`/device?user_code=${device.user_code}`);
  await visitor.send(visitor.button('Allow'), '/api/decide_device');
  await expect(visitor.status).toBeVisible();
  await polled(device);
  await visitor.open('/settings/access');
  await visitor.field('Name').fill('Backups of everything, every night at three');
  await visitor.send(visitor.button('Create key'), '/api/create_key');
  await expect(visitor.page.getByText('It is not shown again.')).toBeVisible();
}

async function withAccess(visitor: Visitor): Promise<void> {
  await withKeys(visitor);
  await visitor.page.getByRole('link', { name: 'Go back' }).click();
  await visitor.arrives('/settings/access');
  await expect(visitor.button('Revoke access: Development client')).toBeVisible();
}

async function wrongDays(visitor: Visitor): Promise<void> {
  await visitor.open('/settings/access');
  await visitor.field('Name').fill('Backups');
  await visitor.field('Days until it expires').fill('1000');
  visitor.expectRefusal('/api/create_key', 422);
  await visitor.send(visitor.button('Create key'), '/api/create_key');
  await expect(visitor.alert).toBeVisible();
}

async function asked(visitor: Visitor): Promise<void> {
  const client = await LoopbackClient.start();
  await visitor.open(client.asking('profile data app'));
  await client.stop();
}

async function wronglyAsked(visitor: Visitor): Promise<void> {
  visitor.expectPage('/oauth/authorize', 400);
  // Not a page of the app proper: there is nothing to hydrate.
  await visitor.page.goto('/oauth/authorize?client_id=unknown');
}

async function waiting(visitor: Visitor): Promise<void> {
  const device = await startDevice('profile data');
  await visitor.open(`/device?user_code=${device.user_code}`);
  await expect(visitor.button('Allow')).toBeVisible();
}

async function decided(visitor: Visitor): Promise<void> {
  await waiting(visitor);
  await visitor.send(visitor.button('Deny'), '/api/decide_device');
  await expect(visitor.status).toBeVisible();
}
// end wing:clients
