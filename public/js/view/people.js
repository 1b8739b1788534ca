// Who is here, as a list and as a small flock of as many birds.

import { roll } from '../model/presence.js';
import { byId, make, reconcile, setText } from './dom.js';
import { Flock } from './flock.js';
import { markOf } from './mark.js';

/** How long the flock flies when someone comes or goes, in milliseconds. */
const FLIGHT = 4_000;
const MOST_BIRDS = 240;

export class PeopleView {
  #list = byId('people-list');
  #count = byId('people-count');
  #more = byId('people-more');
  #flock = new Flock(byId('people-flock'), { count: 0, size: 6, reach: [0.26, 0.25], speed: 1.6 });
  #elements = new Map();
  #drawn = null;
  #landing = null;

  render(chat) {
    const presence = chat.activeRoom?.presence ?? null;
    if (presence === this.#drawn) return;
    const changed = this.#drawn !== null && presence !== null;
    this.#drawn = presence;
    const { people, unnamed } = presence ? roll(presence, chat.me) : { people: [], unnamed: 0 };
    setText(this.#count, presence && presence.count > 0 ? presence.count.toLocaleString('en') : '');
    setText(this.#more, unnamed > 0 ? `and ${unnamed.toLocaleString('en')} more` : '');
    this.#more.hidden = unnamed === 0;
    reconcile(this.#list, people, { key: ({ userId }) => userId, create, update }, this.#elements);
    this.#fill(Math.min(presence?.count ?? 0, MOST_BIRDS));
    if (changed) this.#flyForAMoment();
  }

  /** The more birds, the smaller each of them. */
  #fill(birds) {
    this.#flock.setCount(birds, 6 / (1 + birds / 40) ** 0.6);
  }

  #flyForAMoment() {
    this.#flock.fly();
    clearTimeout(this.#landing);
    this.#landing = setTimeout(() => this.#flock.pause(), FLIGHT);
  }
}

function create(person) {
  return make('li', { class: 'person', 'data-testid': 'person', 'data-user-id': person.userId }, [
    markOf(person),
    make('bdi', { class: 'person-name' }),
    make('span', { class: 'you' }),
  ]);
}

function update(element, { userId, username, me }) {
  const [, name, you] = element.children;
  setText(name, username);
  // What an administrator needs to name someone, as names are not unique.
  name.title = `${username} (user id ${userId})`;
  setText(you, me ? 'you' : '');
}
