import { randomUUID } from 'node:crypto';

export interface Person {
  name: string;
  email: string;
  password: string;
}

/** The beginning of an address as long as some people have, without a place to break. */
export const LONG = 'ada.of.the.house.of.lovelace.and.of.the.engine';

/** Somebody whom no other test knows. */
export function somebody(prefix = 'ada'): Person {
  const unique = randomUUID().slice(0, 8);
  return {
    name: `Ada ${unique}`,
    email: `${prefix}-${unique}@example.org`,
    password: `lamp orchard seventeen ${unique}`,
  };
}
