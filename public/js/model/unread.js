// What is new in a room for this reader.

/**
 * @typedef {object} Unread
 * @property {number} count
 * @property {number | null} marker the first new message's sequence: where the "New" line stands
 */

/** @returns {Unread} */
export function allRead() {
  return { count: 0, marker: null };
}

/** One more message that the reader has not seen. */
export function missed(unread, seq) {
  return { count: unread.count + 1, marker: unread.count === 0 ? seq : unread.marker };
}

/** The reader has seen everything; the line stays where it is until the reader goes elsewhere. */
export function seen(unread) {
  return unread.count === 0 ? unread : { ...unread, count: 0 };
}

/**
 * What of `messages` is new to someone who had read up to `lastRead`.
 * @param {number | undefined} lastRead undefined for a room that was never read here: nothing is "new" then
 */
export function sinceReading(messages, lastRead, myId) {
  if (lastRead === undefined) return allRead();
  return messages
    .filter((message) => message.seq > lastRead && message.userId !== myId)
    .reduce((unread, message) => missed(unread, message.seq), allRead());
}

/** A count as a badge shows it. */
export function badge(count) {
  return count > 99 ? '99+' : String(count);
}
