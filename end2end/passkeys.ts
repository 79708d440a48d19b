// A device that keeps passkeys, as the browser's own tools play it.

import type { CDPSession } from '@playwright/test';
import type { Visitor } from './visitor';

/** Gives the browser a device that keeps passkeys and knows its owner. */
export async function plugIn(visitor: Visitor): Promise<{ session: CDPSession; id: string }> {
  const session = await visitor.context.newCDPSession(visitor.page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { session, id: authenticatorId };
}

/** Adds a passkey at `/settings/security`, which is open. */
export async function add(visitor: Visitor, name: string): Promise<void> {
  await visitor.field('Name of the new passkey').fill(name);
  await visitor.send(visitor.button('Add a passkey'), '/api/finish_passkey');
  await visitor.button(`Remove ${name}`).waitFor();
}
