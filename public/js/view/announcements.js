// The banners of what administrators announce, above every room.

import { momentWords, timeWords } from '../model/clock-words.js';
import { byId, icon, make, reconcile } from './dom.js';
import { linked } from './link.js';

export class AnnouncementsView {
  #frame = byId('announcements');
  #elements = new Map();
  #drawn = null;
  #dismiss;

  /** @param {{ dismiss: (key: string) => void }} wants */
  constructor({ dismiss }) {
    this.#dismiss = dismiss;
  }

  render({ announcements }) {
    if (announcements === this.#drawn) return;
    this.#drawn = announcements;
    // The newest is the one to be seen first.
    reconcile(this.#frame, announcements.toReversed(), { key: ({ key }) => key, create: (one) => this.#create(one), update: () => {} }, this.#elements);
  }

  #create({ key, content, timestamp, sender }) {
    const time = Date.parse(timestamp);
    const close = make('button', { type: 'button', class: 'quiet-button', 'aria-label': 'Dismiss announcement' }, [icon('close')]);
    close.addEventListener('click', () => this.#dismiss(key));
    return make('div', { class: 'announcement', 'data-testid': 'announcement' }, [
      icon('announce'),
      make('div', { class: 'announcement-body' }, [
        make('p', { class: 'announcement-head' }, [
          'Announcement from ',
          make('bdi', {}, [sender]),
          make('time', { datetime: timestamp, title: momentWords(time) }, [timeWords(time)]),
        ]),
        make('p', { class: 'announcement-words' }, linked(content)),
      ]),
      close,
    ]);
  }
}
