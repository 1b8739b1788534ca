// How things stand: the room's name, the connection in words, who types, what an administrator announces.

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
  #announcement = byId('announcement');
  #announcementWords = byId('announcement-words');
  #announcementSender = byId('announcement-sender');
  #alert = byId('alert');
  #roomsButton = byId('show-rooms');
  #elsewhere = byId('unread-elsewhere');
  #announced = null;
  #warned = null;

  /** @param {{ tryNow: () => void, dismiss: () => void }} wants */
  constructor({ tryNow, dismiss }) {
    this.#tryNow.addEventListener('click', tryNow);
    byId('announcement-close').addEventListener('click', dismiss);
  }

  render(chat) {
    const room = chat.activeRoom;
    setText(this.#title, room?.name ?? 'Starling');
    setAttribute(this.#log, 'aria-label', room ? `Messages in ${room.name}` : 'Messages');
    setText(this.#here, room && room.presence.count > 0 ? `${room.presence.count.toLocaleString('en')} here` : '');
    this.#renderLink(chat.link);
    this.#renderTyping(room);
    this.#renderAnnouncement(chat.announcement);
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
    setText(this.#stripWords, advice);
    this.#tryNow.hidden = link.phase !== 'offline' && link.phase !== 'ended';
    setText(this.#tryNow, link.phase === 'ended' ? 'Reconnect' : 'Try now');
  }

  #renderTyping(room) {
    const words = room ? typingWords(room.typers) : '';
    this.#typing.classList.toggle('someone', words !== '');
    setText(this.#typingWords, words);
  }

  #renderAnnouncement(announcement) {
    if (announcement === this.#announced) return;
    this.#announced = announcement;
    this.#announcement.hidden = announcement === null;
    setText(this.#announcementWords, announcement?.content ?? '');
    setText(this.#announcementSender, announcement?.sender ?? '');
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
