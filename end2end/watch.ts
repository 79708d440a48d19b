// Watches over what browsers notice and people do not: errors on the console, requests that fail,
// violations of the Content-Security-Policy, answers that nobody expected.

import type { BrowserContext, ConsoleMessage } from '@playwright/test';
import { ACME, APP } from './servers';

interface ExpectedMessage {
  text: RegExp;
  times: number;
}

interface Expected {
  status: number;
  path: string;
  came: boolean;
}

export class Watch {
  private readonly expected: Expected[] = [];
  private readonly messages: ExpectedMessage[] = [];
  private readonly noticed: (() => string | undefined)[] = [];
  private readonly sites = [APP, ACME];

  constructor(private readonly javaScript: boolean) {}

  async follow(context: BrowserContext): Promise<void> {
    context.on('console', (message) => this.notice(() => this.judgeMessage(message)));
    context.on('weberror', (error) => this.notice(() => `error in a page: ${error.error().stack}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && !this.sites.includes(url.origin)) {
        this.notice(() => `request to another site: ${url}`);
      }
      if (url.pathname === '/csp-report') {
        this.notice(() => `policy report: ${request.postData()}`);
      }
    });
    context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText;
      // What a page was still loading when it was left.
      const left = reason === 'net::ERR_ABORTED';
      // Without JavaScript a script's preloading is refused, and Chromium has no better word for it.
      const refusedScript = !this.javaScript && reason === 'csp' && request.url().endsWith('.js');
      if (!left && !refusedScript) {
        this.notice(() => `${request.method()} ${request.url()} failed: ${reason}`);
      }
    });
    context.on('response', (response) => {
      const status = response.status();
      if (status >= 400) {
        const expected = this.find(response.url(), status);
        if (expected) {
          expected.came = true;
        } else {
          this.notice(() => `${response.request().method()} ${response.url()} answered ${status}`);
        }
      }
    });
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (violation) => {
        console.error(`policy violation: ${violation.violatedDirective}, ${violation.blockedURI}`);
      });
    });
  }

  /** This answer belongs to the test: it must come, and it is no problem. */
  expectAnswer(path: string, status: number): void {
    this.expected.push({ path, status, came: false });
  }

  // wing:clients
  /** This other site belongs to the test. */
  expectSite(origin: string): void {
    this.sites.push(origin);
  }
  // end wing:clients

  /** This error on the console belongs to the test: it must come exactly once. */
  expectMessage(text: RegExp): void {
    this.messages.push({ text, times: 0 });
  }

  problems(): string[] {
    const missing = this.expected
      .filter(({ came }) => !came)
      .map(({ path, status }) => `${path} never answered ${status}`);
    const noticed = this.noticed.map((judge) => judge()).filter((problem) => problem !== undefined);
    const miscounted = this.messages
      .filter(({ times }) => times !== 1)
      .map(({ text, times }) => `the console said ${text} ${times} times`);
    return [...new Set([...noticed, ...missing, ...miscounted])];
  }

  // Judged at the end: a console message may come before the answer it is about.
  private notice(judge: () => string | undefined): void {
    this.noticed.push(judge);
  }

  private judgeMessage(message: ConsoleMessage): string | undefined {
    if (!['error', 'warning'].includes(message.type())) {
      return undefined;
    }
    const url = message.location().url;
    const expected = this.messages.find(({ text }) => text.test(message.text()));
    if (expected) {
      expected.times += 1;
      return undefined;
    }
    // Without JavaScript nothing uses the wasm that the page has the browser load.
    if (!this.javaScript && /\.wasm was preloaded using link preload but not used/.test(message.text())) {
      return undefined;
    }
    const refused = /^Failed to load resource: the server responded with a status of (\d+)/.exec(message.text());
    if (refused && this.find(url, Number(refused[1]))) {
      return undefined;
    }
    return `console: ${message.text()} (${url})`;
  }

  private find(url: string, status: number): Expected | undefined {
    const { pathname } = new URL(url);
    const all = this.expected.filter((expected) => expected.path === pathname && expected.status === status);
    // Each answer that a test expects must come, where it expects several of a kind.
    return all.find(({ came }) => !came) ?? all[0];
  }
}
