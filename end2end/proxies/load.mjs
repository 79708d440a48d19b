// A steady load: visitors who keep reading pages and saving forms.

import { setTimeout as sleep } from 'node:timers/promises';
import { registered } from './visitor.mjs';

const READERS = 6;
const SAVERS = 6;
const PAUSE = 5;

/** Visitors of one proxy. `failures` describes every request that did not get the expected response. */
export class Load {
  #goesOn = true;
  #workers = [];
  #savers = [];
  requests = 0;
  saved = 0;
  failures = [];

  static async start(proxy) {
    const load = new Load();
    for (let i = 0; i < READERS; i += 1) {
      const reader = await registered(proxy);
      reader.reconnects = true;
      load.#workers.push(load.#repeat(() => load.#read(reader)));
    }
    for (let i = 0; i < SAVERS; i += 1) {
      const saver = { visitor: await registered(proxy), saved: 0 };
      saver.visitor.reconnects = true;
      load.#savers.push(saver);
      load.#workers.push(load.#repeat(() => load.#save(saver)));
    }
    return load;
  }

  async #repeat(act) {
    while (this.#goesOn) {
      await act();
      await sleep(PAUSE);
    }
  }

  async #read(reader) {
    for (const path of ['/', '/login', '/profile', '/settings/sessions']) {
      const expected = path === '/login' ? 303 : 200;
      await this.#count(`GET ${path}`, expected, () => reader.get(path));
    }
  }

  async #save(saver) {
    saver.saved += 1;
    const fields = { display_name: `Ada ${saver.saved}` };
    await this.#count(`POST ${saver.saved}`, 303, () => saver.visitor.post('/api/update_public_data', fields));
  }

  async #count(what, expected, ask) {
    this.requests += 1;
    const begun = Date.now();
    const got = await ask().then(
      (answer) => answer.status,
      (error) => error.code ?? error.message,
    );
    if (got !== expected) {
      this.failures.push(`${new Date(begun).toISOString()} ${what}: ${got} after ${Date.now() - begun} ms`);
    }
  }

  /** Stops, and compares the forms sent with the forms saved: a form that a proxy sends twice is saved twice. */
  async stop() {
    this.#goesOn = false;
    await Promise.all(this.#workers);
    for (const { visitor, saved } of this.#savers) {
      const data = await visitor.call('/api/get_public_data').catch(({ message }) => this.failures.push(message));
      if (!data.json) {
        continue;
      }
      const { headers, json } = data;
      // The version counts the changes of the data.
      const version = Number(JSON.parse(headers.etag));
      this.saved += saved;
      if (version !== saved || json.display_name !== `Ada ${saved}`) {
        this.failures.push(`${saved} forms were sent, and ${version} were saved: ${JSON.stringify(json)}`);
      }
    }
  }
}
