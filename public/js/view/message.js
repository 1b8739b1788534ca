// One message as an element: who, when, what, and, while it is one's own and unsent, what becomes of it.

import { momentWords, timeWords } from '../model/clock-words.js';
import { isJumbo } from '../model/plain-text.js';
import { icon, make } from './dom.js';
import { fileOf } from './file.js';
import { linked } from './link.js';
import { markOf, tint } from './mark.js';
import { serverHtml } from './server-html.js';

/** What is different when a message has to be drawn again. */
export function signatureOf({ message, state, head, entry }, online) {
  return [state, head, message.seq, message.html !== undefined, entry?.reason, entry && online].join('|');
}

/**
 * Draws a row of kind `message` into its list item.
 * @param {HTMLLIElement} item
 * @param {import('../model/rows.js').Row} row
 * @param {{ myId: string, online: boolean }} reader
 */
export function drawMessage(item, row, { myId, online }) {
  const { message, state, head } = row;
  item.className = `message ${head ? 'head' : 'follow'} ${state}`;
  item.dataset.state = state === 'sending' || state === 'waiting' ? 'pending' : state;
  if (message.seq !== undefined) item.dataset.seq = String(message.seq);
  if (message.clientMessageId !== undefined && message.userId === myId) item.dataset.clientMessageId = message.clientMessageId;
  const body = make('div', { class: 'body' }, [byline(row, message.userId === myId), contentOf(message)]);
  if (row.entry) body.append(fateOf(row, online));
  item.replaceChildren(...(head ? [markOf(message)] : []), body);
}

function byline({ message, time }, mine) {
  const author = make('bdi', { class: 'author' }, [message.username]);
  tint(author, message.userId);
  const when = make('time', { datetime: new Date(time).toISOString(), title: momentWords(time) }, [timeWords(time)]);
  return make('p', { class: 'byline' }, [author, ...(mine ? [' ', make('span', { class: 'you' }, ['you'])] : []), ' ', when]);
}

function contentOf(message) {
  if (message.mediaId !== undefined) return fileOf(message);
  if (message.html !== undefined) return make('div', { class: 'text rich', dir: 'auto' }, [serverHtml(message.html)]);
  return make('div', { class: isJumbo(message.content) ? 'text jumbo' : 'text', dir: 'auto' }, linked(message.content));
}

function fateOf({ state, entry }, online) {
  if (state !== 'failed') {
    const words = online ? 'Sending' : 'Waiting for the connection';
    return make('p', { class: 'fate' }, [make('span', { class: online ? 'fate-soon' : '' }, [words])]);
  }
  const act = (action, words, glyph) =>
    make('button', { type: 'button', class: 'fate-action', 'data-action': action, 'data-testid': action }, [icon(glyph), words]);
  return make('p', { class: 'fate', 'data-testid': 'failure' }, [
    make('span', { class: 'fate-words' }, [`Not sent. ${entry.reason ?? ''}`]),
    entry.hopeless ? act('edit', 'Edit', 'edit') : act('send-again', 'Send again', 'again'),
    act('discard', 'Discard', 'discard'),
  ]);
}
