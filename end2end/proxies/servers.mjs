// The servers behind the proxies.

import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { HOST, folder, freePort, ready, serverProgram, site, start } from './machine.mjs';

const secret = randomBytes(32).toString('base64');

/** Whether all instances use one PostgreSQL database. Otherwise each has an SQLite file of its own. */
export const isShared = /^postgres(ql)?:/.test(process.env.DATABASE_URL ?? ''); // wing:postgres

/** An instance of the server, on a port of its own. */
export class Instance {
  #process;

  static async start(name, variables = {}) {
    const instance = new Instance();
    instance.name = name;
    instance.port = await freePort();
    instance.variables = variables;
    await instance.start();
    return instance;
  }

  async start() {
    const database = `sqlite:${join(folder, `${this.name}.db`)}`;
    const log = openSync(join(folder, `${this.name}.log`), 'a');
    this.#process = start(serverProgram(), [], {
      cwd: folder,
      stdio: ['ignore', 'ignore', log],
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: database,
        ...(isShared && { DATABASE_URL: process.env.DATABASE_URL }), // wing:postgres
        LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}`,
        LEPTOS_SITE_ROOT: site().root,
        PUBLIC_URL: `https://${HOST}`,
        SESSION_SECRET: secret,
        TRUSTED_PROXIES: '127.0.0.1',
        // Longer than Caddy takes to see it.
        STOP_DELAY: '5',
        RUST_LOG: 'info',
        ...this.variables,
      },
    });
    await ready(this.name, this.#process, () => this.isReady());
  }

  isReady() {
    return new Promise((settle) => {
      const request = get({ host: '127.0.0.1', port: this.port, path: '/readyz', agent: false }, (response) => {
        response.resume();
        settle(response.statusCode === 200);
      });
      request.on('error', () => settle(false));
    });
  }

  /** Sends SIGTERM and waits for the exit, which must be a success. */
  async stop() {
    this.#process.child.kill('SIGTERM');
    const code = await this.#process.exit;
    if (code !== 0) {
      throw new Error(`${this.name} was asked to stop, and ended with ${code}`);
    }
  }
}
