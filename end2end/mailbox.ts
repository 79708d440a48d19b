// The mailbox of development, as scripts read it.

import { expect } from '@playwright/test';
import type { Visitor } from './visitor';

interface Mail {
  to: string;
  text: string;
}

/** The newest mail to an address that is more than a notice, once there are so many. */
export async function mailTo({ page }: Visitor, email: string, count = 1): Promise<{ link: string; code: string }> {
  let mails: Mail[] = [];
  await expect
    .poll(async () => {
      const all: Mail[] = await (await page.request.get('/dev/mail.json')).json();
      mails = all.filter(({ to, text }) => to === email && !text.includes('They cannot be turned off.'));
      return mails.length;
    })
    .toBe(count);
  const link = /\/[a-z/-]+\?token=\S+/.exec(mails[0].text)?.[0] ?? '';
  const code = /^ {4}(\d{4} \d{4})$/m.exec(mails[0].text)?.[1] ?? '';
  return { link, code };
}
