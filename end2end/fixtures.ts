import { createHash } from 'node:crypto';
import { type BrowserContext, type TestInfo, test as base, expect } from '@playwright/test';
import { Visitor } from './visitor';
import { Watch } from './watch';

export { expect };

interface Fixtures {
  watch: Watch;
  /** Somebody in front of the test's browser. */
  visitor: Visitor;
  /** Somebody, perhaps the same person, in front of another browser. */
  anotherBrowser: () => Promise<Visitor>;
}

export const test = base.extend<Fixtures>({
  extraHTTPHeaders: async ({}, use, testInfo) => {
    await use({ 'X-Forwarded-For': addressOf(testInfo) });
  },

  watch: [
    async ({ javaScriptEnabled }, use) => {
      const watch = new Watch(javaScriptEnabled ?? true);
      await use(watch);
      expect(watch.problems()).toEqual([]);
    },
    { auto: true },
  ],

  context: async ({ context, watch }, use) => {
    await watch.follow(context);
    await use(context);
  },

  visitor: async ({ page, watch, javaScriptEnabled }, use) => {
    await use(new Visitor(page, watch, javaScriptEnabled ?? true));
  },

  anotherBrowser: async ({ browser, watch, javaScriptEnabled }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext();
      contexts.push(context);
      await watch.follow(context);
      return new Visitor(await context.newPage(), watch, javaScriptEnabled ?? true);
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

/** An address for each test, and for each time it runs: attempts are limited by address. */
function addressOf({ testId, retry, repeatEachIndex }: TestInfo): string {
  const [a, b, c] = createHash('sha256').update(`${testId} ${retry} ${repeatEachIndex}`).digest();
  return `10.${a}.${b}.${c}`;
}
