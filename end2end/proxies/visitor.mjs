// What a browser without JavaScript does over HTTP: it keeps cookies and submits forms.

import http from 'node:http';
import https from 'node:https';
import { HOST, certificate } from './machine.mjs';

export const ORIGIN = `https://${HOST}`;

export class Visitor {
  #agent;
  cookies = new Map();
  /**
   * Whether a request is sent again if its connection is reset. A proxy that is reloaded may close a connection before it
   * sees the request: browsers send it again if the connection was kept alive, and Caddy closes some new ones as well.
   */
  reconnects = false;

  constructor(proxy, address) {
    this.proxy = proxy;
    this.address = address;
    const ca = certificate().pem;
    this.#agent = new https.Agent({ keepAlive: true, ca, servername: HOST, localAddress: address });
  }

  leave() {
    this.#agent.destroy();
  }

  get(path, headers = {}) {
    return this.send('GET', path, headers);
  }

  /** Submits fields as a form. */
  post(path, fields, headers = {}) {
    const body = new URLSearchParams(fields).toString();
    return this.send('POST', path, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body);
  }

  /** Calls a server function as a script does, for JSON. */
  async call(path, fields = {}) {
    const answer = await this.post(path, fields, { accept: 'application/json' });
    if (answer.status !== 200) {
      throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
    }
    return Object.assign(answer, { json: JSON.parse(answer.text) });
  }

  /** Opens a page, fills in its form for this endpoint, and submits it. */
  async submit(page, endpoint, fields) {
    const opened = await this.get(page);
    const form = new RegExp(`<form[^>]* action="${endpoint}".*?</form>`, 's').exec(opened.text)?.[0];
    if (!form) {
      throw new Error(`${page} answered ${opened.status}, without a form for ${endpoint}`);
    }
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const all = { ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])), ...fields };
    return this.post(endpoint, all, { referer: ORIGIN + page });
  }

  /** A whole response. `body` is a string or a buffer, or a list of chunks, which are sent without a Content-Length. */
  async send(method, path, headers = {}, body = undefined) {
    const response = await this.open(method, path, headers, body);
    const pieces = [];
    for await (const piece of response) {
      pieces.push(piece);
    }
    const bytes = Buffer.concat(pieces);
    return {
      status: response.statusCode,
      headers: response.headers,
      // `headers` joins or drops repeated headers.
      all: (name) => response.rawHeaders.filter((_, at, raw) => at % 2 && raw[at - 1].toLowerCase() === name),
      bytes,
      text: bytes.toString(),
    };
  }

  /** A response whose body has not been read. */
  async open(method, path, headers = {}, body = undefined) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask(method, path, headers, body);
      } catch (error) {
        if (error.code !== 'ECONNRESET' || !this.reconnects || tries === 3) {
          throw error;
        }
      }
    }
  }

  #ask(method, path, headers, body) {
    const own = { host: HOST, accept: 'text/html', ...headers };
    if (this.cookies.size > 0) {
      own.cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    }
    if (method !== 'GET') {
      Object.assign(own, { origin: ORIGIN, 'sec-fetch-site': 'same-origin' }, headers);
    }
    if (typeof body === 'string' || Buffer.isBuffer(body)) {
      own['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((settle, fail) => {
      const to = { host: '127.0.0.1', port: this.proxy.https, agent: this.#agent };
      const request = https.request({ ...to, method, path, headers: own }, (response) => {
        this.#keep(response.headers['set-cookie'] ?? []);
        settle(response);
      });
      request.on('error', fail);
      if (Array.isArray(body)) {
        body.forEach((chunk) => request.write(chunk));
        request.end();
      } else {
        request.end(body);
      }
    });
  }

  /** The response over http://. */
  plain(path) {
    return new Promise((settle, fail) => {
      const to = { host: '127.0.0.1', port: this.proxy.http, localAddress: this.address, agent: false };
      const request = http.get({ ...to, path, headers: { host: HOST } }, (response) => {
        response.resume();
        settle({ status: response.statusCode, location: response.headers.location });
      });
      request.on('error', fail);
    });
  }

  #keep(cookies) {
    for (const cookie of cookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (/;\s*max-age=0\b/i.test(cookie)) {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, value);
      }
    }
  }
}

let people = 0;

/** The details of a person without an account. */
export function newPerson() {
  people += 1;
  return {
    name: `Ada ${people}`,
    email: `ada-${process.pid}-${Date.now()}-${people}@example.org`,
    password: `lamp orchard seventeen ${people}`,
  };
}

/** A visitor who has registered. */
export async function registered(proxy) {
  const visitor = proxy.visitor();
  const answer = await visitor.submit('/register', '/api/register', newPerson());
  if (answer.status !== 303 || answer.headers.location !== '/profile') {
    throw new Error(`registering answered ${answer.status}: ${answer.text}`);
  }
  return visitor;
}
