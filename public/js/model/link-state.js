// The state of the connection, in words that a person understands.

import { deadlineWords } from './clock-words.js';
import { asSentence } from './plain-text.js';

/** "Recovered 3 messages" stands for this many milliseconds, then it is "Connected" again. */
export const RECOVERED_FOR = 8_000;
/** After so many failed attempts "Reconnecting" becomes "Offline" (attempts go on). */
export const OFFLINE_AFTER = 5;

/**
 * @typedef {object} Link
 * @property {'connecting' | 'connected' | 'reconnecting' | 'offline' | 'ended'} phase
 * @property {boolean} before whether there was a connection before
 * @property {number} attempts failed attempts since the connection was lost
 * @property {{ count: number, complete: boolean, until: number } | null} recovered
 * @property {string} why the server's words when it sent one away, or empty
 */

/** @returns {Link} */
export function newLink() {
  return { phase: 'connecting', before: false, attempts: 0, recovered: null, why: '' };
}

export function up(link) {
  return { ...link, phase: 'connected', before: true, attempts: 0, recovered: null, why: '' };
}

/** @param {{ final: boolean, online: boolean }} how `final`: the server ended the session, nobody tries again by itself */
export function down(link, { final, online }) {
  const phase = final ? 'ended' : online ? 'reconnecting' : 'offline';
  return { ...link, phase, attempts: 0, recovered: null, why: final ? link.why : '' };
}

/** The server has said why one has to go, or may not come: nobody tries again by itself. */
export function sentAway(link, why) {
  return { ...link, phase: 'ended', attempts: 0, recovered: null, why };
}

/** A person tries again. */
export function tryAgain(link) {
  return link.phase === 'ended' ? { ...link, phase: link.before ? 'reconnecting' : 'connecting', why: '' } : link;
}

export function attemptFailed(link, { online }) {
  if (link.phase === 'connected' || link.phase === 'ended') return link;
  const attempts = link.attempts + 1;
  const trying = link.before ? 'reconnecting' : 'connecting';
  return { ...link, attempts, phase: online && attempts < OFFLINE_AFTER ? trying : 'offline' };
}

/** The network of this machine came back: a new attempt is under way. */
export function networkBack(link) {
  return link.phase === 'offline' ? { ...link, attempts: 0, phase: link.before ? 'reconnecting' : 'connecting' } : link;
}

/** Every room that was named on the reconnect has been replayed. */
export function recovered(link, { count, complete }, now) {
  return { ...link, recovered: { count, complete, until: now + RECOVERED_FOR } };
}

export function expireRecovered(link, now) {
  return link.recovered !== null && link.recovered.until <= now ? { ...link, recovered: null } : link;
}

/** A name for tests and styles: the phase, or `recovered`. */
export function linkName(link) {
  return link.phase === 'connected' && link.recovered ? 'recovered' : link.phase;
}

const WORDS = {
  connecting: 'Connecting',
  connected: 'Connected',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  ended: 'Disconnected',
};

/** The state in a word or three. */
export function linkWords(link) {
  if (link.phase !== 'connected' || link.recovered === null) return WORDS[link.phase];
  const { count } = link.recovered;
  return count === 0 ? 'Back, nothing missed' : `Recovered ${count} ${count === 1 ? 'message' : 'messages'}`;
}

/** What it means for the person, where it means anything. */
export function linkAdvice(link) {
  switch (link.phase) {
    case 'reconnecting':
      return 'The connection was lost. You can go on writing: messages are kept here and sent when it is back.';
    case 'offline':
      return 'The server cannot be reached. What you write is kept here and sent when it is back.';
    case 'ended':
      return whyWords(link.why);
    default:
      return link.recovered && !link.recovered.complete ? 'Some older messages are no longer kept by the server.' : '';
  }
}

const BAN_END = /^(You are banned until )(\d{4}-\d\d-\d\dT[\d:.]+Z)(?=:|$)/;
const BANNED = /^You are banned/;
const KICKED = /^You were disconnected by an administrator/;

/** Why the server sent one away, and what one can do. The end of a ban is told in local time. */
export function whyWords(why) {
  const told = asSentence(why.replace(BAN_END, (_, words, end) => words + deadlineWords(Date.parse(end))));
  if (BANNED.test(why)) return `${told} An administrator has decided so; trying again helps once the ban has ended or is lifted.`;
  if (KICKED.test(why)) return `${told} This page stays away until you try again.`;
  return why === '' ? 'The server ended this session.' : `The server ended this session: ${told}`;
}
