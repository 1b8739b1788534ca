// A file on its way: one entry, and what each answer makes of it. Decides only; `files.js` acts on it.
//
//   socket:  waiting ─▶ sending ─▶ taken ─▶ (its file-message)
//   direct:  waiting ─▶ asking ─▶ uploading ─▶ completing ─▶ taken ─▶ (its file-message)
//
// Every step can be repeated: by the socket a file has a name of ours, under which it never makes a second message.
// One that was cut off is `unsure` for a moment, in which it may appear, before it is sent again.

import { isTemporary } from './outbox.js';
import { asSentence } from './plain-text.js';

/** Failed attempts before a person decides. */
export const MAX_ATTEMPTS = 4;
/** How long a file that was cut off is given to appear, from when the room has been caught up with, in milliseconds. */
export const APPEARS_WITHIN = 5_000;
/** How long a file that the server has taken is given to appear. */
export const DONE_WITHIN = 90_000;
/** For so long the next file waits for one that is worked on, so that they appear in the order of choosing. */
export const ORDER_WAIT = 3_000;
/** A ticket that runs out sooner than this is not begun with. */
const TICKET_LEFT = 20_000;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 10_000;

const TEMPORARY = new Map([
  ['rate_limited', 'Too much at once.'],
  ['overloaded', 'The server is too busy.'],
  ['unavailable', 'The server could not store it just now.'],
]);
/** Codes after which the same file can never succeed. */
const HOPELESS = new Set(['invalid', 'too_large', 'unsupported_media']);

/**
 * @typedef {object} FileEntry
 * @property {string} id ours, and by the socket its `clientMessageId`
 * @property {string} room
 * @property {string} filename
 * @property {string} mime
 * @property {number} size
 * @property {{ width: number, height: number } | null} frame of a picture that this browser can show
 * @property {number} writtenAt milliseconds since the epoch
 * @property {'socket' | 'direct'} way
 * @property {'waiting' | 'asking' | 'sending' | 'uploading' | 'completing' | 'taken' | 'unsure' | 'failed'} state
 * @property {number} attempts that have failed
 * @property {number} turn grows with each step, so that an answer to an earlier one is told apart
 * @property {number} notBefore earliest time of the next attempt, or until when something is waited for
 * @property {number} holdsUntil until when the next file waits for it to appear
 * @property {number | null} progress the part that has left, 0 to 1; null where nobody knows
 * @property {{ uploadId: string, url: string, fields: object, expires: number } | null} ticket of the direct way
 * @property {boolean} posted whether the bytes are at the ticket's address
 * @property {string | null} mediaId once the server has named one
 * @property {string | null} seenAs a `file-message` of ours that must be this one, before the server has said so
 * @property {number} doubts how often the connection was lost under it
 * @property {string | null} reason why it failed, for people
 * @property {boolean} hopeless whether sending the same file again is pointless
 */

/** @returns {FileEntry} */
export function newEntry({ id, room, filename, mime, size, frame = null, way }, now) {
  return {
    id, room, filename, mime, size, frame, way, writtenAt: now,
    state: 'waiting', attempts: 0, turn: 0, notBefore: now, holdsUntil: 0, progress: null, ticket: null, posted: false,
    mediaId: null, seenAs: null, doubts: 0, reason: null, hopeless: false,
  };
}

/** Whether the entry keeps those behind it waiting: one file at a time leaves, in the order of choosing. */
export function isUnderWay({ state }) {
  return ['asking', 'sending', 'uploading', 'completing'].includes(state);
}

/** The step that comes next begins. */
export function begin(entry, now) {
  const turn = entry.turn + 1;
  if (entry.way === 'socket') return { ...entry, turn, state: 'sending', progress: null };
  const fresh = entry.ticket !== null && (entry.posted || entry.ticket.expires - now > TICKET_LEFT);
  if (!fresh) return { ...entry, turn, state: 'asking', ticket: null, posted: false, progress: 0 };
  return entry.posted ? { ...entry, turn, state: 'completing', progress: 1 } : { ...entry, turn, state: 'uploading', progress: 0 };
}

