// Who is typing here, and when to tell the others that one is oneself.

/** A typer who says nothing more is forgotten after this many milliseconds. */
export const FORGET_AFTER = 5_000;
/** `typing: true` goes out at most once in this many milliseconds. */
export const TELL_EVERY = 2_000;
/** Without a keystroke for this long one has stopped. */
export const IDLE_AFTER = 4_000;

/** @param {Map<string, { username: string, until: number }>} typers by user id */
export function heard(typers, { userId, username, typing }, now) {
  if (!typing && !typers.has(userId)) return typers;
  const next = new Map(typers);
  if (typing) next.set(userId, { username, until: now + FORGET_AFTER });
  else next.delete(userId);
  return next;
}

/** Drops those who fell silent; the same map if there are none. */
export function expire(typers, now) {
  const alive = [...typers].filter(([, { until }]) => until > now);
  return alive.length === typers.size ? typers : new Map(alive);
}

/** When the next one expires, or null. */
export function nextExpiry(typers) {
  return typers.size > 0 ? Math.min(...[...typers.values()].map(({ until }) => until)) : null;
}

/** "Ada is typing", "Ada and Bo are typing", … or an empty text. */
export function typingWords(typers) {
  const names = [...typers.values()].map(({ username }) => username);
  if (names.length === 0) return '';
  if (names.length === 1) return `${names[0]} is typing`;
  if (names.length <= 3) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} are typing`;
  return 'Several people are typing';
}

/** @typedef {{ room: string, toldAt: number, keyAt: number } | null} Own one's own typing, null for none */

/** A keystroke. @returns {{ own: Own, tell: boolean }} */
export function pressed(own, room, now) {
  const tell = own === null || own.room !== room || now - own.toldAt >= TELL_EVERY;
  return { own: { room, toldAt: tell ? now : own.toldAt, keyAt: now }, tell };
}

/** Whether one's own typing has ended by silence. */
export function idle(own, now) {
  return own !== null && now - own.keyAt >= IDLE_AFTER;
}
