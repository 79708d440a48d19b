// Other clients of the app: the one that debug builds have, as a program on this machine would be.

import { createHash, randomBytes } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { APP } from './servers';

const DEV_APP = 'dev-app';
const PAGE = '<!doctype html><title>Client</title><link rel="icon" href="data:,"><p>You can close this window.</p>';

/** A client that listens for its answer on a port of its own. */
export class LoopbackClient {
  readonly state = `${randomBytes(8).toString('base64url')} +&="`;
  private readonly verifier = randomBytes(32).toString('base64url');
  private readonly answers: URL[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      this.answers.push(new URL(request.url ?? '/', this.origin));
      response.setHeader('content-type', 'text/html');
      response.end(PAGE);
    });
  }

  static async start(): Promise<LoopbackClient> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return new LoopbackClient(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get redirect(): string {
    return `${this.origin}/callback`;
  }

  /** The page to which it sends a browser. */
  asking(scope = 'profile'): string {
    const parameters = new URLSearchParams({
      response_type: 'code',
      client_id: DEV_APP,
      redirect_uri: this.redirect,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      scope,
      state: this.state,
    });
    return `/oauth/authorize?${parameters}`;
  }

  /** What the browser has brought, once. */
  get answer(): URL | undefined {
    return this.answers[0];
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

export interface Device {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
}

async function post(path: string, form: Record<string, string>, address: string): Promise<Response> {
  const headers = { 'user-agent': 'television/2.1', 'x-forwarded-for': address };
  return fetch(`${APP}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
}

/** A device begins to ask. Each comes from an address of its own, since these are limited. */
export async function startDevice(scope = 'profile', more: Record<string, string> = {}): Promise<Device> {
  const address = `10.${[...randomBytes(3)].join('.')}`;
  const response = await post('/oauth/device_authorization', { client_id: DEV_APP, scope, ...more }, address);
  if (!response.ok) {
    throw new Error(`no device code: ${response.status} ${await response.text()}`);
  }
  return response.json();
}

/** What a device learns of the decision: an error, or that it has tokens. */
export async function polled(device: Device): Promise<string> {
  const answer = await polledTokens(device, DEV_APP);
  return answer.error ?? answer.token_type;
}

/** The whole answer to a device that asks for its tokens. */
export async function polledTokens(device: Device, client_id: string): Promise<Record<string, string>> {
  const form = {
    client_id,
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device.device_code,
  };
  const address = `10.${[...randomBytes(3)].join('.')}`;
  return (await post('/oauth/token', form, address)).json();
}
