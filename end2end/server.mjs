// A server with a database of its own, for the scripts that measure pages or take pictures of them.
//
//   SERVER_BIN  its program
//   LEPTOS_SITE_ROOT  its site

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Has a server at this port while `work` runs, which gets its origin.
 *
 * `settings`: variables besides those that every server needs. `first`: commands of the server that are run before it.
 */
export async function withServer({ port, settings = {}, first = [] }, work) {
  const folder = mkdtempSync(join(tmpdir(), 'server-'));
  const origin = `http://localhost:${port}`;
  const started = {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
      LEPTOS_SITE_ROOT: process.env.LEPTOS_SITE_ROOT,
      PUBLIC_URL: origin,
      DATABASE_URL: `sqlite:${join(folder, 'app.db')}`,
      SESSION_SECRET: randomBytes(32).toString('base64'),
      RUST_LOG: 'error',
      ...settings,
    },
  };
  try {
    for (const command of first) {
      execFileSync(process.env.SERVER_BIN, [command], started);
    }
    const server = spawn(process.env.SERVER_BIN, started);
    const ended = new Promise((end) => {
      server.once('error', end);
      server.once('exit', (code) => end(new Error(`the server has ended (exit code ${code})`)));
    });
    try {
      const failed = ended.then((why) => Promise.reject(why));
      await Promise.race([healthy(origin), failed]);
      return await Promise.race([work(origin), failed]);
    } finally {
      if (server.kill()) await ended;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function healthy(origin) {
  for (;;) {
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((wait) => setTimeout(wait, 100));
  }
}
