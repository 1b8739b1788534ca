// A file in the log: an image by its thumbnail, a voice note with its controls, anything else as a link.

import { safeAddress } from '../model/html-policy.js';
import { make } from './dom.js';
import { link } from './link.js';

/** Largest side of a picture in the log, in CSS pixels: that of the server's thumbnails. */
const THUMBNAIL = 320;

export function fileOf(message) {
  const { mime, filename } = message;
  const name = filename || 'File';
  const url = safeAddress(message.url);
  if (url === null) return make('p', { class: 'text file' }, [`${name} (its address is not valid)`]);
  if (mime.startsWith('image/')) return picture(message, url, name);
  if (mime.startsWith('audio/')) return make('audio', { class: 'file', controls: true, preload: 'none', src: url, 'aria-label': name });
  return make('p', { class: 'text file' }, [link(url, [name]), ` ${sizeWords(message.size)}`]);
}

function picture({ thumbnailUrl, width, height }, url, name) {
  const image = make('img', { src: safeAddress(thumbnailUrl) ?? url, alt: name, loading: 'lazy', decoding: 'async' });
  if (width && height) {
    // Its room is kept before it is loaded, so that the log does not jump.
    const scale = Math.min(1, THUMBNAIL / Math.max(width, height));
    image.width = Math.round(width * scale);
    image.height = Math.round(height * scale);
  }
  return make('div', { class: 'file' }, [link(url, [image])]);
}

function sizeWords(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
