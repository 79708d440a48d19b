// The proxies, run with the files in `deploy/`.

import { execFileSync } from 'node:child_process'; // wing:postgres
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises'; // wing:postgres
import { certificate, folder, freePort, fromHere, program, ready, start } from './machine.mjs';
import { Visitor } from './visitor.mjs';

/**
 * Replaces each of the texts. A text that is missing is an error: apart from these, the trial must run what the file
 * says.
 */
export function replaced(name, text, replacements) {
  for (const [from, to] of replacements) {
    if (!text.includes(from)) {
      throw new Error(`${name} does not contain ${JSON.stringify(from)}`);
    }
    text = text.replaceAll(from, to);
  }
  return text;
}

// Debian's nginx.conf compresses HTML. This one would compress everything: the file has to prevent it.
const AROUND_NGINX = (place, file) => `
  worker_processes 2;
  pid ${place}/nginx.pid;
  error_log stderr info;
  events { worker_connections 1024; }
  http {
    access_log ${place}/access.log;
    client_body_temp_path ${place}/body;
    proxy_temp_path ${place}/proxy;
    fastcgi_temp_path ${place}/fastcgi;
    uwsgi_temp_path ${place}/uwsgi;
    scgi_temp_path ${place}/scgi;
    gzip on;
    gzip_proxied any;
    gzip_types *;
    include ${file};
  }
`;

const KINDS = {
  nginx: {
    file: 'nginx.conf',
    replacements: ({ upstreams, http, https, idle }) => [
      ['listen 80;', `listen 127.0.0.1:${http};`],
      ['listen [::]:80;', `listen 127.0.0.2:${http};`],
      ['listen 443 ', `listen 127.0.0.1:${https} `],
      ['listen [::]:443 ', `listen 127.0.0.2:${https} `],
      ['/etc/ssl/app.example/fullchain.pem', certificate().chain],
      ['/etc/ssl/app.example/privkey.pem', certificate().key],
      ['server 127.0.0.1:3000 ', `server 127.0.0.1:${upstreams[0]} `],
      // wing:postgres
      ...(upstreams.length > 1 ? [['#server 127.0.0.1:3001 ', `server 127.0.0.1:${upstreams[1]} `]] : []),
      // end wing:postgres
      ...(idle ? [['keepalive_timeout 60s', `keepalive_timeout ${idle}s`]] : []),
    ],
    command(place, file) {
      writeFileSync(join(place, 'around.conf'), AROUND_NGINX(place, file));
      return ['-c', join(place, 'around.conf'), '-p', place, '-g', 'daemon off;'];
    },
    // wing:postgres
    without: (port) => [[`server 127.0.0.1:${port} `, `server 127.0.0.1:${port} down `]],
    reload: (place) => ['-c', join(place, 'around.conf'), '-p', place, '-s', 'reload'],
    // end wing:postgres
  },
  caddy: {
    file: 'Caddyfile',
    replacements: ({ upstreams, http, https, admin, idle }) => [
      [
        '{\n\tservers {',
        `{\n\tadmin 127.0.0.1:${admin}\n\thttp_port ${http}\n\thttps_port ${https}\n\tdefault_bind 127.0.0.1\n\tservers {`,
      ],
      [
        '#tls /etc/ssl/app.example/fullchain.pem /etc/ssl/app.example/privkey.pem',
        `tls ${certificate().chain} ${certificate().key}`,
      ],
      ['to 127.0.0.1:3000', `to 127.0.0.1:${upstreams[0]}`],
      // wing:postgres
      ...(upstreams.length > 1 ? [['#to 127.0.0.1:3001', `to 127.0.0.1:${upstreams[1]}`]] : []),
      // end wing:postgres
      ...(idle ? [['keepalive 60s', `keepalive ${idle}s`]] : []),
    ],
    command: (_, file) => ['run', '--adapter', 'caddyfile', '--config', file],
    // wing:postgres
    without: (port) => [[`to 127.0.0.1:${port}`, `#to 127.0.0.1:${port}`]],
    reload: (_, file, address) => ['reload', '--adapter', 'caddyfile', '--config', file, '--address', address],
    // end wing:postgres
  },
};

export const NAMES = Object.keys(KINDS);

/** A running proxy. */
export class Proxy {
  #kind;
  #place;
  #process;
  #text;
  #visitors = [];

  /** Starts it in front of servers on these ports. `idle` is the time in seconds that its connections to them are kept. */
  static async start(name, upstreams, { idle } = {}) {
    const proxy = new Proxy();
    proxy.name = name;
    proxy.#kind = KINDS[name];
    [proxy.http, proxy.https, proxy.admin] = [await freePort(), await freePort(), await freePort()];
    proxy.#place = mkdtempSync(join(folder, `${name}-`));
    chmodSync(proxy.#place, 0o755);
    const { file, replacements, command } = proxy.#kind;
    const text = readFileSync(fromHere(join('../../deploy', file)), 'utf8');
    const { http, https, admin } = proxy;
    proxy.#text = replaced(file, text, replacements({ upstreams, http, https, admin, idle }));
    writeFileSync(proxy.#file, proxy.#text);
    mkdirSync(join(proxy.#place, 'home'));
    const log = openSync(join(proxy.#place, 'log'), 'a');
    const options = { stdio: ['ignore', log, log], env: proxy.#env };
    proxy.#process = start(program(name), command(proxy.#place, proxy.#file), options);
    await ready(name, proxy.#process, () => proxy.#answers());
    return proxy;
  }

  get #file() {
    return join(this.#place, this.#kind.file);
  }

  get #env() {
    const home = join(this.#place, 'home');
    return { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  }

  // wing:postgres
  /** Takes one of the servers out, as an operator does: with an edited line and a reload. */
  async leaveOut(port) {
    writeFileSync(this.#file, replaced(this.#kind.file, this.#text, this.#kind.without(port)));
    await this.#reload();
  }

  /** Puts all servers back. */
  async takeBack() {
    writeFileSync(this.#file, this.#text);
    await this.#reload();
  }

  async #reload() {
    const address = `127.0.0.1:${this.admin}`;
    const args = this.#kind.reload(this.#place, this.#file, address);
    execFileSync(program(this.name), args, { env: this.#env, stdio: 'pipe' });
    // Requests that have arrived before are still handled by the former configuration.
    await sleep(1000);
  }
  // end wing:postgres

  /** A visitor with their own address, since many limits are per address. */
  visitor() {
    const visitor = new Visitor(this, `127.0.7.${this.#visitors.length + 10}`);
    this.#visitors.push(visitor);
    return visitor;
  }

  async #answers() {
    const visitor = new Visitor(this, '127.0.0.1');
    const answer = await visitor.get('/healthz').catch(() => undefined);
    visitor.leave();
    return answer?.status === 200;
  }

  async stop() {
    this.#visitors.forEach((visitor) => visitor.leave());
    this.#process.child.kill('SIGTERM');
    await this.#process.exit;
  }
}
