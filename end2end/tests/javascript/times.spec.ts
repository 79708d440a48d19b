import { expect, test } from '../../fixtures';
import { somebody } from '../../people';

test.use({ timezoneId: 'Asia/Tokyo' });

const HOUR = 3_600_000;

test('times are in words that stay true, also on a machine whose clock is wrong', async ({ visitor }) => {
  await visitor.register(somebody());
  // Three days ahead of the server. The page is a document, so nothing else waits for the clock.
  await visitor.page.clock.install({ time: Date.now() + 72 * HOUR });
  await visitor.open('/settings/security');
  const time = visitor.page.locator('time').first();
  await expect(time).toHaveText('just now');
  for (const [passes, text] of [
    [3 * 60_000, '3 minutes ago'],
    [2 * HOUR, '2 hours ago'],
    [40 * 24 * HOUR, '1 month ago'],
  ] as const) {
    await visitor.page.clock.fastForward(passes);
    await expect(time).toHaveText(text);
  }
});

test('the exact time is in the zone of the person, and a date, too', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/profile');
  const since = visitor.page.locator('time[data-day]');
  const at = new Date((await since.getAttribute('datetime')) ?? '');
  const inTokyo = { timeZone: 'Asia/Tokyo', dateStyle: 'long' } as const;
  await expect(since).toHaveText(new Intl.DateTimeFormat('en-GB', inTokyo).format(at));
  await expect(since).toHaveAttribute('title', /:\d\d GMT\+9$/);
});

test('nothing about times changes when the program takes over', async ({ visitor }) => {
  await visitor.register(somebody());
  // All texts that a time has had, from the first that was painted.
  await visitor.page.addInitScript(() => {
    const seen = new Set<string>();
    Object.assign(globalThis, { seen });
    const look = (): void => {
      for (const time of document.querySelectorAll('time')) seen.add(time.textContent ?? '');
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await visitor.open('/settings/sessions');
  await expect(visitor.page.locator('time').first()).toHaveText('just now');
  const seen = await visitor.page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen]);
  expect(seen).toEqual(['just now']);
});

test('a page that the program renders has the same words', async ({ visitor }) => {
  await visitor.register(somebody());
  await visitor.open('/profile');
  await visitor.hydrated();
  await visitor.page.getByRole('link', { name: 'Settings' }).click();
  await visitor.page.getByRole('link', { name: 'Sessions' }).click();
  const time = visitor.page.locator('time').first();
  await expect(time).toHaveText('just now');
  await expect(time).toHaveAttribute('title', /GMT\+9$/);
});
