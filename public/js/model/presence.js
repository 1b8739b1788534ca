// Who is in a room. The server's `count` is the truth; the names are as many as it lists.

/** @returns {{ count: number, users: Map<string, string> }} names by user id */
export function nobody() {
  return { count: 0, users: new Map() };
}

/** A whole `user-list`. */
export function listed({ count, users }) {
  return { count, users: new Map(users.map(({ userId, username }) => [userId, username])) };
}

/** A `presence` change. Who left and joined in one window is there. */
export function changed(presence, { count, joined = [], left = [] }) {
  const users = new Map(presence.users);
  for (const { userId } of left) users.delete(userId);
  for (const { userId, username } of joined) users.set(userId, username);
  return { count, users };
}

const alphabet = new Intl.Collator(undefined, { numeric: true });

/**
 * The names in the order of reading: oneself first, then by alphabet; and how many more are unnamed. Where the
 * server names only some, oneself may not be among them, and stands first all the same.
 * @param {{ userId: string, username: string }} me
 * @returns {{ people: { userId: string, username: string, me: boolean }[], unnamed: number }}
 */
export function roll(presence, me) {
  const named = presence.count > presence.users.size ? new Map(presence.users).set(me.userId, me.username) : presence.users;
  const people = [...named].map(([userId, username]) => ({ userId, username, me: userId === me.userId }));
  people.sort((a, b) => b.me - a.me || alphabet.compare(a.username, b.username) || (a.userId < b.userId ? -1 : 1));
  return { people, unnamed: Math.max(0, presence.count - people.length) };
}
