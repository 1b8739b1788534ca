// The log of the active room: draws its rows, and keeps the reader's place while they change.

import { dayOf, dayWords } from '../model/clock-words.js';
import { rowsOf } from '../model/rows.js';
import { byId, make, reconcile } from './dom.js';
import { LogNotices } from './log-notices.js';
import { drawMessage, signatureOf, updateMessage } from './message.js';
import { LogScroll } from './log-scroll.js';

/** So close to the top, in pixels, older messages are asked for. */
const OLDER_WITHIN = 500;
/** More new rows at once than this are not read out one by one. */
const READ_OUT = 8;

export class MessageLogView {
  #log = byId('log');
  #list = byId('messages');
  #notices;
  #scroll;
  #wants;
  #elements = new Map();
  #signatures = new WeakMap();
  #room = null;
  #drawn = [];
  #held;

  /**
   * @param {import('../link/held-files.js').HeldFiles} held
   * @param {object} wants what a person can want here
   * @param {(room: string) => void} wants.older
   * @param {(newest: boolean) => void} wants.attend told whether the newest message is in view
   * @param {(id: string) => void} wants.sendAgain
   * @param {(id: string) => void} wants.discard
   * @param {(id: string) => void} wants.edit
   * @param {(id: string) => void} wants.sendFileAgain
   * @param {(id: string) => void} wants.discardFile
   * @param {(mediaId: string) => void} wants.openPicture
   * @param {(room: string) => void} wants.knock
   */
  constructor(held, wants) {
    this.#held = held;
    this.#wants = wants;
    this.#scroll = new LogScroll(this.#log, this.#list, () => this.#moved());
    this.#notices = new LogNotices({
      jump: () => this.toNewest(),
      older: () => wants.older(this.#room.name),
      knock: () => wants.knock(this.#room.name),
    });
    this.#list.addEventListener('click', ({ target }) => this.#pressed(target.closest('button[data-action]')));
  }

  render(chat) {
    const room = chat.activeRoom;
    const switched = room !== this.#room;
    if (switched) this.#leave(room);
    if (room) this.#draw(room, chat, switched);
    this.#report(chat);
    this.#notices.render(chat, { pinned: this.#scroll.pinned, empty: this.#elements.size === 0 });
    this.#loadOlder();
  }

  #pressed(button) {
    const within = (part) => button.closest(`[data-${part}]`);
    switch (button?.dataset.action) {
      case 'send-again':
        return this.#wants.sendAgain(within('client-message-id').dataset.clientMessageId);
      case 'discard':
        return this.#wants.discard(within('client-message-id').dataset.clientMessageId);
      case 'edit':
        return this.#wants.edit(within('client-message-id').dataset.clientMessageId);
      case 'send-again-file':
        return this.#wants.sendFileAgain(within('file-id').dataset.fileId);
      case 'discard-file':
        return this.#wants.discardFile(within('file-id').dataset.fileId);
      case 'open-picture':
        return this.#wants.openPicture(within('media-id').dataset.mediaId);
      default:
        return undefined;
    }
  }

  toNewest() {
    this.#scroll.toNewest();
    this.#moved();
  }

  #leave(next) {
    if (this.#room) this.#scroll.keep(this.#room.name);
    this.#room = next;
    this.#drawn = [];
    this.#elements.clear();
    this.#list.replaceChildren();
  }

  #draw(room, chat, switched) {
    const online = chat.link.phase === 'connected';
    const inputs = [room.timeline, room.unread.marker, chat.outgoing.entries, chat.files.entries, online, dayOf(Date.now())];
    if (!switched && inputs.every((input, index) => input === this.#drawn[index])) return;
    this.#drawn = inputs;
    const unsent = [...chat.outgoing.of(room.name), ...chat.files.of(room.name)];
    const rows = rowsOf(room, unsent, chat.me, dayOf, (mediaId) => chat.files.nameOf(mediaId));
    const reader = { myId: chat.me.userId, online, held: this.#held };
    const fresh = this.#elements.size === 0;
    this.#quietly(fresh || this.#isBulk(rows), () => this.#scroll.around(() => this.#place(rows, reader)));
    if (fresh && rows.length > 0) this.#scroll.arrive(room.name, this.#elements.get('new'));
  }

  #place(rows, reader) {
    const update = (element, row) => this.#update(element, row, reader);
    reconcile(this.#list, rows, { key: ({ key }) => key, create: ({ kind }) => createRow(kind), update }, this.#elements);
  }

  #update(element, row, reader) {
    const isMessage = row.kind === 'message' || row.kind === 'album';
    const signature = isMessage ? signatureOf(row, reader.online) : wordsOf(row);
    if (this.#signatures.get(element) !== signature) {
      this.#signatures.set(element, signature);
      if (isMessage) drawMessage(element, row, reader);
      else element.replaceChildren(make('span', {}, [signature]));
    }
    if (isMessage) updateMessage(element, row, reader);
  }

  /** New rows at the end are news; many at once, or rows at the beginning, are not. */
  #isBulk(rows) {
    const fresh = rows.filter(({ key }) => !this.#elements.has(key));
    return fresh.length > READ_OUT || (fresh.length > 0 && fresh[0] === rows[0]);
  }

  /** A live region tells every change; what is only drawn anew should not be read out. */
  #quietly(quiet, draw) {
    if (!quiet) return draw();
    this.#log.setAttribute('aria-live', 'off');
    draw();
    setTimeout(() => this.#log.setAttribute('aria-live', 'polite'), 500);
  }

  #report(chat) {
    const newest = this.#room !== null && this.#room.phase === 'in' && this.#scroll.pinned;
    if (newest !== chat.attention.newest) this.#wants.attend(newest);
  }

  #moved() {
    if (!this.#room) return;
    this.#wants.attend(this.#room.phase === 'in' && this.#scroll.pinned);
    this.#loadOlder();
  }

  #loadOlder() {
    const room = this.#room;
    if (room && room.timeline.more && room.older === 'idle' && this.#log.scrollTop < OLDER_WITHIN) this.#wants.older(room.name);
  }
}

function createRow(kind) {
  return make('li', { class: kind === 'message' || kind === 'album' ? 'message' : `divider ${kind}` });
}

function wordsOf({ kind, time }) {
  if (kind === 'day') return dayWords(time, Date.now());
  return kind === 'new' ? 'New' : 'Older messages here are no longer kept';
}
