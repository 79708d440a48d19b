// After all tests: what the app said of them.

import { readFileSync, rmSync } from 'node:fs';
import { APP_LOG, FOLDER } from './servers';

export default function checkLog(): void {
  const log = readFileSync(APP_LOG, 'utf8');
  rmSync(FOLDER, { recursive: true, force: true });
  const alarming = log.split('\n').filter((line) => /"level":"ERROR"|panicked|violation was reported/.test(line));
  if (alarming.length > 0) {
    throw new Error(`the app is not content with how the tests went:\n${alarming.join('\n')}`);
  }
}
