// The mailbox of development, as scripts read it.

import { expect } from '@playwright/test';
import type { Visitor } from './visitor';

interface Mail {
  to: string;
  text: string;
}

const IS_NOTICE = 'You get notices like this one';

async function mailsTo({ page }: Visitor, email: string): Promise<Mail[]> {
  const all: Mail[] = await (await page.request.get('/dev/mail.json')).json();
  return all.filter(({ to }) => to === email);
}

/** Waits for a notice to an address that says this. */
export async function noticeTo(visitor: Visitor, email: string, said: string): Promise<void> {
  await expect
    .poll(async () => {
      const mails = await mailsTo(visitor, email);
      return mails.some(({ text }) => text.includes(IS_NOTICE) && text.includes(said));
    })
    .toBe(true);
}

/** The newest mail to an address that is more than a notice, once there are so many. */
export async function mailTo(visitor: Visitor, email: string, count = 1): Promise<{ link: string; code: string }> {
  let mails: Mail[] = [];
  await expect
    .poll(async () => {
      mails = (await mailsTo(visitor, email)).filter(({ text }) => !text.includes(IS_NOTICE));
      return mails.length;
    })
    .toBe(count);
  const link = /\/[a-z/-]+\?token=\S+/.exec(mails[0].text)?.[0] ?? '';
  const code = /^ {4}(\d{4} \d{4})$/m.exec(mails[0].text)?.[1] ?? '';
  return { link, code };
}
