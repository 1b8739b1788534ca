// Recording a voice note, in the place where one writes: how long, how loud; then listening to it, and sending it or not.

import { NoRecording, Recording } from '../link/recorder.js';
import { leftWords, noteName, problemWords } from '../model/recording.js';
import { clockOf } from '../model/sound.js';
import { BARS, barsPath } from './bars.js';
import { byId, icon, setText, svg } from './dom.js';
import { playerOf } from './player.js';

/** How often a bar is added, in milliseconds. */
const BAR_EVERY = 120;

export class RecorderView {
  #composer = byId('composer');
  #panel = byId('recorder');
  #body = byId('recorder-body');
  #status = byId('recorder-status');
  #discard = byId('recorder-discard');
  #stop = byId('recorder-stop');
  #send = byId('recorder-send');
  #wants;
  #room = null;
  #recording = null;
  #note = null;
  /** Grows with each attempt, so that a permission which comes late opens nothing. */
  #turn = 0;

  /** @param {{ send: (note: File) => void, done: () => void }} wants `done`: one may write again */
  constructor(wants) {
    this.#wants = wants;
    byId('record').addEventListener('click', () => void this.#begin());
    this.#discard.addEventListener('click', () => this.#close());
    this.#stop.addEventListener('click', () => this.#recording?.stop());
    this.#send.addEventListener('click', () => {
      const note = this.#note;
      this.#close();
      wants.send(note);
    });
  }

  /** Another room ends the recording: one sees where one is before it is sent. */
  render(chat) {
    if (this.#room !== null && this.#room !== chat.active) this.#recording?.stop();
    this.#room = chat.active;
  }

  async #begin() {
    const turn = (this.#turn += 1);
    this.#show('asking', 'Waiting for the microphone', []);
    this.#discard.focus();
    try {
      const recording = await Recording.begin();
      if (turn !== this.#turn) return recording.stop();
      this.#recording = recording;
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
      return;
    }
    this.#meter(this.#recording);
    this.#stop.focus();
    await this.#recording.ended;
    if (turn === this.#turn) this.#offer();
  }

  /** Bars come in from the right, and time passes. */
  #meter(recording) {
    const path = svg('path', { class: 'bars-played' });
    const bars = svg('svg', { class: 'bars', viewBox: `0 0 ${BARS} 1`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [path]);
    const clock = document.createElement('span');
    clock.className = 'player-time';
    clock.dataset.testid = 'recorder-time';
    this.#show('recording', 'Recording', [bars, clock]);
    const levels = Array.from({ length: BARS }, () => 0);
    const draw = () => {
      if (this.#recording !== recording || this.#panel.dataset.state !== 'recording') return clearInterval(timer);
      levels.shift();
      levels.push(recording.level());
      path.setAttribute('d', barsPath(levels));
      setText(clock, clockOf((Date.now() - recording.since) / 1000));
      setText(this.#status, leftWords(recording.since, Date.now()) || 'Recording');
    };
    const timer = setInterval(draw, BAR_EVERY);
    draw();
  }

  #offer() {
    const blob = this.#recording.note();
    const { ending, since } = this.#recording;
    this.#recording = null;
    if (blob === null) return this.#fail(new NoRecording('Short'));
    // Without the codec: it is the kind of file that the server asks for.
    this.#note = new File([blob], noteName(since, ending), { type: blob.type.split(';')[0] });
    const player = playerOf(this.#note, { name: 'Your voice note', size: blob.size });
    this.#show('ready', 'Not sent yet', [player]);
    this.#send.focus();
  }

  #fail(error) {
    this.#recording = null;
    this.#show('problem', problemWords(error instanceof NoRecording ? error.name : ''), []);
    this.#discard.focus();
  }

  #close() {
    this.#turn += 1;
    this.#recording?.stop();
    this.#recording = null;
    this.#note = null;
    this.#body.replaceChildren();
    this.#panel.hidden = true;
    this.#composer.classList.remove('recording');
    this.#wants.done();
  }

  #show(state, sentence, children) {
    this.#panel.dataset.state = state;
    this.#panel.hidden = false;
    this.#composer.classList.add('recording');
    this.#body.replaceChildren(...children);
    this.#stop.hidden = state !== 'recording';
    this.#send.hidden = state !== 'ready';
    const discards = state === 'ready' || state === 'recording';
    const words = discards ? 'Discard voice note' : 'Close';
    this.#discard.setAttribute('aria-label', words);
    this.#discard.title = words;
    this.#discard.replaceChildren(icon(discards ? 'discard' : 'close'));
    setText(this.#status, sentence);
  }
}
