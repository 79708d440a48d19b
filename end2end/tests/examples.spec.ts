import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { polledTokens, startDevice } from '../clients';
import { type Program, cli, freePort, losingAnAnswer, resourceServer } from '../examples';
import { expect, test } from '../fixtures';
import { somebody } from '../people';
import { APP, command } from '../servers';
import type { Visitor } from '../visitor';

async function printed(program: Program, text: RegExp): Promise<string> {
  await expect.poll(() => program.printed).toMatch(text);
  return text.exec(program.printed)?.[1] ?? '';
}

async function finished(program: Program): Promise<string> {
  expect(await program.exit(), program.printed).toBe(0);
  return program.printed;
}

/** The user allows what the command line asks for with a code. */
async function allowDevice(visitor: Visitor, code: string): Promise<void> {
  await visitor.open(`/device?user_code=${code}`);
  await visitor.send(visitor.button('Allow'), '/api/decide_device');
  await expect(visitor.status).toBeVisible();
}

async function signedInCli(visitor: Visitor, file: string): Promise<void> {
  const login = cli(file, ['login']);
  await allowDevice(visitor, await printed(login, /enter the code (\S+)/));
  expect(await finished(login)).toContain('signed in');
}

test('a command line signs in with a code, says who it is, and signs out', async ({ visitor }, testInfo) => {
  const ada = somebody();
  const file = testInfo.outputPath('tokens.json');
  await visitor.register(ada);
  await signedInCli(visitor, file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await finished(cli(file, ['whoami']))).toBe(`${ada.email}\n`);
  await visitor.open('/settings/access');
  await expect(visitor.page.getByRole('main')).toContainText('Development client');

  expect(await finished(cli(file, ['logout']))).toContain('signed out');
  const gone = cli(file, ['whoami']);
  expect(await gone.exit()).toBe(1);
  expect(gone.printed).toContain('not signed in');
});

test('a command line signs in with a browser that comes back to its port', async ({ visitor, watch }, testInfo) => {
  const ada = somebody();
  const file = testInfo.outputPath('tokens.json');
  await visitor.register(ada);
  const login = cli(file, ['login', '--browser']);
  const address = await printed(login, /(http:\S+authorize\S+)/);
  watch.expectSite(new URL(new URL(address).searchParams.get('redirect_uri') ?? '').origin);
  await visitor.open(address.replace(APP, ''));
  await visitor.button('Allow').click();
  await expect(visitor.page.getByText('Signed in. You can close this page.')).toBeVisible();
  expect(await finished(login)).toContain('signed in');
  expect(await finished(cli(file, ['whoami']))).toBe(`${ada.email}\n`);
});

test('a command line is told when the user says no', async ({ visitor, watch }, testInfo) => {
  await visitor.register(somebody());
  const login = cli(testInfo.outputPath('tokens.json'), ['login', '--browser']);
  const address = await printed(login, /(http:\S+authorize\S+)/);
  watch.expectSite(new URL(new URL(address).searchParams.get('redirect_uri') ?? '').origin);
  await visitor.open(address.replace(APP, ''));
  await visitor.button('Deny').click();
  expect(await login.exit()).toBe(1);
  expect(login.printed).toContain('access_denied');
});

test('a command line survives a lost answer, and learns of a revocation', async ({ visitor }, testInfo) => {
  const ada = somebody();
  const file = testInfo.outputPath('tokens.json');
  await visitor.register(ada);
  await signedInCli(visitor, file);
  // An access token that is no longer good, so that the next command refreshes.
  const { refresh } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ access: 'x', refresh }));
  const way = await losingAnAnswer();
  const whoami = await finished(cli(file, ['whoami'], way.origin));
  expect(whoami).toContain('trying again');
  expect(whoami).toContain(ada.email);
  expect(way.lost()).toBe(1);
  way.stop();
  expect(JSON.parse(readFileSync(file, 'utf8')).refresh).not.toBe(refresh);

  await visitor.open('/settings/access');
  await visitor.send(visitor.button('Revoke access: Development client'), '/api/revoke_session');
  const over = cli(file, ['whoami']);
  expect(await over.exit()).toBe(1);
  expect(over.printed).toContain('the session has ended');
});

test('a server in another language takes tokens, and learns that one was taken back', async ({ visitor }) => {
  await visitor.register(somebody());
  const port = await freePort();
  const audience = `http://127.0.0.1:${port}`;
  const add = (...args: string[]): { client_id: string; client_secret: string } =>
    JSON.parse(command('clients', 'add', '--name', 'Weather', ...args));
  const inspector = add('--confidential', '--introspect', '--grant', 'client_credentials');
  const device = 'urn:ietf:params:oauth:grant-type:device_code';
  const { client_id } = add('--grant', device, '--resource', audience);
  const api = resourceServer({
    PORT: `${port}`,
    AUDIENCE: audience,
    CLIENT_ID: inspector.client_id,
    CLIENT_SECRET: inspector.client_secret,
  });
  await printed(api, /(listening)/);

  const started = await startDevice('profile', { client_id, resource: audience });
  await allowDevice(visitor, started.user_code);
  const { access_token, refresh_token } = await polledTokens(started, client_id);
  const ask = async (path: string, token: string): Promise<[number, { sub?: string }]> => {
    const response = await fetch(`${audience}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return [response.status, await response.json()];
  };
  const { id } = await (await visitor.page.request.get('/api/user')).json();
  for (const path of ['/verified', '/introspected']) {
    expect(await ask(path, access_token)).toEqual([200, { sub: id, scope: 'profile' }]);
    expect((await ask(path, `${access_token}x`))[0]).toBe(401);
  }
  await fetch(`${APP}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ client_id, token: refresh_token }) });
  // What is verified without asking is good until it expires; who asks knows at once.
  expect((await ask('/verified', access_token))[0]).toBe(200);
  expect((await ask('/introspected', access_token))[0]).toBe(401);
  await api.stop();
});
