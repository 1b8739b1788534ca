// A sound in the page: play and pause, where one is, how long it is. One plays at a time.

import { save } from '../link/download.js';
import { openSound } from '../link/sound-source.js';
import { savedName } from '../model/attachable.js';
import { clockOf, spokenTime } from '../model/sound.js';
import { barsPath, BARS } from './bars.js';
import { icon, make, setAttribute, setText, svg } from './dom.js';

/** Sounds up to this size, in bytes, are fetched when they come into view, so that their length is known. */
const FETCH_EARLY = 1024 * 1024;
/** Sounds that are kept ready. */
const READY = 30;
/** Steps of the slider in a second. */
const STEPS = 10;
/** A browser that has not told the length of a sound by then does not know it, in milliseconds. */
const MEASURED_WITHIN = 3_000;

const ready = new Map();
const views = new WeakMap();
let playing = null;

const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) void views.get(target)?.prepare();
});

/**
 * @param {string | Blob} source
 * @param {object} how
 * @param {string} how.name what it is called
 * @param {boolean} [how.named] whether the name is shown
 * @param {number} how.size in bytes
 * @param {object} [how.save] the message, where it can be saved
 */
export function playerOf(source, how) {
  const player = new Player(source, how);
  views.set(player.element, player);
  if (how.size <= FETCH_EARLY) inView.observe(player.element);
  return player.element;
}

class Player {
  #source;
  #name;
  #audio = null;
  #loading = null;
  #seconds = Number.NaN;
  #toggle = make('button', { type: 'button', class: 'player-toggle', 'data-testid': 'play', 'aria-label': 'Play' }, [icon('play')]);
  #rest = svg('path', { class: 'bars-rest', d: barsPath([]) });
  #played = svg('path', { class: 'bars-played', d: barsPath([]) });
  #bars = svg('svg', { class: 'bars', viewBox: `0 0 ${BARS} 1`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [this.#rest, this.#played]);
  #position = make('input', { type: 'range', class: 'player-position', min: 0, max: 1, value: 0, disabled: true, 'aria-label': 'Position', 'data-testid': 'position' });
  #time = make('span', { class: 'player-time', 'data-testid': 'player-time' }, ['']);
  #problem = make('p', { class: 'player-problem', role: 'status' });

