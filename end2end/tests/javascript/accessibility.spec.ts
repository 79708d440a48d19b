import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '../../fixtures';
import { somebody } from '../../people';
import type { Person } from '../../people'; // wing:admin
import type { Visitor } from '../../visitor';
import { forAdmins } from './sights'; // wing:admin
import { ANONYMOUS, NEW, PROVIDER_ONLY, SETTLED, type Sight, inColours, settle } from './sights';

async function look(visitor: Visitor, sights: Sight[]): Promise<void> {
  for (const { name, show } of sights) {
    await test.step(name, async () => {
      await show(visitor);
      for (const colours of ['light', 'dark'] as const) {
        await inColours(visitor, colours);
        const { violations } = await new AxeBuilder({ page: visitor.page }).analyze();
        const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(({ html }) => html) }));
        expect.soft(found, `${name}, ${colours}`).toEqual([]);
      }
    });
  }
}

test('pages for everybody', async ({ visitor }) => {
  await look(visitor, ANONYMOUS);
});

test('pages of who has just come', async ({ visitor }) => {
  await visitor.register(somebody());
  await look(visitor, NEW);
});

test('pages of who has been here for a while', async ({ visitor, anotherBrowser }) => {
  await settle(visitor, await anotherBrowser());
  await look(visitor, SETTLED);
});

test('pages of who has no password', async ({ visitor }) => {
  await visitor.signInWithAcme(somebody().email);
  await look(visitor, PROVIDER_ONLY);
});

// wing:admin
test('pages of who looks after the application', async ({ visitor, anotherBrowser }) => {
  const [root, ada] = [somebody('root'), somebody()];
  const hers = await anotherBrowser();
  await settle(hers, await anotherBrowser(), ada);
  await visitor.becomeAdmin(root);
  const idOf = (person: Person) => visitor.idOf(person.email);
  await look(visitor, forAdmins({ email: ada.email, id: await idOf(ada) }, await idOf(root)));
});
// end wing:admin
