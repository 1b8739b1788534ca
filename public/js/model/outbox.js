// What was written and is not known to be stored: when to send it, when again, when to give up.
// Decides only; the caller sends, and brings the answers.

import { asSentence } from './plain-text.js';

/** Attempts before a message is marked as failed and waits for a person. */
export const MAX_ATTEMPTS = 5;
/** Wait before the second attempt, in milliseconds; doubles with each further one. */
const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 8_000;

/** Codes of the contract after which the same message may succeed later, and what they mean to a person. */
const TEMPORARY = new Map([
  ['rate_limited', 'Too many messages at once.'],
  ['overloaded', 'The server is too busy.'],
  ['unavailable', 'The server could not store it in time.'],
]);
/** Codes after which the same text can never succeed: it has to be edited. */
const HOPELESS = new Set(['invalid', 'too_long', 'too_large']);

/**
 * @typedef {object} Entry
 * @property {string} id the `clientMessageId`: the same for every attempt, so that it is stored once
 * @property {string} room
 * @property {string} content
 * @property {number} writtenAt milliseconds since the epoch
 * @property {'waiting' | 'sending' | 'failed'} state
 * @property {number} attempts
 * @property {number} notBefore earliest time of the next attempt
 * @property {string | null} reason why it failed, for people
 * @property {boolean} hopeless whether sending the same text again is pointless
 */

/** Whether the same request may succeed later, by the error's code. */
export function isTemporary(code) {
  return TEMPORARY.has(code);
}

/** @returns {Entry[]} in the order of writing */
export function enqueue(outbox, { id, room, content }, now) {
  const entry = { id, room, content, writtenAt: now, state: 'waiting', attempts: 0, notBefore: now, reason: null, hopeless: false };
  return [...outbox, entry];
}

/**
 * The entries to send now. Within a room nothing overtakes an earlier message that waits for its turn.
 * @param {(room: string) => boolean} ready whether a room is joined and its replay has ended
 */
export function due(outbox, ready, now) {
  const held = new Set();
  return outbox.filter((entry) => {
    if (entry.state !== 'waiting') return false;
    const goes = !held.has(entry.room) && entry.notBefore <= now && ready(entry.room);
    if (!goes) held.add(entry.room);
    return goes;
  });
}

/** When `due` may have something new for the ready rooms, or null. */
export function nextAttempt(outbox, ready) {
  const times = outbox.filter((entry) => entry.state === 'waiting' && ready(entry.room)).map((entry) => entry.notBefore);
  return times.length > 0 ? Math.min(...times) : null;
}

/** An attempt begins. */
export function sending(outbox, id) {
  return change(outbox, id, (entry) => ({ ...entry, state: 'sending', attempts: entry.attempts + 1 }));
}

/** The server says no. @param {{ code: string, message: string, retryAfter?: number }} failure */
export function refused(outbox, id, failure, now) {
  return change(outbox, id, (entry) => {
    if (!isTemporary(failure.code)) return fail(entry, asSentence(failure.message), HOPELESS.has(failure.code));
    return later(entry, TEMPORARY.get(failure.code), now + Math.max(failure.retryAfter ?? 0, backoff(entry.attempts)));
  });
}

/** No answer came in time: not known to be stored. */
export function unanswered(outbox, id, now) {
  return change(outbox, id, (entry) => later(entry, 'The server did not answer.', now + backoff(entry.attempts)));
}

/** The connection went away: what was under way waits for the next one, which may bring it by replay. */
export function interrupted(outbox, now) {
  return outbox.map((entry) => (entry.state === 'sending' ? later(entry, 'The connection was lost while sending.', now) : entry));
}

/** A person says "Send again". */
export function again(outbox, id, now) {
  return change(outbox, id, (entry) => ({ ...entry, state: 'waiting', attempts: 0, notBefore: now, reason: null }));
}

/** It is stored, or discarded. */
export function without(outbox, id) {
  return outbox.some((entry) => entry.id === id) ? outbox.filter((entry) => entry.id !== id) : outbox;
}

function change(outbox, id, to) {
  return outbox.map((entry) => (entry.id === id ? to(entry) : entry));
}

function later(entry, reason, notBefore) {
  return entry.attempts >= MAX_ATTEMPTS ? fail(entry, reason, false) : { ...entry, state: 'waiting', notBefore };
}

function fail(entry, reason, hopeless) {
  return { ...entry, state: 'failed', reason, hopeless };
}

function backoff(attempts) {
  return Math.min(FIRST_BACKOFF * 2 ** Math.max(0, attempts - 1), LONGEST_BACKOFF);
}
