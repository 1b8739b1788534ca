// The figures at the top: numbers, what they mean, and the lines of the two rates.

import { clockWords } from '../../model/clock-words.js';
import { byId, setAttribute, setText } from '../../view/dom.js';
import { count, lagWords, partitionsMissing, partitionWords, PARTITIONS } from '../model/figures.js';
import { HEIGHT, ratePath, rateWords, WIDTH } from '../model/rates.js';

export class FiguresView {
  #drawn = null;

  constructor() {
    for (const rate of ['messages', 'deliveries']) setAttribute(byId(`${rate}-line`), 'viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  }

  render({ stats, statsAt, samples }) {
    // A clock that runs shows that the figures are fresh.
    setText(byId('as-of-words'), statsAt === null ? 'Not counted yet' : 'As of ');
    setText(byId('as-of-time'), statsAt === null ? '' : clockWords(statsAt));
    if (stats === null || stats === this.#drawn) return;
    this.#drawn = stats;
    for (const [name, value] of Object.entries({
      connections: count(stats.connections),
      sockets: count(stats.sockets),
      messages: count(stats.messagesPerSecond),
      deliveries: count(stats.deliveriesPerSecond),
      lag: count(stats.lag),
      partitions: `${count(stats.partitions)} of ${PARTITIONS}`,
    })) setText(byId(`figure-${name}`), value);
    setText(byId('lag-words'), lagWords(stats));
    setText(byId('partitions-words'), partitionWords(stats));
    byId('partitions-tile').classList.toggle('alarming', partitionsMissing(stats));
    for (const rate of ['messages', 'deliveries']) {
      const line = byId(`${rate}-line`);
      line.firstElementChild.setAttribute('d', ratePath(samples, rate));
      setAttribute(line, 'aria-label', rateWords(samples, rate));
      setText(byId(`${rate}-words`), rateWords(samples, rate));
    }
  }
}
