// A trial of nginx and Caddy with the files of `deploy/`: `node --test-reporter=spec
// end2end/proxies/trial.mjs`. SERVER_BIN is
// the server, LEPTOS_SITE_ROOT the folder of its site.
// With the address of a PostgreSQL database in DATABASE_URL, it also restarts one of two instances. // wing:postgres

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Broken } from './broken.mjs'; // wing:postgres
import { Load } from './load.mjs'; // wing:postgres
import { HOST, certificate, missing, site, version } from './machine.mjs';
import { freePort } from './machine.mjs'; // wing:postgres
import { NAMES, Proxy } from './proxies.mjs';
import { Relay } from './relay.mjs';
import { Instance } from './servers.mjs';
import { isShared } from './servers.mjs'; // wing:postgres
import { newPerson, registered } from './visitor.mjs';

const absent = missing();
if (absent) {
  console.error(absent);
  process.exit(1);
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_PLEASE = { accept: 'application/json' };

// wing:postgres
/** Time in milliseconds for Caddy's health check to notice a change: more than twice its interval. */
const SEEN = 5000;
// end wing:postgres

/** Stops something at the end of a test, even if the test fails. */
function until(t, thing) {
  t.after(() => thing.stop());
  return thing;
}

for (const name of NAMES) {
  describe(`${name} (${version(name)})`, () => {
    let server;
    let proxy;

    before(async () => {
      server = await Instance.start(`server-${name}`);
      proxy = await Proxy.start(name, [server.port]);
    });

    after(async () => {
      await proxy?.stop();
      await server?.stop();
    });

    test('a visitor registers, reads a page, signs out and signs in, by forms', async () => {
      const visitor = proxy.visitor();
      const person = newPerson();
      const welcome = await visitor.submit('/register', '/api/register', person);
      assert.equal(welcome.status, 303);
      const cookies = welcome.all('set-cookie');
      assert.deepEqual(cookies.map((cookie) => cookie.split('=')[0]).sort(), ['__Host-auth', '__Host-id']);
      for (const cookie of cookies) {
        assert.match(cookie, /; Path=\/; Secure$/);
        assert.match(cookie, /; HttpOnly; SameSite=Lax;/);
      }
      const profile = await visitor.get('/profile');
      assert.equal(profile.status, 200);
      assert.ok(profile.text.includes(person.email));
      const away = await visitor.submit('/profile', '/api/logout', {});
      assert.deepEqual([away.status, away.headers.location], [303, '/']);
      assert.equal(visitor.cookies.size, 0);
      assert.equal((await visitor.get('/profile')).headers.location, '/login?return_to=%2Fprofile');
      const back = await visitor.submit('/login', '/api/login', { email: person.email, password: person.password });
      assert.deepEqual([back.status, back.headers.location], [303, '/profile']);
      assert.equal((await visitor.get('/profile')).status, 200);
    });

    test('a form from another site is refused', async () => {
      const visitor = await registered(proxy);
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      const answer = await visitor.post('/api/update_public_data', { bio: 'forged' }, foreign);
      assert.equal(answer.status, 403);
      assert.match(answer.text, new RegExp(`https://${HOST}`));
    });

    test("the address is the one that the proxy sees, whatever headers the client sends", async () => {
      const visitor = proxy.visitor();
      const forged = [
        {},
        { 'x-forwarded-for': '203.0.113.9' },
        { 'x-forwarded-for': ['203.0.113.9', '127.0.0.1'] },
        { 'x-forwarded-for': '203.0.113.9, 127.0.0.1, 127.0.0.1', forwarded: 'for=203.0.113.9' },
        { 'x-real-ip': '203.0.113.9', 'x-client-ip': '203.0.113.9' },
        { connection: 'keep-alive, x-forwarded-for' },
      ];
      for (const headers of forged) {
        const answer = await visitor.post('/api/register', newPerson(), headers);
        assert.equal(answer.status, 303);
        const { json } = await visitor.call('/api/list_sessions');
        assert.deepEqual(json.map(({ ip }) => ip), [visitor.address], JSON.stringify(headers));
        const history = await visitor.get('/settings/security');
        assert.ok(history.text.includes(visitor.address) && !history.text.includes('203.0.113.9'));
      }
    });

    test('a body over the limit gets 413 with a page or JSON, and the next request is served', async () => {
      const visitor = await registered(proxy);
      const chunks = (size) => Array.from({ length: Math.ceil(size / 4096) }, () => 'x'.repeat(4096));
      for (const [path, size] of [
        ['/api/login', 9_000],
        ['/api/login', 70_000],
        ['/api/list_sessions', 70_000],
        ['/api/update_public_data', 320_000],
      ]) {
        // Repeated, since it depends on timing.
        for (let i = 0; i < 10; i += 1) {
          for (const body of ['x'.repeat(size), chunks(size)]) {
            const what = `${size} bytes for ${path}${Array.isArray(body) ? ', in chunks' : ''}`;
            const page = await visitor.send('POST', path, FORM, body);
            assert.equal(page.status, 413, what);
            assert.match(page.text, /^<!DOCTYPE html>/);
            const json = await visitor.send('POST', path, { ...FORM, ...JSON_PLEASE }, body);
            assert.equal(json.status, 413, what);
            assert.equal(JSON.parse(json.text).error, 'too_large');
          }
        }
        assert.equal((await visitor.get('/profile')).status, 200);
      }
    });

    test('a body of megabytes is refused', async () => {
      const visitor = proxy.visitor();
      const answer = await visitor.send('POST', '/api/login', FORM, 'x'.repeat(4_000_000)).catch(({ code }) => code);
      assert.ok([413, 502, 'ECONNRESET', 'EPIPE'].includes(answer.status ?? answer), `${answer.status ?? answer}`);
      assert.equal((await visitor.get('/healthz')).status, 200);
    });

    test('the largest form is accepted', async () => {
      const visitor = await registered(proxy);
      const answer = await visitor.post('/api/update_public_data', { bio: 'x'.repeat(299_000) }, JSON_PLEASE);
      // The server has read it, and refuses its content.
      assert.equal(answer.status, 422);
    });

    // wing:pictures
    test('the largest picture is accepted, and a larger file refused', async () => {
      const visitor = await registered(proxy);
      const picture = readFileSync(new URL('../../public/apple-touch-icon.png', import.meta.url));
      const upload = (size) => {
        const head = '--X\r\nContent-Disposition: form-data; name="picture"; filename="me.png"\r\n\r\n';
        const file = Buffer.concat([picture, Buffer.alloc(size - picture.length)]);
        const body = Buffer.concat([Buffer.from(head), file, Buffer.from('\r\n--X--\r\n')]);
        const headers = { 'content-type': 'multipart/form-data; boundary=X', ...JSON_PLEASE };
        return visitor.send('POST', '/api/upload_picture', headers, body);
      };
      assert.equal((await upload(5 * 1024 * 1024)).status, 200);
      assert.equal((await upload(5.5 * 1024 * 1024)).status, 413);
      assert.equal((await visitor.get('/profile')).status, 200);
    });
    // end wing:pictures

    // wing:clients
    test('events arrive at once', { timeout: 10_000 }, async () => {
      const visitor = await registered(proxy);
      const accept = { accept: 'text/event-stream', 'accept-encoding': 'gzip, br' };
      const stream = await visitor.open('GET', '/api/events', accept);
      assert.equal(stream.headers['content-type'], 'text/event-stream');
      assert.equal(stream.headers['content-encoding'], undefined);
      const events = stream.setEncoding('utf8')[Symbol.asyncIterator]();
      assert.match((await events.next()).value, /^event: session\n/);
      await visitor.call('/api/logout');
      assert.match((await events.next()).value, /^event: end\n/);
      assert.ok((await events.next()).done);
    });
    // end wing:clients

    test('compressed files arrive unchanged, and 304 works', async () => {
      const visitor = proxy.visitor();
      const { wasm } = site();
      const path = `/pkg/${wasm.split('/').pop()}`;
      for (const [accepted, encoding, file] of [
        ['gzip, deflate, br', 'br', `${wasm}.br`],
        ['gzip', 'gzip', `${wasm}.gz`],
        ['identity', undefined, wasm],
        // The proxy must not ask for compression by itself: unpacking would lose the length.
        [undefined, undefined, wasm],
      ]) {
        const accept = accepted && { 'accept-encoding': accepted };
        const answer = await visitor.get(path, accept);
        const bytes = readFileSync(file);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-encoding'], encoding);
        assert.equal(answer.headers['content-length'], `${bytes.length}`);
        assert.equal(answer.headers['content-type'], 'application/wasm');
        assert.ok(answer.bytes.equals(bytes));
        const unchanged = await visitor.get(path, { ...accept, 'if-modified-since': answer.headers['last-modified'] });
        assert.deepEqual([unchanged.status, unchanged.bytes.length], [304, 0]);
      }
      const part = await visitor.get(path, { 'accept-encoding': 'identity', range: 'bytes=0-3' });
      assert.deepEqual([part.status, part.text], [206, '\0asm']);
    });

    test('ETags arrive unchanged, and 304 works', async () => {
      const visitor = await registered(proxy);
      const session = await visitor.get('/api/session', { 'accept-encoding': 'gzip, br' });
      assert.match(session.headers.etag, /^"[^"]+"$/);
      const again = await visitor.get('/api/session', { 'if-none-match': session.headers.etag });
      assert.deepEqual([again.status, again.headers.etag], [304, session.headers.etag]);
    });

    test('HSTS and the other security headers arrive once', async () => {
      const visitor = await registered(proxy);
      for (const [method, path, status] of [
        ['GET', '/', 200],
        ['GET', '/nowhere', 404],
        ['GET', '/favicon.svg', 200],
        ['GET', '/api/session', 200],
        ['GET', '/login', 303],
        ['POST', '/healthz', 405],
      ]) {
        const answer = await visitor.send(method, path);
        assert.equal(answer.status, status, path);
        assert.deepEqual(answer.all('strict-transport-security'), ['max-age=63072000; includeSubDomains'], path);
        for (const header of ['content-security-policy', 'x-content-type-options', 'x-frame-options', 'referrer-policy']) {
          assert.equal(answer.all(header).length, 1, `${header} of ${path}`);
        }
      }
    });

    test('http:// redirects to https://', async () => {
      const visitor = proxy.visitor();
      const answer = await visitor.plain('/login?return_to=%2Fprofile%3Fa%3Db');
      assert.deepEqual(answer, { status: 308, location: `https://${HOST}/login?return_to=%2Fprofile%3Fa%3Db` });
    });

    test('HTTP/2 is spoken', async () => {
      const ca = certificate().pem;
      const session = connect(`https://${HOST}`, { host: '127.0.0.1', port: proxy.https, ca, servername: HOST });
      const headers = await new Promise((settle, fail) => {
        session.on('error', fail);
        session.request({ ':path': '/login' }).on('response', settle).on('error', fail).end();
      });
      assert.equal(session.alpnProtocol, 'h2');
      assert.equal(headers[':status'], 200);
      session.destroy();
    });

    test('the largest response head is passed on', async () => {
      const visitor = proxy.visitor();
      const answer = await visitor.get(`/profile?${'&'.repeat(2000)}`);
      assert.equal(answer.status, 303);
      assert.ok(answer.headers.location.length > 6000);
    });

    test('connections to the server are reused, and the proxy closes them first', async (t) => {
      // Shorter than in deploy/, but in the same order.
      const [idle, keepAlive] = [1, 2];
      const patient = until(t, await Instance.start(`patient-${name}`, { KEEP_ALIVE: `${keepAlive}` }));
      const relay = until(t, await Relay.start(patient.port));
      const short = until(t, await Proxy.start(name, [relay.port], { idle }));
      const visitor = await registered(short);
      const before = relay.connections;
      for (let i = 0; i < 200; i += 1) {
        await visitor.call('/api/get_user');
        await sleep(i % 5);
      }
      const used = relay.connections - before;
      assert.ok(used <= 5, `${used} connections for 200 requests`);
      // Around both times, with POST, which a proxy does not repeat.
      for (const pause of [0.97, 1, 1.03, 1.97, 2, 2.03]) {
        await sleep(pause * 1000);
        await visitor.call('/api/get_user');
      }
      await sleep(keepAlive * 1000 + 500);
      assert.equal(relay.closedByServer, 0, 'connections that the server has closed first');
    });

    // nginx answers 502.
    test('a page waits while the only instance restarts', { skip: name === 'nginx' }, async (t) => {
      const lone = until(t, await Instance.start(`lone-${name}`));
      const alone = until(t, await Proxy.start(name, [lone.port]));
      await lone.stop();
      const page = alone.visitor().get('/healthz');
      await sleep(500);
      await lone.start();
      assert.equal((await page).status, 200);
    });

    // wing:postgres
    test('if a server breaks off, a page comes from the other one, and a form is not sent twice', async (t) => {
      const broken = until(t, await Broken.start('200 OK'));
      const both = until(t, await Proxy.start(name, [server.port, broken.port]));
      const visitor = both.visitor();
      const statuses = [];
      for (let i = 0; i < 8; i += 1) {
        const { status } = await visitor.post('/api/register', newPerson());
        statuses.push(status);
        visitor.cookies.clear();
      }
      // If a form had been sent to both servers, it would have been accepted as well as counted here.
      assert.deepEqual([...new Set(statuses)].sort(), [303, 502]);
      assert.equal(statuses.filter((status) => status === 502).length, broken.forms, `${statuses}`);
      for (let i = 0; i < 10; i += 1) {
        assert.equal((await visitor.get('/healthz')).status, 200);
      }
      assert.ok(broken.others > 0, 'some of these have been requested twice');
    });

    test('forms go to the other instance while one is down', async (t) => {
      const both = until(t, await Proxy.start(name, [server.port, await freePort()]));
      await sleep(name === 'caddy' ? SEEN : 0);
      const visitor = both.visitor();
      for (let i = 0; i < 10; i += 1) {
        assert.equal((await visitor.post('/api/register', newPerson())).status, 303);
        visitor.cookies.clear();
      }
    });

    // nginx has no active health checks.
    test('an instance that is not ready gets no requests', { skip: name === 'nginx' }, async (t) => {
      const broken = until(t, await Broken.start('503 Service Unavailable'));
      const both = until(t, await Proxy.start(name, [server.port, broken.port]));
      await sleep(SEEN);
      [broken.forms, broken.others] = [0, 0];
      const visitor = both.visitor();
      for (let i = 0; i < 10; i += 1) {
        assert.equal((await visitor.get('/healthz')).status, 200);
      }
      assert.deepEqual([broken.forms, broken.others], [0, 0]);
    });

    describe('two instances', { skip: !isShared && 'DATABASE_URL names no PostgreSQL' }, () => {
      let instances;
      let both;

      before(async () => {
        instances = [await Instance.start(`a-${name}`), await Instance.start(`b-${name}`)];
        both = await Proxy.start(name, instances.map(({ port }) => port));
      });

      after(async () => {
        await both?.stop();
        await Promise.all(instances?.map((instance) => instance.stop()) ?? []);
      });

      test('restart without a failed request if taken out of the proxy first', async () => {
        const load = await Load.start(both);
        for (const instance of [...instances, ...instances]) {
          await both.leaveOut(instance.port);
          await instance.stop();
          await instance.start();
          await both.takeBack();
        }
        await load.stop();
        assert.deepEqual(load.failures, []);
        assert.ok(load.saved > 200, `${load.saved} forms`);
      });

      // Caddy 2.6 answers some forms with 503 while it learns that an instance stops or is back.
      const todo = name === 'caddy' && 'Caddy answers 503 at once if it takes both instances for unhealthy';
      test('restart without a failed request on SIGTERM alone', { todo }, async () => {
        const load = await Load.start(both);
        for (const instance of [...instances, ...instances]) {
          await instance.stop();
          await instance.start();
          await sleep(name === 'caddy' ? SEEN : 500);
        }
        await load.stop();
        assert.deepEqual(load.failures, []);
        assert.ok(load.saved > 200, `${load.saved} forms`);
      });
    });
    // end wing:postgres
  });
}
