// What the log of a room shows, line by line: days, the "New" line, groups by author, what is still unsent.

/** Messages of one author stand together if no more than this many milliseconds lie between them. */
const GROUP_WITHIN = 5 * 60_000;

/**
 * @typedef {object} Row
 * @property {'day' | 'new' | 'gap' | 'message'} kind
 * @property {string} key stable as long as the row means the same, also while a message turns from pending to stored
 * @property {number} [time] of a day or a message, in milliseconds since the epoch
 * @property {object} [message]
 * @property {boolean} [head] whether author and time stand above it
 * @property {'stored' | 'waiting' | 'sending' | 'failed'} [state]
 * @property {object} [entry] the outbox entry of an unsent message
 */

/**
 * @param {object} room `{ timeline, unread }`
 * @param {object[]} unsent the outbox entries of this room, in the order of writing
 * @param {{ userId: string, username: string }} me
 * @param {(time: number) => string} dayOf a local day, such as `2025-03-09`
 * @returns {Row[]}
 */
export function rowsOf({ timeline, unread }, unsent, me, dayOf) {
  const rows = [];
  const keys = new Set();
  let last = null; // the message above, for grouping
  let lastDay = null;
  const open = (row) => {
    rows.push(row);
    last = null;
  };
  const add = (message, time, state, entry) => {
    const day = dayOf(time);
    if (day !== lastDay) open({ kind: 'day', key: `day ${day}`, time });
    lastDay = day;
    const head = last === null || last.userId !== message.userId || time - last.time > GROUP_WITHIN;
    rows.push({ kind: 'message', key: uniqueKey(keys, message, me), message, time, head, state, entry });
    last = { userId: message.userId, time };
  };

  let previous = 0;
  for (const message of timeline.messages) {
    const gap = timeline.gaps.find((seq) => seq >= previous && seq < message.seq);
    if (gap !== undefined) open({ kind: 'gap', key: `gap ${gap}` });
    if (unread.marker !== null && previous < unread.marker && message.seq >= unread.marker) open({ kind: 'new', key: 'new' });
    add(message, Date.parse(message.timestamp), 'stored');
    previous = message.seq;
  }
  for (const entry of unsent) {
    const message = { userId: me.userId, username: me.username, content: entry.content, clientMessageId: entry.id };
    add(message, entry.writtenAt, entry.state, entry);
  }
  return rows;
}

/** One's own message keeps its key when it is stored; a second one that claims the same key does not. */
function uniqueKey(keys, message, me) {
  const own = message.userId === me.userId && message.clientMessageId !== undefined;
  let key = own ? `own ${message.clientMessageId}` : `seq ${message.seq}`;
  if (keys.has(key)) key = `seq ${message.seq}`;
  keys.add(key);
  return key;
}
