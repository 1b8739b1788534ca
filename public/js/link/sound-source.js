// A stored or recorded sound, made ready to be played: fetched whole, so that one can move about in it whatever the
// server, and measured, as what a browser records does not say how long it is.

import { barsOf } from '../model/sound.js';

/**
 * @typedef {{ src: string, seconds: number, bars: number[] | null }} Sound `seconds` is NaN and `bars` null where this
 *   browser does not tell
 */

/** Above this size, in bytes, a sound is not measured: decoded it takes a hundred times as much. */
const LARGEST_MEASURED = 3 * 1024 * 1024;

/**
 * @param {string | Blob} source an address, or the bytes themselves
 * @param {number} bars how many to draw
 * @returns {Promise<Sound>}
 * @throws where the server has no such sound
 */
export async function openSound(source, bars) {
  const blob = source instanceof Blob ? source : await fetchBlob(source);
  if (blob === null) return { src: source, seconds: Number.NaN, bars: null };
  const decoded = await decode(blob);
  return {
    src: URL.createObjectURL(blob),
    seconds: decoded?.duration ?? Number.NaN,
    bars: decoded ? barsOf(decoded.getChannelData(0), bars) : null,
  };
}

/** Null where the bytes cannot be had, by the rules of another origin or for want of a network: the element tries itself. */
async function fetchBlob(address) {
  const response = await fetch(address).catch(() => null);
  if (response === null) return null;
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.blob();
}

/** Some browsers play what they do not decode. @returns {Promise<AudioBuffer | null>} */
async function decode(blob) {
  if (blob.size > LARGEST_MEASURED) return null;
  try {
    return await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(await blob.arrayBuffer());
  } catch {
    return null;
  }
}
