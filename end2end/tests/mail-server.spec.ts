// The app against a real mail server: nothing is lost, and nothing comes twice under another name.

import { expect, test } from '@playwright/test';
import { Instance, MailServer, ROOT, type Trouble } from '../mail';

// No browser takes part.
test.skip(({ javaScriptEnabled }) => javaScriptEnabled === false, 'it would be the same test again');

/** The wait after a first failure, and the time until it is noticed. */
const ANOTHER_TRY = { timeout: 30_000 };

const smtp = ({ port }: MailServer, query = ''): string => `smtp://127.0.0.1:${port}${query}`;

test('whatever the mail server does, each mail comes, and no request waits for it', async ({}, testInfo) => {
  const passing: Trouble[] = ['none', 'rcpt 450', 'data 451', 'cut', 'silence', 'slow'];
  const final: Trouble[] = ['rcpt 550', 'data 554'];
  const address = (trouble: Trouble): string => `${trouble.replace(' ', '-')}@example.org`;
  const all = [...passing, ...final];
  const mailServer = await MailServer.start({
    trouble: (to) => all.find((trouble) => address(trouble) === to) ?? 'none',
  });
  const app = await Instance.start(testInfo.outputPath('app'), { SMTP_URL: smtp(mailServer) });
  for (const trouble of all) {
    expect(await app.register(address(trouble))).toBeLessThan(4_000);
  }
  const came = (trouble: Trouble) => mailServer.taken.filter(({ to }) => to === address(trouble));
  await expect.poll(() => passing.filter((trouble) => came(trouble).length === 0), ANOTHER_TRY).toEqual([]);
  await expect.poll(() => came('silence').length, ANOTHER_TRY).toBe(2);
  // Time for what should not come.
  await expect.poll(() => app.log.match(/"a mail was sent"/g)?.length, ANOTHER_TRY).toBe(passing.length);
  for (const trouble of all) {
    const ids = new Set(came(trouble).map(({ messageId }) => messageId));
    const times = { silence: 2, 'rcpt 550': 0, 'data 554': 0 }[trouble as string] ?? 1;
    expect([came(trouble).length, ids.size], trouble).toEqual([times, Math.min(times, 1)]);
  }
  const { source, messageId } = came('none')[0];
  expect(messageId).toMatch(/^<[0-9a-f-]{36}@app\.example>$/);
  expect(source).toMatch(/^From: App <noreply@app\.example>\r$/m);
  expect(source).toMatch(/^Subject: Verify your e-mail address for 127\.0\.0\.1:3000\r$/m);
  expect(source.replaceAll('=\r\n', '')).toMatch(/http:\/\/127\.0\.0\.1:3000\/verify\?token=3D[\w-]{43}/);
  expect(app.log.match(/"a mail was given up"/g)).toHaveLength(final.length);
  expect(app.log).not.toContain('@example.org');
  await app.end();
  await mailServer.stop();
});

test('a mail server that is down gets the mails when it is up', async ({}, testInfo) => {
  const before = await MailServer.start();
  const { port } = before;
  await before.stop();
  const app = await Instance.start(testInfo.outputPath('app'), { SMTP_URL: smtp({ port } as MailServer) });
  await app.register('ada@example.org');
  await expect.poll(() => app.log).toContain('a mail could not be sent yet');
  const mailServer = await MailServer.start({ port });
  await expect.poll(() => mailServer.taken.length, ANOTHER_TRY).toBe(1);
  await app.end();
  await mailServer.stop();
});

test('TLS that is required is used or nothing is sent', async ({}, testInfo) => {
  const folder = testInfo.outputPath('app');
  const started = Date.now();
  const once = async (mailServer: MailServer, url: string, env: Record<string, string>) => {
    const app = await Instance.start(folder, { SMTP_URL: url, ...env });
    await app.register(`user-${Date.now()}@example.org`);
    await expect.poll(() => app.log.match(/"a mail (was sent|could not be sent yet)"/)?.[1]).toBeTruthy();
    const sent = app.log.includes('"a mail was sent"');
    await app.end();
    await mailServer.stop();
    return { sent, taken: mailServer.taken.length, secure: mailServer.taken.every(({ secure }) => secure) };
  };
  const trusted = { SSL_CERT_FILE: ROOT };
  const nothing = { sent: false, taken: 0, secure: true };
  const plain = await MailServer.start();
  expect(await once(plain, smtp(plain, '?tls=required'), trusted)).toEqual(nothing);
  for (const [scheme, query, tls] of [
    ['smtp', '?tls=required', 'STARTTLS'],
    ['smtps', '', 'from the start'],
  ] as const) {
    const url = ({ port }: MailServer): string => `${scheme}://127.0.0.1:${port}${query}`;
    const unknown = await MailServer.start({ tls });
    expect(await once(unknown, url(unknown), {}), scheme).toEqual(nothing);
    const elsewhere = await MailServer.start({ tls, certificate: 'elsewhere' });
    expect(await once(elsewhere, url(elsewhere), trusted), scheme).toEqual(nothing);
    const known = await MailServer.start({ tls });
    const { sent, taken, secure } = await once(known, url(known), trusted);
    expect([sent, secure], scheme).toEqual([true, true]);
    expect(taken, scheme).toBeGreaterThan(0);
  }
  expect(Date.now() - started).toBeLessThan(60_000);
});

test('two servers of the app on one outbox send each mail once', async ({}, testInfo) => {
  const mailServer = await MailServer.start();
  const folder = testInfo.outputPath('app');
  const env = { SMTP_URL: smtp(mailServer) };
  const first = await Instance.start(folder, env);
  const second = await Instance.start(folder, env);
  const people = Array.from({ length: 24 }, (_, number) => `user-${number}@example.org`);
  await Promise.all(people.map((email, number) => (number % 2 ? first : second).register(email)));
  await expect.poll(() => mailServer.taken.length, ANOTHER_TRY).toBe(people.length);
  expect(mailServer.taken.map(({ to }) => to).sort()).toEqual(people.sort());
  await Promise.all([first.end(), second.end()]);
  await mailServer.stop();
  expect(mailServer.taken).toHaveLength(people.length);
});

test('a server of the app that is killed in the midst of a mail has lost none', async ({}, testInfo) => {
  // What it had taken is free again after a minute.
  test.setTimeout(120_000);
  const mailServer = await MailServer.start({ trouble: (to) => (to.startsWith('held') ? 'hang' : 'none') });
  const folder = testInfo.outputPath('app');
  const env = { SMTP_URL: smtp(mailServer), SESSION_SECRET: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' };
  const killed = await Instance.start(folder, env);
  const held = Array.from({ length: 4 }, (_, number) => `held-${number}@example.org`);
  for (const email of held) {
    await killed.register(email);
  }
  // The server is busy with four, so this one waits.
  await expect.poll(() => mailServer.taken.length).toBe(held.length);
  await killed.register('waiting@example.org');
  await killed.end('SIGKILL');
  const next = await Instance.start(folder, env);
  await expect.poll(() => mailServer.taken.length, { timeout: 90_000 }).toBe(2 * held.length + 1);
  for (const email of [...held, 'waiting@example.org']) {
    const mails = mailServer.taken.filter(({ to }) => to === email);
    const ids = new Set(mails.map(({ messageId }) => messageId));
    expect([mails.length, ids.size], email).toEqual([email.startsWith('held') ? 2 : 1, 1]);
  }
  await next.end();
  await mailServer.stop();
});
