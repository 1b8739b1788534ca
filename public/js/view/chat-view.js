// The whole chat page: hands what people do to the chat, and draws the chat's state once a frame.

import { randomId } from '../link/random-id.js';
import { refusalOf } from '../model/attachable.js';
import { AnnouncementsView } from './announcements.js';
import { AttachView } from './attach.js';
import { ComposerView } from './composer.js';
import { byId, setText } from './dom.js';
import { Drawers } from './drawers.js';
import { FileNotices } from './file-notices.js';
import { markOf } from './mark.js';
import { MessageLogView } from './message-log.js';
import { PeopleView } from './people.js';
import { RecorderView } from './recorder.js';
import { RoomListView } from './room-list.js';
import { StandingView } from './standing.js';
import { Viewer } from './viewer.js';

export class ChatView {
  #chat;
  #held;
  #run;
  #views;
  #composer;
  #log;
  #drawers = new Drawers();
  #viewer = new Viewer();
  #scheduled = false;

  /**
   * @param {import('../model/chat.js').Chat} chat
   * @param {import('../link/held-files.js').HeldFiles} held
   * @param {object} wants
   * @param {(step: Function) => void} wants.run takes steps of the chat
   * @param {() => void} wants.tryNow
   * @param {() => void} wants.signOut
   */
  constructor(chat, held, { run, tryNow, signOut }) {
    this.#chat = chat;
    this.#held = held;
    this.#run = run;
    this.#composer = new ComposerView({
      send: (text) => this.#send(text),
      typed: () => run((value, now) => value.typed(now)),
      stopped: () => run((value) => value.stoppedTyping()),
    });
    this.#log = new MessageLogView(held, {
      older: (room) => run((value) => value.loadOlder(room)),
      attend: (newest) => run((value) => value.attend({ newest })),
      sendAgain: (id) => this.#actAndWrite((value, now) => value.sendAgain(id, now)),
      discard: (id) => this.#actAndWrite((value) => value.discard(id)),
      edit: (id) => this.#edit(id),
      sendFileAgain: (id) => this.#actAndWrite((value, now) => value.files.again(id, now)),
      discardFile: (id) => this.#actAndWrite((value, now) => value.files.discard(id, now)),
      openPicture: (mediaId) => this.#viewer.open(this.#pictures(), mediaId),
      knock: (room) => run((value) => value.knock(room)),
    });
    const rooms = new RoomListView({
      select: (room) => this.#show((value) => value.select(room)),
      open: (room) => this.#show((value) => value.open(room)),
      leave: (room) => run((value) => value.leave(room)),
    });
    const standing = new StandingView({ tryNow });
    const announcements = new AnnouncementsView({ dismiss: (key) => this.#actAndWrite((value) => value.dismissAnnouncement(key)) });
    const attach = new AttachView({ attach: (files) => void this.#sendFiles(files) });
    const recorder = new RecorderView({ send: (note) => void this.#sendFiles([note]), done: () => this.#composer.focus() });
    const notices = new FileNotices({ dismiss: () => this.#actAndWrite((value) => value.files.dismissRefusals()) });
    this.#views = [rooms, standing, announcements, this.#log, new PeopleView(), this.#composer, attach, recorder, notices];
    byId('sign-out').addEventListener('click', signOut);
    this.#listen();
  }

  /** Shows the page in place of the way in. */
  enter() {
    byId('self-mark').replaceChildren(markOf(this.#chat.me));
    setText(byId('self-name'), this.#chat.me.username);
    byId('chat').hidden = false;
    this.#render();
    this.#composer.focus();
  }

  /** Something changed: draws with the next frame. */
  changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A hidden page has no frames; its title still tells what is unread.
    if (document.hidden) setTimeout(() => this.#render(), 50);
    else requestAnimationFrame(() => this.#render());
  }

  #render() {
    this.#scheduled = false;
    for (const view of this.#views) view.render(this.#chat);
  }

  #listen() {
    window.addEventListener('beforeunload', (event) => {
      // Files are in memory only: the browser asks.
      if (this.#chat.files.entries.some(({ state }) => state !== 'failed' && state !== 'taken')) event.preventDefault();
    });
    document.addEventListener('visibilitychange', () => {
      this.#run((chat) => chat.attend({ visible: !document.hidden }));
      // A frame that was asked for before the page was hidden has not come.
      this.#render();
    });
    document.addEventListener('keydown', (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#run((chat) => chat.selectNeighbour(step));
    });
  }

  #send(text) {
    this.#run((chat, now) => chat.send(text, randomId(), now));
    this.#log.toNewest();
  }

  /** To the room in view, whatever room is in view when they have been looked at. */
  async #sendFiles(files) {
    const room = this.#chat.active;
    const chosen = files.map((file) => ({ id: randomId(), file }));
    for (const { id, file } of chosen) this.#held.add(id, file);
    const described = await Promise.all(chosen.map(async ({ id, file }) => {
      const { name, type, size } = file;
      const isPicture = type.startsWith('image/') && refusalOf(file) === null;
      return { id, name, type, size, frame: isPicture ? await this.#held.frameOf(id) : null };
    }));
    this.#run((chat, now) => chat.sendFiles(room, described, now));
    this.#log.toNewest();
  }

  #pictures() {
    return this.#chat.activeRoom.timeline.messages.filter(({ mime }) => mime?.startsWith('image/'));
  }

  #show(step) {
    this.#drawers.close();
    this.#actAndWrite(step);
  }

  /** What was pressed may be gone once it has worked: the focus goes to where one writes. */
  #actAndWrite(step) {
    this.#run(step);
    this.#render();
    this.#composer.focus();
  }

  #edit(id) {
    const { content } = this.#chat.outgoing.entries.find((entry) => entry.id === id);
    this.#run((chat) => chat.discard(id));
    this.#composer.take(content);
  }
}
