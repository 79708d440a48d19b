// Where the servers of the tests are, and how they are started.

import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Below the ports that systems give to outgoing connections (32768 and up on Linux): one of those that has
// just been closed keeps its port from listeners for a minute.
const APP_PORT = 23117;
const ACME_PORT = 23118;
const FROM_HERE = import.meta.dirname;

// By name, as people open it: no passkey belongs to an IP address.
export const APP = `http://localhost:${APP_PORT}`;
export const ACME = `http://127.0.0.1:${ACME_PORT}`;

// Playwright reads its configuration again in each worker: the folder is the first reader's, and the
// workers inherit the variable.
process.env.END2END_FOLDER ??= mkdtempSync(join(tmpdir(), 'end2end-'));

// The database of this run, and what the app says of it. A folder outside of the workspace, also because
// the app reads the `.env` it finds in its folder.
export const FOLDER = process.env.END2END_FOLDER;
export const APP_LOG = join(FOLDER, 'server.log');

export const client = { id: 'end2end', secret: 'a-secret-of-nobody' };

function fromHere(path: string): string {
  return resolve(FROM_HERE, path);
}

/** The app's program, with the examples' beside it. */
export function appProgram(): string {
  return process.env.SERVER_BIN || fromHere(join(process.env.CARGO_TARGET_DIR || '../target', 'debug/server'));
}

const DATABASE_URL = `sqlite:${join(FOLDER, 'app.db')}`;

/** Runs a command of the app's program on the database of this run; what it printed. */
export function command(...args: string[]): string {
  return execFileSync(appProgram(), args, { cwd: FOLDER, env: { DATABASE_URL }, encoding: 'utf8', stdio: 'pipe' });
}

// A start that fails is no test's failure: its reason must be seen.
function sayingWhyItFails(program: string, log: string): string {
  return `${program} 2> "${log}" || { cat "${log}" >&2; exit 1; }`;
}

const gracefulShutdown = { signal: 'SIGTERM', timeout: 10_000 } as const;

export const app = {
  name: 'app',
  command: sayingWhyItFails(`"${appProgram()}"`, APP_LOG),
  cwd: FOLDER,
  url: `${APP}/healthz`,
  env: {
    LEPTOS_SITE_ADDR: `127.0.0.1:${APP_PORT}`,
    LEPTOS_SITE_ROOT: process.env.LEPTOS_SITE_ROOT || fromHere('../target/site'),
    PUBLIC_URL: APP,
    DATABASE_URL,
    // Attempts are limited by address: with this each test comes from one of its own.
    TRUSTED_PROXIES: '127.0.0.1',
    AUTH_PROVIDERS: 'acme',
    ACME_NAME: 'Acme',
    ACME_ISSUER: ACME,
    ACME_CLIENT_ID: client.id,
    ACME_CLIENT_SECRET: client.secret,
    DEV_IDP: '1', // wing:dev-provider
    RUST_LOG: 'info',
  },
  gracefulShutdown,
  reuseExistingServer: false,
};

export const acme = {
  name: 'acme',
  // Its warnings are those of every development provider.
  command: sayingWhyItFails('node oidc-provider.mjs', join(FOLDER, 'acme.log')),
  cwd: FROM_HERE,
  url: `${ACME}/.well-known/openid-configuration`,
  env: {
    PORT: `${ACME_PORT}`,
    CLIENT_ID: client.id,
    CLIENT_SECRET: client.secret,
    REDIRECT_URI: `${APP}/auth/callback/acme`,
  },
  gracefulShutdown,
  reuseExistingServer: false,
};
