// A mail server, and servers of the app that send by it.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { appProgram } from './servers';

const CERTIFICATES = resolve(import.meta.dirname, '../auth/testing/tls');

/** The root that the mail server's certificate leads to. */
export const ROOT = join(CERTIFICATES, 'root.pem');

/** What the mail server does with the first try of a mail. */
export type Trouble = 'none' | 'rcpt 450' | 'rcpt 550' | 'data 451' | 'data 554' | 'cut' | 'silence' | 'slow' | 'hang';

export interface Taken {
  to: string;
  messageId: string;
  source: string;
  secure: boolean;
}

export interface MailServerOptions {
  port?: number;
  tls?: 'from the start' | 'STARTTLS';
  /** `elsewhere` is for another host. */
  certificate?: 'good' | 'elsewhere';
  /** By recipient. */
  trouble?: (to: string) => Trouble;
}

/** A real mail server on loopback. */
export class MailServer {
  readonly taken: Taken[] = [];
  private readonly tries = new Map<string, number>();
  private readonly server: SMTPServer;
  private constructor(private readonly options: MailServerOptions) {
    const { tls, certificate = 'good' } = options;
    this.server = new SMTPServer({
      authOptional: true,
      secure: tls === 'from the start',
      disabledCommands: tls === 'STARTTLS' ? ['AUTH'] : ['AUTH', 'STARTTLS'],
      ...(tls && {
        key: readFileSync(join(CERTIFICATES, 'key.pem')),
        cert: readFileSync(join(CERTIFICATES, `${certificate}.pem`)),
      }),
      logger: false,
      closeTimeout: 100,
      onRcptTo: ({ address }, _session, callback) => {
        this.tries.set(address, (this.tries.get(address) ?? 0) + 1);
        const trouble = this.troubleOf(address);
        callback(trouble.startsWith('rcpt') ? refusal(trouble) : undefined);
      },
      onData: (stream, session, callback) => {
        const to = session.envelope.rcptTo[0].address;
        const trouble = this.troubleOf(to);
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (trouble === 'cut') {
            this.disconnect(session.id);
          }
        });
        stream.on('end', () => {
          if (trouble === 'cut') {
            return;
          }
          if (trouble.startsWith('data')) {
            callback(refusal(trouble));
            return;
          }
          const source = Buffer.concat(chunks).toString('utf8');
          const messageId = /^Message-ID: (.+)$/im.exec(source)?.[1].trim() ?? '';
          this.taken.push({ to, messageId, source, secure: session.secure });
          if (trouble === 'silence') {
            this.disconnect(session.id);
          } else if (trouble === 'slow') {
            setTimeout(callback, 5_000);
          } else if (trouble !== 'hang') {
            callback();
          }
        });
      },
    });
    // A client that is killed resets its connections.
    this.server.on('error', () => {});
  }

  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const mailServer = new MailServer(options);
    await new Promise<void>((listening) => mailServer.server.listen(options.port ?? 0, '127.0.0.1', listening));
    return mailServer;
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await new Promise<void>((closed) => this.server.close(closed));
  }

  private troubleOf(to: string): Trouble {
    const isFirst = this.tries.get(to) === 1;
    return isFirst ? (this.options.trouble?.(to) ?? 'none') : 'none';
  }

  private disconnect(id: string): void {
    for (const connection of this.server.connections) {
      if (connection.id === id) {
        connection._socket.destroy();
      }
    }
  }
}

function refusal(trouble: Trouble): Error {
  const responseCode = Number(trouble.split(' ')[1]);
  return Object.assign(new Error('not this one'), { responseCode });
}

/** A server of the app. Several in one folder share a database. */
export class Instance {
  log = '';
  private readonly ended: Promise<void>;

  private constructor(
    private readonly process: ChildProcess,
    private readonly addr: Promise<string>,
  ) {
    this.ended = new Promise((end) => process.on('close', () => end()));
  }

  static async start(folder: string, env: Record<string, string>): Promise<Instance> {
    mkdirSync(join(folder, 'site'), { recursive: true });
    const process = spawn(appProgram(), {
      cwd: folder,
      env: {
        LEPTOS_SITE_ADDR: '127.0.0.1:0',
        LEPTOS_SITE_ROOT: join(folder, 'site'),
        PUBLIC_URL: 'http://127.0.0.1:3000',
        DATABASE_URL: `sqlite:${join(folder, 'app.db')}`,
        TRUSTED_PROXIES: '127.0.0.1',
        MAIL_FROM: 'App <noreply@app.example>',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let listening = (_: string): void => {};
    const addr = new Promise<string>((found) => {
      listening = found;
    });
    const instance = new Instance(process, addr);
    process.stderr.on('data', (text) => {
      instance.log += text;
      const found = /"listening".*?"addr":"([^"]+)"|"addr":"([^"]+)".*?"listening"/.exec(instance.log);
      if (found) {
        listening(found[1] ?? found[2]);
      }
    });
    const failed = instance.ended.then(() => {
      throw new Error(`the server ended:\n${instance.log}`);
    });
    await Promise.race([addr, failed]);
    failed.catch(() => {});
    return instance;
  }

  /** Registers a user, for whom a mail is due then; how long that took, in milliseconds. */
  async register(email: string): Promise<number> {
    const start = performance.now();
    const answer = await fetch(`http://${await this.addr}/api/register`, {
      method: 'POST',
      headers: { 'x-forwarded-for': `10.0.0.${1 + (addresses++ % 250)}` },
      body: new URLSearchParams({ email, password: 'lamp orchard seventeen rivers' }),
    });
    if (answer.status !== 200) {
      throw new Error(`registering answered ${answer.status}: ${await answer.text()}`);
    }
    return performance.now() - start;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.process.kill(signal);
    await this.ended;
  }
}

let addresses = 0;
