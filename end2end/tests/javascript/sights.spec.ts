// Every page in every state, on a desktop and on a phone, in light and dark: nothing is wider than its window, and axe
// finds nothing. With `SCREENSHOTS=1` also as pictures for people to look at, in `screenshots/`.

import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '../../fixtures';
import { LONG, somebody } from '../../people';
import type { Person } from '../../people'; // wing:admin
import type { Visitor } from '../../visitor';
import { forAdmins } from './sights'; // wing:admin
import { CLIENTS } from './sights'; // wing:clients
import { MAIL } from './sights'; // wing:mail
import { PASSKEYS } from './sights'; // wing:passkeys
import { twoSteps } from './sights'; // wing:second-factors
import { ANONYMOUS, NEW, PROVIDER_ONLY, SETTLED, type Sight, inColours, settle } from './sights';

// Each walks through many pages, and the more wings there are, the more pages.
test.describe.configure({ timeout: 180_000 });

const ABOUT_COLOURS = ['color-contrast', 'link-in-text-block'];
const PICTURES = process.env.SCREENSHOTS === '1';

const DEVICES = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
};

async function look(visitor: Visitor, sights: Sight[]): Promise<void> {
  const { page } = visitor;
  for (const { name, show } of sights) {
    await test.step(name, async () => {
      await page.setViewportSize(DEVICES.desktop);
      await show(visitor);
      for (const [device, size] of Object.entries(DEVICES)) {
        await page.setViewportSize(size);
        for (const colours of ['light', 'dark'] as const) {
          await inColours(visitor, colours);
          // There are no frames, so nothing has to be put together in another page, which takes as long again.
          const axe = new AxeBuilder({ page }).setLegacyMode();
          // The dark theme changes colours only, and these are the rules about colours.
          const { violations } = await (colours === 'dark' ? axe.withRules(ABOUT_COLOURS) : axe).analyze();
          const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(({ html }) => html) }));
          expect.soft(found, `${name}, ${device}, ${colours}`).toEqual([]);
          if (PICTURES) {
            const path = `screenshots/${name}-${device}-${colours}.png`;
            // Playwright hides the caret by a style of its own, which the pages' policy would refuse.
            await page.screenshot({ path, fullPage: true, caret: 'initial' });
          }
        }
        const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect.soft(tooWide, `${name}, ${device}: pixels beyond the window`).toBeLessThanOrEqual(0);
      }
    });
  }
}

test('public pages', async ({ visitor }) => {
  await look(visitor, ANONYMOUS);
});

test('pages of a new user', async ({ visitor }) => {
  await visitor.register(somebody(LONG));
  await look(visitor, NEW);
});

test('pages of a user with data and sessions', async ({ visitor, anotherBrowser }) => {
  await settle(visitor, await anotherBrowser());
  await look(visitor, SETTLED);
});

// wing:clients
test('pages about other clients', async ({ visitor }) => {
  await visitor.register(somebody());
  await look(visitor, CLIENTS);
});
// end wing:clients

// wing:second-factors
test('pages about two-step sign-in', async ({ visitor }) => {
  const ada = somebody();
  await visitor.register(ada);
  await look(visitor, twoSteps(ada));
});
// end wing:second-factors

// wing:passkeys
test('pages about passkeys', async ({ visitor }) => {
  await visitor.register(somebody());
  await look(visitor, PASSKEYS);
});
// end wing:passkeys

// wing:mail
test('pages about mail, and a mail', async ({ visitor }) => {
  await visitor.register(somebody());
  await look(visitor, MAIL);
});
// end wing:mail

test('pages of a user without a password', async ({ visitor }) => {
  await visitor.signInWithAcme(somebody().email);
  await look(visitor, PROVIDER_ONLY);
});

// wing:admin
test('pages of an administrator', async ({ visitor, anotherBrowser }) => {
  const [root, ada] = [somebody('root'), somebody()];
  const hers = await anotherBrowser();
  await settle(hers, await anotherBrowser(), ada);
  await visitor.becomeAdmin(root);
  const idOf = (person: Person) => visitor.idOf(person.email);
  const sights = forAdmins({ email: ada.email, id: await idOf(ada) }, await idOf(root));
  await look(visitor, sights);
});
// end wing:admin
