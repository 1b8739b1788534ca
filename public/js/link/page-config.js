// What the server tells the page about itself.

import { safeAddress } from '../model/html-policy.js';

/** Waits between attempts while the server cannot be reached, in milliseconds. */
const RETRY_AFTER = 3_000;

/** Where files go that are too large for the socket; null where this server has no such place. */
export async function mediaUrl() {
  for (;;) {
    try {
      const response = await fetch('/config.json');
      if (response.ok) return addressOf(await response.text());
      if (response.status < 500) return null;
    } catch {
      // No connection: nobody has said no.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
  }
}

/** A server that says something else than JSON serves the page alone. */
function addressOf(text) {
  try {
    return safeAddress(JSON.parse(text)?.mediaUrl)?.replace(/\/+$/, '') ?? null;
  } catch {
    return null;
  }
}
