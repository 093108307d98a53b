import { hash, timingSafeEqual } from 'node:crypto';

/** Fewest characters of a token. */
export const minTokenChars = 16;

/** Whether a request's `Authorization` carries the token. How long it takes says nothing about the token: hashes are compared. */
export function bearerCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization = '') => {
    const given = /^bearer +(.*)$/i.exec(authorization)?.[1] ?? '';
    return timingSafeEqual(digest(given), expected);
  };
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