  constructor(source, { name, named = false, save: message }) {
    this.#source = source;
    this.#name = name;
    const track = make('div', { class: 'player-track' }, [this.#bars, this.#position]);
    this.element = make('div', { class: 'player', role: 'group', 'aria-label': name, 'data-testid': 'player', 'data-state': 'idle' }, [
      ...(named ? [make('p', { class: 'player-name' }, [name])] : []),
      this.#toggle,
      track,
      this.#time,
      ...(message ? [saveButton(message, name)] : []),
      this.#problem,
    ]);
    this.#toggle.addEventListener('click', () => void this.#pressed());
    this.#position.addEventListener('input', () => this.#moveTo(Number(this.#position.value) / STEPS));
  }

  /** Fetches and measures it. @returns {Promise<boolean>} whether it can be played */
  async prepare() {
    inView.unobserve(this.element);
    if (this.#audio) return true;
    this.#loading ??= readySound(this.#source).then((sound) => this.#load(sound));
    try {
      await this.#loading;
    } catch {
      this.#fail();
    }
    // It may have failed since.
    return this.#audio !== null;
  }

  pause() {
    this.#audio?.pause();
  }

  async #load({ src, seconds, bars }) {
    const audio = new Audio();
    audio.preload = 'auto';
    audio.src = src;
    const whileHere = (act) => () => this.#audio === audio && act();
    audio.addEventListener('error', whileHere(() => this.#fail()));
    audio.addEventListener('play', whileHere(() => this.#show('playing')));
    audio.addEventListener('pause', whileHere(() => this.#show('paused')));
    audio.addEventListener('ended', whileHere(() => this.#moveTo(0)));
    const measured = await measure(audio);
    this.#seconds = Number.isFinite(seconds) ? seconds : measured;
    if (bars) for (const path of [this.#rest, this.#played]) path.setAttribute('d', barsPath(bars));
    this.#position.max = String(Math.max(1, Math.floor(this.#seconds * STEPS) || 1));
    this.#position.disabled = !Number.isFinite(this.#seconds);
    setAttribute(this.element, 'aria-label', `${this.#name}, ${spokenTime(this.#seconds)}`);
    this.#audio = audio;
    this.#show('paused');
  }

  async #pressed() {
    if (this.#audio && !this.#audio.paused) return this.#audio.pause();
    if (!this.#audio) this.element.dataset.state = 'loading';
    if (!(await this.prepare())) return;
    if (playing !== this) playing?.pause();
    playing = this;
    // Refused where the browser wants a press of its own for sound: the next one is.
    await this.#audio.play().catch(() => this.#audio && this.#show('paused'));
    this.#follow();
  }

  /** While it plays, with every frame; it falls silent when it is no longer on the page. */
  #follow() {
    if (this.#audio?.paused !== false) return;
    if (!this.element.isConnected) return this.#audio.pause();
    this.#drawPosition();
    requestAnimationFrame(() => this.#follow());
  }

  #moveTo(seconds) {
    this.#audio.currentTime = seconds;
    this.#drawPosition();
  }

  #show(state) {
    this.element.dataset.state = state;
    setText(this.#problem, '');
    setAttribute(this.#toggle, 'aria-label', state === 'playing' ? 'Pause' : 'Play');
    this.#toggle.replaceChildren(icon(state === 'playing' ? 'pause' : 'play'));
    this.#drawPosition();
  }

  #drawPosition() {
    const { currentTime } = this.#audio;
    const part = Number.isFinite(this.#seconds) ? Math.min(1, currentTime / this.#seconds) : 0;
    this.#played.style.clipPath = `inset(-1px ${(1 - part) * 100}% -1px -1px)`;
    const at = String(Math.round(currentTime * STEPS));
    if (this.#position.value !== at) this.#position.value = at;
    setAttribute(this.#position, 'aria-valuetext', `${spokenTime(currentTime)} of ${spokenTime(this.#seconds)}`);
    const begun = currentTime > 0;
    setText(this.#time, clockOf(begun ? currentTime : this.#seconds));
  }

  #fail() {
    forget(this.#source);
    this.#loading = null;
    this.element.dataset.state = 'broken';
    this.#audio = null;
    this.#toggle.replaceChildren(icon('again'));
    setAttribute(this.#toggle, 'aria-label', 'Try again');
    setText(this.#problem, `${this.#name} did not load.`);
  }
}

/** Opened once, however often it is drawn. */
function readySound(source) {
  if (!ready.has(source)) {
    ready.set(source, openSound(source, BARS));
    forgetOldest();
  }
  return ready.get(source);
}

function forgetOldest() {
  if (ready.size <= READY) return;
  forget(ready.keys().next().value);
}

/** A player that has it goes on with what it has loaded. */
function forget(source) {
  const opening = ready.get(source);
  ready.delete(source);
  void opening?.then(({ src }) => src.startsWith('blob:') && URL.revokeObjectURL(src)).catch(() => {});
}

/** What a browser recorded does not say how long it is, until one has been at its end. */
function measure(audio) {
  return new Promise((resolve, reject) => {
    const done = () => {
      if (!Number.isFinite(audio.duration)) return;
      // It may change once more, while it is played.
      audio.removeEventListener('durationchange', done);
      clearTimeout(timer);
      if (audio.currentTime !== 0) audio.currentTime = 0;
      resolve(audio.duration);
    };
    const timer = setTimeout(() => resolve(Number.NaN), MEASURED_WITHIN);
    audio.addEventListener('durationchange', done);
    audio.addEventListener('error', () => reject(new Error('the browser cannot play it')), { once: true });
    audio.addEventListener('loadedmetadata', () => {
      if (!Number.isFinite(audio.duration)) audio.currentTime = 1e9;
    });
  });
}

function saveButton(message, name) {
  const words = `Save ${name}`;
  const button = make('button', { type: 'button', class: 'player-save', 'aria-label': words, title: words }, [icon('download')]);
  button.addEventListener('click', async () => {
    if (!(await save(message.url, savedName(message)))) window.open(message.url, '_blank', 'noopener');
  });
  return button;
}
