// What stands around the messages: older ones, an empty or refused room, the way to the newest message.

import { byId, setText } from './dom.js';

export class LogNotices {
  #older = byId('older');
  #olderWords = byId('older-words');
  #olderButton = byId('older-button');
  #blank = byId('blank');
  #blankTitle = byId('blank-title');
  #blankWords = byId('blank-words');
  #knock = byId('knock');
  #jump = byId('jump');
  #jumpWords = byId('jump-words');

  /** @param {{ jump: () => void, older: () => void, knock: () => void }} wants */
  constructor({ jump, older, knock }) {
    this.#jump.addEventListener('click', jump);
    this.#olderButton.addEventListener('click', older);
    this.#knock.addEventListener('click', knock);
  }

  render(chat, { pinned, empty }) {
    const room = chat.activeRoom;
    this.#renderOlder(room, empty);
    this.#renderBlank(room, blankState(room, chat.link, empty));
    const { count } = room?.unread ?? { count: 0 };
    this.#jump.hidden = pinned || empty;
    setText(this.#jumpWords, count === 0 ? 'Jump to newest' : `${count} new ${count === 1 ? 'message' : 'messages'}`);
  }

  #renderOlder(room, empty) {
    this.#older.hidden = room === null || empty;
    if (this.#older.hidden) return;
    const { older, timeline } = room;
    const state = timeline.more ? older : 'beginning';
    this.#older.dataset.state = state;
    this.#olderButton.hidden = state === 'loading' || state === 'beginning';
    setText(this.#olderButton, state === 'failed' ? 'Try again' : 'Load older messages');
    const words = {
      idle: '',
      loading: 'Loading older messages',
      failed: 'Older messages could not be loaded.',
      beginning: `This is where ${room.name} begins.`,
    };
    setText(this.#olderWords, words[state]);
  }

  #renderBlank(room, state) {
    this.#blank.hidden = state === null;
    if (state === null) return;
    this.#blank.dataset.state = state;
    const [title, words] = {
      none: () => ['No room is open', 'Join one from the list of rooms, or make a new one by giving it a name.'],
      refused: () => [`You cannot enter ${room.name}`, room.refusal],
      away: () => ['Not connected', ''],
      joining: () => [`Joining ${room.name}`, ''],
      in: () => [`${room.name} is quiet`, 'Nobody has written here yet. Say the first thing.'],
    }[state]();
    setText(this.#blankTitle, title);
    setText(this.#blankWords, words);
    this.#knock.hidden = state !== 'refused';
  }
}

/** What stands in place of messages, or null where there are some. */
function blankState(room, link, empty) {
  if (room === null) return 'none';
  if (room.phase === 'refused') return 'refused';
  if (!empty) return null;
  return room.phase === 'joining' && link.phase === 'ended' ? 'away' : room.phase;
}
