// What came of an order, under the form that it came from.

import { setAttribute, setText } from '../../view/dom.js';

/**
 * @param {HTMLElement} line
 * @param {{ asking: boolean, outcome: { good: boolean, words: string } | null, retryAt: number | null }} form
 */
export function showOutcome(line, { asking, outcome, retryAt }) {
  const wait = retryAt === null ? '' : ' One moment before the next try.';
  setText(line, asking ? 'Asking all nodes' : outcome === null ? '' : outcome.words + wait);
  setAttribute(line, 'data-state', asking ? 'asking' : outcome === null ? null : outcome.good ? 'good' : 'failed');
}

/** A button that keeps its focus while it does nothing. */
export function rest(buttons, { asking, retryAt }) {
  for (const button of buttons) setAttribute(button, 'aria-disabled', asking || retryAt !== null ? 'true' : null);
}
