// After all tests: fails if the app logged errors.

import { readFileSync, rmSync } from 'node:fs';
import { APP_LOG, FOLDER } from './servers';

export default function checkLog(): void {
  const log = readFileSync(APP_LOG, 'utf8');
  rmSync(FOLDER, { recursive: true, force: true });
  const alarming = log.split('\n').filter((line) => /"level":"ERROR"|panicked|violation was reported/.test(line));
  if (alarming.length > 0) {
    throw new Error(`the app logged errors during the tests:\n${alarming.join('\n')}`);
  }
  const secret = /\bsa[cdkrs]_[0-9a-f]{8}|v4\.local\./.exec(log);
  if (secret) {
    throw new Error(`the app logged a secret: ${log.slice(0, secret.index).split('\n').pop()}`);
  }
}
