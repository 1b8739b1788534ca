// One row of messages as an element: who, when, what, and, while it is one's own and unsent, what becomes of it.

import { momentWords, timeWords } from '../model/clock-words.js';
import { isJumbo } from '../model/plain-text.js';
import { icon, make, reconcile } from './dom.js';
import { fileOf, fileOnItsWay } from './file.js';
import { updateProgress } from './file-progress.js';
import { linked } from './link.js';
import { markOf, tint } from './mark.js';
import { serverHtml } from './server-html.js';

/** @typedef {{ myId: string, online: boolean, held: import('../link/held-files.js').HeldFiles }} Reader */

const tiles = new WeakMap();

/** What is different when a row has to be drawn again; the progress of a file is not part of it. */
export function signatureOf(row, online) {
  if (row.kind === 'album') return ['album', row.head, row.time].join('|');
  const { message, state, head, entry } = row;
  if (isFile(entry)) return ['file', state === 'failed', head, entry.reason].join('|');
  return [state, head, message.seq, message.html !== undefined, entry?.reason, entry && online].join('|');
}

/**
 * Draws a row of messages into its list item.
 * @param {HTMLLIElement} item
 * @param {import('../model/rows.js').Row} row
 * @param {Reader} reader
 */
export function drawMessage(item, row, reader) {
  const { message, state, head } = row;
  const mine = message.userId === reader.myId;
  const album = row.kind === 'album';
  item.className = `message ${head ? 'head' : 'follow'} ${album ? 'with-album' : state}`;
  item.dataset.testid = album ? 'album' : 'message';
  if (album) unmark(item);
  else mark(item, row, mine);
  const shown = album ? albumOf(item) : contentOf(item, row, reader);
  const body = make('div', { class: 'body' }, [byline(row, mine), shown]);
  if (row.entry && !(isFile(row.entry) && state !== 'failed')) body.append(fateOf(row, reader.online));
  item.replaceChildren(...(head ? [markOf(message)] : []), body);
}

/** What changes without the row being drawn again: the pictures of an album, and how far a file is. */
export function updateMessage(item, row, reader) {
  if (row.kind === 'album') drawTiles(item.querySelector('.album'), row.pictures, reader);
  else if (isFile(row.entry) && row.state !== 'failed') updateProgress(item.querySelector('.progress'), row, reader.online);
}

function drawTiles(album, rows, reader) {
  const create = () => make('div', { class: 'tile', 'data-testid': 'tile' });
  const update = (tile, row) => {
    const signature = signatureOf(row, reader.online);
    if (tile.dataset.drawn !== signature) {
      tile.dataset.drawn = signature;
      mark(tile, row, row.message.userId === reader.myId);
      tile.replaceChildren(contentOf(tile, row, reader));
    }
    updateMessage(tile, row, reader);
  };
  reconcile(album, rows, { key: ({ key }) => key, create, update }, tiles.get(album));
}

/** Kept while the album is, and with it the tiles. */
function albumOf(item) {
  const album = item.querySelector('.album') ?? make('div', { class: 'album' });
  if (!tiles.has(album)) tiles.set(album, new Map());
  return album;
}

/** For tests, and for the buttons within. */
function mark(element, { message, state, entry }, mine) {
  element.dataset.state = ['stored', 'failed'].includes(state) ? state : 'pending';
  if (message.seq !== undefined) element.dataset.seq = String(message.seq);
  if (message.clientMessageId !== undefined && mine) element.dataset.clientMessageId = message.clientMessageId;
  if (isFile(entry)) element.dataset.fileId = entry.id;
  else delete element.dataset.fileId;
}

/** The tiles of an album have marks of their own. */
function unmark({ dataset }) {
  for (const name of ['state', 'seq', 'clientMessageId', 'fileId']) delete dataset[name];
}

function isFile(entry) {
  return entry?.filename !== undefined;
}

function byline({ message, time }, mine) {
  const author = make('bdi', { class: 'author' }, [message.username]);
  tint(author, message.userId);
  const when = make('time', { datetime: new Date(time).toISOString(), title: momentWords(time) }, [timeWords(time)]);
  return make('p', { class: 'byline' }, [author, ...(mine ? [' ', make('span', { class: 'you' }, ['you'])] : []), ' ', when]);
}

function contentOf(item, row, reader) {
  const { message, entry } = row;
  if (isFile(entry)) return make('div', { class: 'file' }, [fileOnItsWay(row, reader.held.urlOf(entry.id), reader.online)]);
  if (message.mediaId !== undefined) return storedFile(item, message, reader);
  if (message.html !== undefined) return make('div', { class: 'text rich', dir: 'auto' }, [serverHtml(message.html)]);
  return make('div', { class: isJumbo(message.content) ? 'text jumbo' : 'text', dir: 'auto' }, linked(message.content));
}

/** A file that is shown already stays: it may be playing. */
function storedFile(item, message, { held }) {
  const shown = [...item.querySelectorAll('.file')].find((file) => file.dataset.shows === message.mediaId);
  return shown ?? make('div', { class: 'file', 'data-shows': message.mediaId }, [fileOf(message, held.urlOfSent(message.mediaId))]);
}

function fateOf({ state, entry }, online) {
  if (state !== 'failed') {
    const words = online ? 'Sending' : 'Waiting for the connection';
    return make('p', { class: 'fate' }, [make('span', { class: online ? 'fate-soon' : '' }, [words])]);
  }
  const file = isFile(entry);
  const act = (action, words, glyph) =>
    make('button', { type: 'button', class: 'fate-action', 'data-action': file ? `${action}-file` : action, 'data-testid': action }, [icon(glyph), words]);
  const [remedy] = entry.hopeless ? (file ? [] : [act('edit', 'Edit', 'edit')]) : [act('send-again', 'Send again', 'again')];
  return make('p', { class: 'fate', 'data-testid': 'failure' }, [
    make('span', { class: 'fate-words' }, [`${file ? `${entry.filename} was not sent.` : 'Not sent.'} ${entry.reason ?? ''}`]),
    ...(remedy ? [remedy] : []),
    act('discard', 'Discard', 'discard'),
  ]);
}
