// A file in the log: a picture, a sound with its player, anything else as a link; and while it is one's own and on its
// way, the same from this machine with what becomes of it.

import { sizeWords } from '../model/attachable.js';
import { safeAddress } from '../model/html-policy.js';
import { isNoteName } from '../model/recording.js';
import { make } from './dom.js';
import { progressOf } from './file-progress.js';
import { link } from './link.js';
import { localPicture, pictureOf } from './picture.js';
import { playerOf } from './player.js';

/** @param {string | null} local an address of the file on this machine, if it is one's own of a moment ago */
export function fileOf(message, local) {
  const { mime, filename } = message;
  const url = safeAddress(message.url);
  if (url === null) return make('p', { class: 'text file' }, [`${filename || 'A file'} (its address is not valid)`]);
  if (mime.startsWith('image/')) return pictureOf(message, local);
  if (mime.startsWith('audio/')) return soundOf(message, url);
  return make('p', { class: 'text file' }, [link(url, [filename || 'File']), ` ${sizeWords(message.size)}`]);
}

/** @param {import('../model/rows.js').Row} row of an entry of `model/files.js` */
export function fileOnItsWay(row, local, online) {
  const isPicture = row.message.mime.startsWith('image/');
  const element = isPicture ? localPicture(row.message, local) : localSound(row.message);
  if (row.state !== 'failed') element.append(progressOf(row, online));
  return element;
}

function soundOf(message, url) {
  const name = soundName(message.filename);
  const player = playerOf(url, { name, named: !isNoteName(message.filename), size: message.size, save: message });
  player.dataset.mediaId = message.mediaId;
  return player;
}

function localSound({ filename, size }) {
  return make('div', { class: 'sound', 'data-testid': 'sound' }, [make('p', { class: 'player-name' }, [`${soundName(filename)}, ${sizeWords(size)}`])]);
}

function soundName(filename) {
  return isNoteName(filename) ? 'Voice note' : filename || 'Sound';
}
