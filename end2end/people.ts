import { randomUUID } from 'node:crypto';

export interface Person {
  name: string;
  email: string;
  password: string;
}

/** Somebody whom no other test knows. */
export function somebody(prefix = 'ada'): Person {
  const unique = randomUUID().slice(0, 8);
  return {
    name: `Ada ${unique}`,
    email: `${prefix}-${unique}@example.org`,
    password: `lamp orchard seventeen ${unique}`,
  };
}
