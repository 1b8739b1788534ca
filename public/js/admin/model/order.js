// What an administrator wants done: whether it can be asked for, and what came of it, in words.

import { deadlineWords } from '../../model/clock-words.js';
import { asSentence, lengthOf } from '../../model/plain-text.js';
import { counted } from './figures.js';

/** The longest announcement or reason, in Unicode code points. */
export const MAX_WORDS = 1_000;
const MAX_USER_ID_BYTES = 128;
/** For how long one may be banned, in seconds; null is until the ban is lifted. */
export const BAN_LENGTHS = [
  { seconds: 600, words: '10 minutes' },
  { seconds: 3_600, words: 'an hour' },
  { seconds: 86_400, words: 'a day' },
  { seconds: null, words: 'until lifted' },
];

/**
 * @typedef {object} Order
 * @property {string} emit the event
 * @property {object} payload
 * @property {string} problem why it cannot be asked for, or empty
 * @property {string} failed how to say that it was not done: "Not banned"
 * @property {(ack: object) => string} done what came of it
 */

/** @returns {Order} */
export function announcement(content) {
  const problem = content.trim() === '' ? 'Write what everybody is to read.' : tooLong('The announcement', content);
  const done = ({ nodes, sockets }) => `Shown to ${counted(sockets, 'connection')} on ${counted(nodes, 'node')}.`;
  return { emit: 'broadcast-message', payload: { content }, problem, failed: 'Not announced', done };
}

/** @returns {Order} */
export function kick(userId, reason) {
  const done = ({ nodes, sockets }) =>
    sockets === 0
      ? `${userId} has no connection on any of ${counted(nodes, 'node')}: nothing was ended.`
      : `${counted(sockets, 'connection')} of ${userId} ended, on ${counted(nodes, 'node')} asked. They may come again.`;
  return { emit: 'kick', payload: { userId, ...reasoned(reason) }, problem: userProblem(userId, reason), failed: 'Not kicked', done };
}

/** @param {number | null} seconds @returns {Order} */
export function ban(userId, reason, seconds) {
  const payload = { userId, ...(seconds === null ? {} : { seconds }), ...reasoned(reason) };
  const done = ({ until }) => `${userId} is banned until ${until === undefined ? 'the ban is lifted' : deadlineWords(Date.parse(until))}.`;
  return { emit: 'ban', payload, problem: userProblem(userId, reason), failed: 'Not banned', done };
}

/** @returns {Order} */
export function unban(userId) {
  const done = () => `${userId} is not banned any more.`;
  return { emit: 'unban', payload: { userId }, problem: userProblem(userId, ''), failed: 'Ban not lifted', done };
}

/**
 * What came of an order.
 * @param {object | null} ack null when none came
 * @returns {{ good: boolean, words: string, retryAfter: number }}
 */
export function outcomeOf(order, ack) {
  if (ack?.status === 'success') return { good: true, words: order.done(ack), retryAfter: 0 };
  if (ack === null) {
    return { good: false, words: 'No answer came: it is not known whether this was done. Asking again does no harm but repeat it.', retryAfter: 0 };
  }
  return { good: false, words: `${order.failed}: ${asSentence(ack.message)}`, retryAfter: ack.retryAfter ?? 0 };
}

function reasoned(reason) {
  return reason.trim() === '' ? {} : { reason: reason.trim() };
}

function userProblem(userId, reason) {
  if (userId === '') return 'Write the user id.';
  if (new TextEncoder().encode(userId).length > MAX_USER_ID_BYTES) return `No user id has more than ${MAX_USER_ID_BYTES} bytes.`;
  return tooLong('The reason', reason);
}

function tooLong(what, text) {
  const length = lengthOf(text);
  return length > MAX_WORDS ? `${what} has ${length.toLocaleString('en')} characters, and ${MAX_WORDS.toLocaleString('en')} are the most.` : '';
}