/** A step has succeeded: on to the next one. */
export function stepped(entry, answer, now) {
  if (entry.state === 'asking') {
    const { uploadId, url, fields, expiresAt } = answer;
    return begin({ ...entry, ticket: { uploadId, url, fields, expires: Date.parse(expiresAt) } }, now);
  }
  if (entry.state === 'uploading') return begin({ ...entry, posted: true }, now);
  return taken(entry, answer.mediaId, now);
}

/** The server has it, under this name; it appears when it has been worked on. */
export function taken(entry, mediaId, now) {
  return { ...entry, state: 'taken', mediaId, seenAs: null, notBefore: now + DONE_WITHIN, holdsUntil: now + ORDER_WAIT, ticket: null };
}

export function progressed(entry, part) {
  return entry.state === 'uploading' ? { ...entry, progress: part } : entry;
}

/**
 * The server says no, or, with null, nothing.
 * @param {{ code?: string, message?: string, retryAfter?: number, http?: number } | null} failure
 */
export function refused(entry, failure, now) {
  // Too old a ticket, or bytes that are gone: from the beginning.
  if (entry.state !== 'asking' && entry.way === 'direct' && [403, 404].includes(failure?.http)) {
    return later({ ...entry, ticket: null, posted: false }, 'The server does not know the upload any more.', now);
  }
  if (failure !== null && !isTemporary(failure.code)) return failed(entry, asSentence(failure.message), HOPELESS.has(failure.code));
  const silence = entry.way === 'socket' ? 'The server did not answer.' : 'The upload was interrupted.';
  const reason = failure === null ? silence : TEMPORARY.get(failure.code);
  return later(entry, reason, now + Math.max(failure?.retryAfter ?? 0, backoff(entry.attempts)));
}

/** The connection was lost. Uploads do not go through it; what did is unsure. No wait ends without a connection. */
export function interrupted(entry) {
  if (entry.state === 'taken' || entry.state === 'unsure') return { ...entry, notBefore: Infinity };
  return entry.state === 'sending' ? { ...entry, state: 'unsure', doubts: entry.doubts + 1, notBefore: Infinity } : entry;
}

/** The room has been caught up with: what is waited for is here, or will be shortly, or is not coming. */
export function caughtUp(entry, now) {
  if (entry.notBefore !== Infinity) return entry;
  return { ...entry, notBefore: now + (entry.state === 'taken' ? DONE_WITHIN : APPEARS_WITHIN) };
}

/** What was waited for has not come. */
export function expired(entry, now) {
  if (entry.notBefore > now) return entry;
  if (entry.state === 'taken') return failed(entry, 'The server took the file and has not shown it yet. It may still appear.', false);
  if (entry.state !== 'unsure') return entry;
  return { ...entry, state: 'waiting', notBefore: now };
}

/** A person says "Send again". */
export function again(entry, now) {
  return { ...entry, state: 'waiting', attempts: 0, notBefore: now, progress: null, mediaId: null, seenAs: null, doubts: 0, reason: null };
}

export function failed(entry, reason, hopeless) {
  return { ...entry, state: 'failed', reason, hopeless, seenAs: null };
}

/** Whether a `file-message` of ours whose name nobody has told us can be no other than this entry. */
export function couldBe(entry, message) {
  const sent = ['sending', 'completing', 'unsure'].includes(entry.state) || (entry.state === 'waiting' && entry.posted);
  const open = sent && entry.seenAs === null;
  const kind = (mime) => mime.split('/')[0];
  return open && entry.room === message.room && entry.filename === (message.filename ?? '') && kind(entry.mime) === kind(message.mime);
}

function later(entry, reason, notBefore) {
  const attempts = entry.attempts + 1;
  // What the socket refuses is not what appeared; an upload that is completed once more may well be.
  const seenAs = entry.posted ? entry.seenAs : null;
  return attempts >= MAX_ATTEMPTS ? failed(entry, reason, false) : { ...entry, state: 'waiting', attempts, notBefore, seenAs };
}

function backoff(attempts) {
  return Math.min(FIRST_BACKOFF * 2 ** attempts, LONGEST_BACKOFF);
}
