// Who one is: names, user ids, and what a token says about them.

/** Names that a browser profile remembers. */
const MAX_PEOPLE = 20;

/** A name without spaces around it and with single ones within. */
export function tidyName(text) {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/**
 * The user id that goes with a name in this browser profile: two windows with two names are two people,
 * and the same name is the same person again.
 * @param {[string, string][]} people name and user id, oldest first
 * @param {() => string} newId
 * @returns {{ userId: string, people: [string, string][] }}
 */
export function personFor(people, name, newId) {
  const key = name.toLocaleLowerCase('en');
  const userId = people.find(([known]) => known === key)?.[1] ?? newId();
  return { userId, people: [...people.filter(([known]) => known !== key), [key, userId]].slice(-MAX_PEOPLE) };
}

/**
 * What a JWT says of its owner. For show only: the server checks the token and decides who one is.
 * @returns {{ userId: string, username: string } | null} null if it is no JWT with a `sub`
 */
export function claimsOf(token) {
  try {
    const part = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const { sub, name } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === 'string' && sub !== '' ? { userId: sub, username: name || sub } : null;
  } catch {
    return null;
  }
}

/** The token in an address's fragment (`#token=…`), or null. */
export function tokenInFragment(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, '')).get('token');
}
