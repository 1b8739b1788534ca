// The messages of one room as this window knows them: order, duplicates, gaps, the bound on memory.
// Values in, new values out. What is still on its way to the server is the outbox's business.

/** Messages kept for one room; older ones can be fetched again by scrolling up. */
export const KEEP = 1500;
/** What is left after a trim, so that trimming is rare. */
const KEEP_AFTER_TRIM = 1000;

/**
 * @typedef {object} Message what `chat-message` and `file-message` carry
 * @typedef {object} Timeline
 * @property {Message[]} messages ascending by `seq`, one for each `id`
 * @property {boolean} more whether the server holds older ones
 * @property {number[]} gaps sequences after which messages are gone from the server's log
 */

/** @returns {Timeline} */
export function emptyTimeline() {
  return { messages: [], more: false, gaps: [] };
}

/** The highest sequence held, 0 for none. */
export function newestSeq(timeline) {
  return timeline.messages.at(-1)?.seq ?? 0;
}

/** The lowest sequence held, or null. */
export function oldestSeq(timeline) {
  return timeline.messages[0]?.seq ?? null;
}

/** Index of the first message whose sequence is above `seq`. */
function indexAfter(messages, seq) {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle].seq > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Puts a message into its place. A message that is there already (same `seq`, or same `id`: one that
 * was sent twice) only fills in what was missing, so that an event completes what an ack left open.
 * @returns {{ timeline: Timeline, added: boolean }} `timeline` is the same object if nothing changed
 */
export function insert(timeline, message) {
  const { messages } = timeline;
  const at = indexAfter(messages, message.seq);
  const known = messages[at - 1]?.seq === message.seq ? at - 1 : messages.findIndex((held) => held.id === message.id);
  if (known >= 0) return { timeline: enrich(timeline, known, message), added: false };
  return { timeline: { ...timeline, messages: messages.toSpliced(at, 0, message) }, added: true };
}

function enrich(timeline, index, message) {
  const held = timeline.messages[index];
  const added = Object.entries(message).filter(([key, value]) => held[key] === undefined && value !== undefined);
  if (added.length === 0) return timeline;
  const messages = timeline.messages.with(index, { ...held, ...Object.fromEntries(added) });
  return { ...timeline, messages };
}

/**
 * Takes the `history` of a join. Where what is held does not overlap it, messages may be missing between
 * the two: then only the history stays, with what came live after it; the rest comes back by scrolling up.
 * @param {boolean} full whether the server gave as many as it gives at most
 */
export function rejoin(timeline, history, full) {
  if (history.length === 0) return timeline;
  const start = history[0].seq;
  const from = indexAfter(timeline.messages, start);
  const overlaps = timeline.messages[from - 1]?.seq === start;
  return merge(overlaps ? timeline : { messages: timeline.messages.slice(from), more: full, gaps: [] }, history);
}

/** Takes a page of older messages; `more` is the server's word on what lies before it. */
export function prepend(timeline, page, more) {
  return { ...merge(timeline, page), more };
}

function merge(timeline, messages) {
  return messages.reduce((merged, message) => insert(merged, message).timeline, timeline);
}

/** Notes that messages after `seq` are gone from the log. */
export function withGap(timeline, seq) {
  return timeline.gaps.includes(seq) ? timeline : { ...timeline, gaps: [...timeline.gaps, seq] };
}

/** Forgets the oldest messages beyond the bound. Call only while the reader is at the newest one. */
export function trim(timeline) {
  if (timeline.messages.length <= KEEP) return timeline;
  return { ...timeline, messages: timeline.messages.slice(-KEEP_AFTER_TRIM), more: true };
}
