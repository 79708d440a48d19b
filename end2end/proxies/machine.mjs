// What the trial takes from this machine: programs, ports, a temporary folder, a certificate, the site's files.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** The host of the files in `deploy/`. */
export const HOST = 'app.example';

const FROM_HERE = import.meta.dirname;
// Debian installs nginx outside the PATH of ordinary users.
const MORE_PATH = '/usr/local/sbin:/usr/sbin:/sbin';

export function fromHere(path) {
  return resolve(FROM_HERE, path);
}

/** One sentence about what is missing, or nothing. */
export function missing() {
  const absent = ['nginx', 'caddy', 'openssl'].filter((program) => !where(program));
  if (absent.length > 0) {
    return `${absent.join(' and ')} must be installed and on PATH: the trial runs the real programs`;
  }
  for (const [what, path] of [
    ['the server (set SERVER_BIN)', serverProgram()],
    ['the site (set LEPTOS_SITE_ROOT)', siteFolder()],
  ]) {
    if (!existsSync(path)) {
      return `${what} is not at ${path}: build it first`;
    }
  }
  return undefined;
}

function where(program) {
  const path = `${process.env.PATH}:${MORE_PATH}`;
  return path
    .split(':')
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}

export function program(name) {
  return where(name) ?? name;
}

export function version(name) {
  const { stdout, stderr } = spawnSync(program(name), [name === 'nginx' ? '-v' : 'version'], { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n')[0];
}

export function serverProgram() {
  return process.env.SERVER_BIN || fromHere(join(process.env.CARGO_TARGET_DIR || '../../target', 'debug/server'));
}

function siteFolder() {
  return process.env.LEPTOS_SITE_ROOT || fromHere('../../target/site');
}

/** The folder of this run, which is kept for its logs if a test fails. */
export const folder = mkdtempSync(join(tmpdir(), 'proxies-'));
// nginx's workers run as another user than its master process.
chmodSync(folder, 0o755);

const running = new Set();

/** Starts a program, which is stopped when the trial ends. `exit` resolves to its exit code or signal. */
export function start(path, args, options) {
  const child = spawn(path, args, options);
  running.add(child);
  const exit = new Promise((settle) => {
    child.on('error', (error) => settle(error.message));
    child.on('exit', (code, signal) => settle(code ?? signal));
  });
  exit.then(() => running.delete(child));
  return { child, exit };
}

/** Waits until a program is ready. Fails if the program ends instead. */
export async function ready(name, { exit }, is) {
  const gone = exit.then((code) => {
    throw new Error(`${name} ended with ${code}: its log is in ${folder}`);
  });
  gone.catch(() => {});
  await Promise.race([gone, until(`${name} answers`, is)]);
}

['SIGINT', 'SIGTERM'].forEach((signal) => process.on(signal, () => process.exit(130)));
process.on('exit', (code) => {
  // Not SIGKILL: nginx's workers would survive their master.
  running.forEach((child) => child.kill('SIGTERM'));
  if (code === 0 || readdirSync(folder).length === 0) {
    rmSync(folder, { recursive: true, force: true });
  } else {
    console.error(`The logs are in ${folder}`);
  }
});

/** A free port, below the range that Linux uses for outgoing connections (32768 and up). */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise((settle) => {
      const server = createServer();
      server.on('error', () => settle(false));
      server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
    });
    if (free) {
      return port;
    }
  }
}

/** A self-signed certificate for HOST. */
export function certificate() {
  const [chain, key] = [join(folder, 'fullchain.pem'), join(folder, 'privkey.pem')];
  if (!existsSync(chain)) {
    const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const name = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
    execFileSync(program('openssl'), [...make, ...name, '-keyout', key, '-out', chain], { stdio: 'pipe' });
  }
  return { chain, key, pem: readFileSync(chain) };
}

/** A copy of the site's files with the wasm compressed, as in a release, and the path of the wasm. */
export function site() {
  const root = join(folder, 'site');
  if (!existsSync(root)) {
    cpSync(siteFolder(), root, { recursive: true });
    const wasm = wasmOf(root);
    const bytes = readFileSync(wasm);
    const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
    writeFileSync(`${wasm}.br`, brotliCompressSync(bytes, quickly));
    writeFileSync(`${wasm}.gz`, gzipSync(bytes));
  }
  return { root, wasm: wasmOf(root) };
}

function wasmOf(root) {
  const name = readdirSync(join(root, 'pkg')).find((file) => file.endsWith('.wasm'));
  if (!name) {
    throw new Error(`there is no wasm in ${root}/pkg`);
  }
  return join(root, 'pkg', name);
}

/** Waits until a condition holds. */
export async function until(what, is, patience = 20_000) {
  const end = Date.now() + patience;
  while (!(await is())) {
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${patience / 1000} s`);
    }
    await sleep(25);
  }
}
