// Recording a voice note: in what form, when it has to end, and what went wrong, in words.

import { MAX_FILE } from './attachable.js';

/** Longest voice note, in milliseconds. */
export const LONGEST = 5 * 60_000;
/** From so many milliseconds before the end on, one is told. */
export const WARN_BEFORE = 15_000;
/** A slip of the finger, in milliseconds. */
export const SHORTEST = 500;
/** Room for what the recorder still holds when it is told to stop. */
const LARGEST = MAX_FILE - 256 * 1024;

/** What the server takes, in the order of liking. @type {{ type: string, ending: string }[]} */
const TYPES = [
  { type: 'audio/webm;codecs=opus', ending: 'webm' },
  { type: 'audio/ogg;codecs=opus', ending: 'ogg' },
  { type: 'audio/mp4;codecs=mp4a.40.2', ending: 'm4a' },
  { type: 'audio/mp4', ending: 'm4a' },
];

/** The first type that this browser can record, or null. @param {(type: string) => boolean} isSupported */
export function recordingType(isSupported) {
  return TYPES.find(({ type }) => isSupported(type)) ?? null;
}

/** Whether it has to end now, by its length or its size. */
export function isOver(since, bytes, now) {
  return now - since >= LONGEST || bytes >= LARGEST;
}

/** "12 s left" shortly before the end, else nothing. */
export function leftWords(since, now) {
  const left = LONGEST - (now - since);
  return left > WARN_BEFORE ? '' : `${Math.max(0, Math.ceil(left / 1000))} s left`;
}

/** A name by which a note is found again among downloads. */
export function noteName(time, ending) {
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `Voice note ${day} ${two(date.getHours())}.${two(date.getMinutes())}.${two(date.getSeconds())}.${ending}`;
}

/** Whether a name is one that `noteName` gave: such a sound is called a voice note. */
export function isNoteName(name) {
  return /^Voice note \d{4}-\d\d-\d\d /.test(name ?? '');
}

/** Why there is nothing to record with. @param {string} name of a `DOMException` */
export function problemWords(name) {
  switch (name) {
    case 'NotAllowedError':
      return 'This page may not use the microphone. Allow it in the browser’s settings for this page, then try again.';
    case 'NotFoundError':
      return 'There is no microphone. Connect one, then try again.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The microphone does not answer; another program may be using it. Close that, then try again.';
    case 'Insecure':
      return 'Browsers give pages the microphone only over https. Open this page by an https address.';
    case 'Unsupported':
      return 'This browser cannot record sound in a form that others can play.';
    case 'Short':
      return 'That was too short to be heard. Record until you have said it, then stop.';
    default:
      return 'The recording did not work. Try again.';
  }
}
