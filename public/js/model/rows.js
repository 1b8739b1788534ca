// What the log of a room shows, line by line: days, the "New" line, groups by author, pictures side by side, what is
// still unsent.

/** Messages of one author stand together if no more than this many milliseconds lie between them. */
const GROUP_WITHIN = 5 * 60_000;

/**
 * @typedef {object} Row
 * @property {'day' | 'new' | 'gap' | 'message' | 'album'} kind
 * @property {string} key stable as long as the row means the same, also while a message turns from pending to stored
 * @property {number} [time] of a day or a message, in milliseconds since the epoch
 * @property {object} [message]
 * @property {boolean} [head] whether author and time stand above it
 * @property {'stored' | 'waiting' | 'sending' | 'failed'} [state]
 * @property {object} [entry] the outbox entry of an unsent message, or of a file on its way
 * @property {Row[]} [pictures] of an album: the rows of two or more pictures that follow each other
 */

/**
 * @param {object} room `{ timeline, unread }`
 * @param {object[]} unsent the entries of this room, messages and files
 * @param {{ userId: string, username: string }} me
 * @param {(time: number) => string} dayOf a local day, such as `2025-03-09`
 * @param {(mediaId: string) => string | undefined} [fileName] the entry that a file of one's own was
 * @returns {Row[]}
 */
export function rowsOf({ timeline, unread }, unsent, me, dayOf, fileName = () => undefined) {
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
    const key = uniqueKey(keys, message, ownName(message, entry, me, fileName));
    rows.push({ kind: 'message', key, message, time, head, state, entry });
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
  for (const entry of unsent.toSorted((a, b) => a.writtenAt - b.writtenAt)) {
    add({ userId: me.userId, username: me.username, ...contentOf(entry) }, entry.writtenAt, entry.state, entry);
  }
  return withAlbums(rows);
}

function contentOf(entry) {
  if (entry.filename === undefined) return { content: entry.content, clientMessageId: entry.id };
  const { filename, mime, size, frame } = entry;
  return { filename, mime, size, ...frame };
}

/** What of one's own keeps its key when it is stored: a message by its `clientMessageId`, a file by its entry. */
function ownName(message, entry, me, fileName) {
  if (entry) return entry.id;
  if (message.userId !== me.userId) return undefined;
  return message.clientMessageId ?? (message.mediaId === undefined ? undefined : fileName(message.mediaId));
}

/** A second message that claims the same name does not get it. */
function uniqueKey(keys, message, name) {
  let key = name === undefined ? `seq ${message.seq}` : `own ${name}`;
  if (keys.has(key)) key = `seq ${message.seq}`;
  keys.add(key);
  return key;
}

/** Pictures of one group that follow each other become one row, that of the first of them. One that failed stands alone, with its words. */
function withAlbums(rows) {
  const folded = [];
  for (const row of rows) {
    const above = folded.at(-1);
    if (!isPicture(row) || row.head || !above) folded.push(row);
    else if (above.kind === 'album') above.pictures.push(row);
    else if (isPicture(above)) folded[folded.length - 1] = { ...above, kind: 'album', pictures: [above, row] };
    else folded.push(row);
  }
  return folded;
}

function isPicture({ kind, message, state }) {
  return kind === 'message' && state !== 'failed' && (message.mime?.startsWith('image/') ?? false);
}
