// The programs under `examples`, run against the app of this run.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { APP, appProgram } from './servers';

const EXAMPLES = resolve(import.meta.dirname, '../examples');

/** A program that is running. */
export class Program {
  private out = '';
  private readonly ended: Promise<number | null>;

  constructor(private readonly process: ChildProcess) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (text) => {
        this.out += text;
      });
    }
    this.ended = new Promise((end) => process.on('close', end));
  }

  /** All that it has printed. */
  get printed(): string {
    return this.out;
  }

  /** Its exit code. */
  exit(): Promise<number | null> {
    return this.ended;
  }

  async stop(): Promise<void> {
    this.process.kill();
    await this.ended;
  }
}

/** The command line. */
export function cli(file: string, args: string[], server = APP): Program {
  const program = join(dirname(appProgram()), 'example-cli');
  return new Program(spawn(program, ['--server', server, '--file', file, ...args]));
}

/** The resource server, on a free port; `null` until it listens. */
export function resourceServer(env: Record<string, string>): Program {
  // A copy beside the packages: from its own folder it would need an installation of its own.
  const folder = resolve(import.meta.dirname, 'test-results/examples');
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, `server-${env.PORT}.mjs`);
  copyFileSync(join(EXAMPLES, 'resource-server/server.mjs'), copy);
  return new Program(spawn('node', [copy], { env: { PATH: process.env.PATH, ISSUER: APP, ...env } }));
}

/** The page that reads events. */
export const EVENTS_PAGE = join(EXAMPLES, 'events/index.html');

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A way to the app that loses the first answer of the token endpoint, after the app has done its work. */
export async function losingAnAnswer(): Promise<{ origin: string; lost: () => number; stop: () => void }> {
  let lost = 0;
  const server = createServer(async (request, response) => {
    const body = await new Response(request as never).text();
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(`${APP}${request.url}`, {
      method: request.method,
      headers: headers as Record<string, string>,
      body: body || undefined,
    });
    const text = await answer.text();
    if (request.url === '/oauth/token' && lost === 0) {
      lost += 1;
      request.socket.destroy();
      return;
    }
    // The way to the endpoints leads through here. The issuer stays who it is.
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const through = text.replaceAll(`${APP}/oauth/`, `${origin}/oauth/`);
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(through);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { origin, lost: () => lost, stop };
}
