// Which files may be sent, by which way, and what is wrong with the others, in words. The server looks at a
// file's bytes and decides; this spares people the wait for a refusal that is certain.

/** Largest file, in bytes. */
export const MAX_FILE = 10 * 1024 * 1024;
/** Up to so many bytes a file goes through the socket; larger ones go past the node. */
export const MAX_BY_SOCKET = 1024 * 1024;
/** Files that may be on their way at once. */
export const MAX_WAITING = 20;

/** What a file may be, as the contract spells it. */
export const TAKEN_TYPES = [
  'image/jpeg', 'image/png', 'image/webp', 'image/gif',
  'audio/ogg', 'audio/webm', 'audio/mp4', 'audio/x-m4a', 'audio/aac', 'audio/wav', 'audio/wave', 'audio/x-wav', 'audio/vnd.wave',
];

/** For the dialog in which files are picked: types, and endings for systems that do not know the types. */
export const ACCEPT = [...TAKEN_TYPES, '.m4a', '.opus', '.ogg', '.webm', '.wav', '.aac'].join(',');

/** What browsers call some of them. */
const ALIASES = new Map([
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['video/webm', 'audio/webm'], // by its ending alone a voice note is no other than a film
  ['audio/opus', 'audio/ogg'],
  ['application/ogg', 'audio/ogg'],
]);
const BY_ENDING = new Map([
  ['jpg', 'image/jpeg'], ['jpeg', 'image/jpeg'], ['png', 'image/png'], ['webp', 'image/webp'], ['gif', 'image/gif'],
  ['ogg', 'audio/ogg'], ['opus', 'audio/ogg'], ['webm', 'audio/webm'], ['m4a', 'audio/mp4'], ['aac', 'audio/aac'], ['wav', 'audio/wav'],
]);

/** The contract's type of a file: by what the browser says, else by the name's ending; null for one that is not taken. */
export function typeOf({ name, type }) {
  const said = type.split(';')[0].trim().toLowerCase();
  const meant = said === '' ? BY_ENDING.get(/\.([a-z0-9]+)$/i.exec(name)?.[1].toLowerCase()) : (ALIASES.get(said) ?? said);
  return TAKEN_TYPES.includes(meant) ? meant : null;
}

/**
 * Why a file cannot be sent, as a sentence that names it; null where nothing speaks against it.
 * @param {{ name: string, type: string, size: number }} file
 */
export function refusalOf(file) {
  const name = `“${nameWords(file.name)}”`;
  if (typeOf(file) === null) return `${name} cannot be sent. Pictures (JPEG, PNG, WebP, GIF) and sound (Opus, AAC, WAV) can.`;
  if (file.size === 0) return `${name} is empty. Choose another file.`;
  if (file.size > MAX_FILE) return `${name} has ${sizeWords(file.size)}. Files may have 10 MB at most.`;
  return null;
}

/** Why a file of this size cannot go past the node of this server. */
export function noDirectWay({ name, size }) {
  return `“${nameWords(name)}” has ${sizeWords(size)}. This server takes files of up to 1 MB.`;
}

/** @returns {'socket' | 'direct'} */
export function wayFor(size) {
  return size <= MAX_BY_SOCKET ? 'socket' : 'direct';
}

/** A name in running text: the end of a long one says more than its middle. */
export function nameWords(name) {
  const letters = [...name];
  return letters.length <= 48 ? name : `${letters.slice(0, 30).join('')}…${letters.slice(-15).join('')}`;
}

/** What the server makes of a name: the last part of a path, without control characters and those that turn text round. */
export function cleanName(name) {
  const last = name.split(/[/\\]/).at(-1);
  return last.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, '').trim();
}

const ENDINGS = new Map([
  ['image/jpeg', 'jpg'], ['image/png', 'png'], ['image/webp', 'webp'], ['image/gif', 'gif'],
  ['audio/ogg', 'ogg'], ['audio/webm', 'webm'], ['audio/mp4', 'm4a'], ['audio/aac', 'aac'],
]);

/** The name under which a stored file is saved: the sender's, with the ending of what the server made of it. */
export function savedName({ filename, mime }) {
  const stem = (filename ?? '').replace(/\.[^.]*$/, '') || 'file';
  const ending = ENDINGS.get(mime);
  return ending ? `${stem}.${ending}` : filename || stem;
}

/** A size as people say it. What is over 10 MB is never "10.0 MB". */
export function sizeWords(bytes) {
  if (bytes < 1024) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  if (bytes < 1000 * 1024) return `${Math.round(bytes / 1024)} KB`;
  const tenths = bytes > MAX_FILE ? Math.ceil(bytes / 1024 / 102.4) : Math.round(bytes / 1024 / 102.4);
  return `${(tenths / 10).toFixed(1)} MB`;
}
