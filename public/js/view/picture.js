// A picture in the log: its room first, then a blur of it, then the thumbnail; and words where it does not come.

import { decodeBlurhash } from '../model/blurhash.js';
import { safeAddress } from '../model/html-policy.js';
import { icon, make } from './dom.js';

/** Largest side of a picture that stands alone, in CSS pixels: that of the server's thumbnails. */
const LARGEST = 320;
/** Smallest side of its room: what stands on it has to be read. */
const SMALLEST = 72;
/** A blur has nothing to show on more pixels. */
const BLUR = 32;
/** How long a picture takes to come up, in milliseconds, as in `file.css`. */
const COMES_UP = 250;
/** Beside others a picture is not narrower or wider than this, as parts of its height. */
const NARROWEST = 0.66;
const WIDEST = 1.9;

/**
 * A stored picture.
 * @param {object} message
 * @param {string | null} local the picture itself, if it is one's own of a moment ago
 */
export function pictureOf(message, local) {
  const name = message.filename || 'Picture';
  const image = make('img', { class: 'picture-image', alt: name, loading: local ? 'eager' : 'lazy', decoding: 'async' });
  const open = make('button', { type: 'button', class: 'picture-open', 'data-action': 'open-picture', 'aria-haspopup': 'dialog' }, [image]);
  const room = roomFor(message, 'loading', [local ? still(local) : blurOf(message.blurhash), open]);
  room.dataset.mediaId = message.mediaId;
  load(room, image, safeAddress(message.thumbnailUrl) ?? safeAddress(message.url), name);
  return room;
}

/** A picture on its way, from this machine. @param {string | null} local */
export function localPicture({ filename, width, height }, local) {
  const shown = local !== null && width > 0 ? make('img', { class: 'picture-image', alt: filename, src: local }) : icon('picture');
  return roomFor({ width, height }, 'local', [shown]);
}

/** Keeps the room that it will take, so that the log does not jump. */
function roomFor({ width, height }, state, children) {
  const room = make('div', { class: 'picture', 'data-testid': 'picture', 'data-state': state }, children.filter(Boolean));
  const [w, h] = width && height ? [width, height] : [4, 3];
  const scale = width && height ? Math.min(1, LARGEST / Math.max(w, h)) : LARGEST / 4;
  room.style.setProperty('--width', `${Math.max(SMALLEST, Math.round(w * scale))}px`);
  room.style.setProperty('--height', `${Math.max(SMALLEST, Math.round(h * scale))}`);
  room.style.setProperty('--own', `${Math.max(SMALLEST, Math.round(w * scale))}`);
  room.style.setProperty('--ratio', String(Math.min(WIDEST, Math.max(NARROWEST, w / h))));
  return room;
}

function still(local) {
  return make('img', { class: 'picture-before', src: local, alt: '', 'aria-hidden': 'true' });
}

function blurOf(hash) {
  const pixels = hash === undefined ? null : decodeBlurhash(hash, BLUR, BLUR);
  if (pixels === null) return null;
  const canvas = make('canvas', { class: 'picture-before', width: BLUR, height: BLUR, 'aria-hidden': 'true' });
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, BLUR, BLUR), 0, 0);
  return canvas;
}

function load(room, image, address, name) {
  image.addEventListener('load', () => {
    room.dataset.state = 'shown';
    // It stands under the picture until that has come up; under a transparent one it must not stay.
    setTimeout(() => room.querySelector('.picture-before')?.remove(), COMES_UP);
  });
  image.addEventListener('error', () => {
    room.dataset.state = 'broken';
    const again = make('button', { type: 'button', class: 'text-button', 'data-testid': 'load-again' }, ['Try again']);
    const words = make('div', { class: 'picture-problem' }, [make('p', {}, [`${name} did not load.`]), again]);
    again.addEventListener('click', () => {
      words.remove();
      room.dataset.state = 'loading';
      image.src = address;
      image.closest('button').focus();
    });
    room.append(words);
  });
  if (address === null) image.dispatchEvent(new Event('error'));
  else image.src = address;
}
