// Tokens from the local stack's own login.

import { asSentence } from '../model/plain-text.js';

/** As much as the page shows of the server's words. */
const LONGEST_REFUSAL = 200;

/** Thrown where a deployment has no such login: it expects a token of its own. */
export class NoLocalLogin extends Error {}

/**
 * @param {{ userId: string, username: string, role?: string }} person
 * @returns {Promise<string>}
 * @throws {NoLocalLogin} or an `Error` with a sentence for people
 */
export async function fetchToken({ userId, username, role }) {
  const response = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId, username, role }),
  }).catch(() => {
    throw new Error('The server cannot be reached. Check that it is running, then try again.');
  });
  if (response.status === 404 || response.status === 405) throw new NoLocalLogin();
  if (!response.ok) throw new Error(await refusalOf(response));
  const { token } = await response.json();
  return token;
}

/** The server says why in a line of text. */
async function refusalOf(response) {
  const words = (await response.text().catch(() => '')).slice(0, LONGEST_REFUSAL);
  return asSentence(words) || `The server refused this name (HTTP ${response.status}).`;
}
