// How things stand: the room's name, the connection in words, who types.

import { linkAdvice, linkName, linkWords } from '../model/link-state.js';
import { typingWords } from '../model/typing.js';
import { byId, setAttribute, setText } from './dom.js';

export class StandingView {
  #page = byId('chat');
  #title = byId('room-title');
  #log = byId('log');
  #connection = byId('connection');
  #connectionWords = byId('connection-words');
  #here = byId('here');
  #strip = byId('strip');
  #stripWords = byId('strip-words');
  #tryNow = byId('try-now');
  #typing = byId('typing');
  #typingWords = byId('typing-words');
  #alert = byId('alert');
  #roomsButton = byId('show-rooms');
  #elsewhere = byId('unread-elsewhere');
  #warned = null;

  /** @param {{ tryNow: () => void }} wants */
  constructor({ tryNow }) {
    this.#tryNow.addEventListener('click', tryNow);
  }

  render(chat) {
    const room = chat.activeRoom;
    setText(this.#title, room?.name ?? 'Starling');
    setAttribute(this.#log, 'aria-label', room ? `Messages in ${room.name}` : 'Messages');
    setText(this.#here, room && room.presence.count > 0 ? `${room.presence.count.toLocaleString('en')} here` : '');
    this.#renderLink(chat.link);
    this.#renderTyping(room);
    this.#renderUnread(chat);
    if (chat.alert !== this.#warned) setText(this.#alert, chat.alert?.text ?? '');
    this.#warned = chat.alert;
  }

  #renderLink(link) {
    const name = linkName(link);
    this.#page.dataset.link = name;
    this.#connection.dataset.state = name;
    setText(this.#connectionWords, linkWords(link));
    const advice = linkAdvice(link);
    this.#strip.hidden = advice === '';
    this.#strip.classList.toggle('sent-away', link.why !== '');
    setText(this.#stripWords, advice);
    this.#tryNow.hidden = link.phase !== 'offline' && link.phase !== 'ended';
    setText(this.#tryNow, link.phase === 'ended' ? 'Try again' : 'Try now');
  }

  #renderTyping(room) {
    const words = room ? typingWords(room.typers) : '';
    this.#typing.classList.toggle('someone', words !== '');
    setText(this.#typingWords, words);
  }

  #renderUnread(chat) {
    const rooms = [...chat.rooms.values()];
    const all = rooms.reduce((sum, room) => sum + room.unread.count, 0);
    const elsewhere = rooms.some((room) => room.name !== chat.active && room.unread.count > 0);
    this.#elsewhere.hidden = !elsewhere;
    this.#roomsButton.setAttribute('aria-label', elsewhere ? 'Rooms, some with unread messages' : 'Rooms');
    const title = `${all > 0 ? `(${all}) ` : ''}${chat.active ?? 'No room'} · Starling`;
    if (document.title !== title) document.title = title;
  }
}
