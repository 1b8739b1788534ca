// What becomes of a file on its way, as a person sees it.

/**
 * @param {import('./file-outbox.js').FileEntry} entry
 * @param {boolean} online
 * @returns {{ words: string, part: number | null, moving: boolean, cancel: string | null }} `part` of a bar, null for
 *   one that only shows that something goes on; `moving` without it stands still; `cancel` says what cancelling does
 */
export function fateOf(entry, online) {
  const still = { part: null, moving: false, cancel: 'Cancel' };
  const going = { part: null, moving: true, cancel: 'Cancel' };
  switch (entry.state) {
    case 'waiting':
      if (!online) return { ...still, words: 'Waiting for the connection' };
      return { ...still, words: entry.attempts > 0 || entry.doubts > 0 ? 'Will be sent again' : 'Waiting' };
    case 'asking':
      return { ...going, words: 'Sending', part: 0 };
    case 'uploading':
      return { ...going, words: `Sending ${percent(entry.progress)}%`, part: entry.progress };
    case 'sending':
      return { ...going, words: 'Sending', cancel: 'Cancel (it may have left already)' };
    case 'unsure':
      return { ...still, words: 'The connection was lost. Looking whether it arrived', cancel: 'Cancel (it may have left already)' };
    default:
      return { ...going, words: 'Sent, being made ready', cancel: null };
  }
}

/** Whole percents; 100 only when all has left. */
export function percent(part) {
  return Math.floor(part * 100);
}
