// Rooms, nodes and workers as tables.

import { byId, make, reconcile, setAttribute, setText } from '../../view/dom.js';
import { count, uptimeWords } from '../model/figures.js';

/** Of each table: where its rows come from, what names a row, and its cells. */
const TABLES = {
  rooms: { rows: ({ rooms }) => rooms, name: ({ room }) => room, cells: ({ users }) => [count(users)] },
  nodes: {
    rows: ({ nodes }) => nodes,
    name: ({ node }) => node,
    cells: ({ connections, sockets, rooms, messagesPerSecond, deliveriesPerSecond, uptimeSeconds }) =>
      [...[connections, sockets, rooms, messagesPerSecond, deliveriesPerSecond].map(count), uptimeWords(uptimeSeconds)],
  },
  workers: {
    rows: ({ workers }) => workers,
    name: ({ worker }) => worker,
    cells: ({ partitions, rooms, lag }) => [partitions, rooms, lag].map(count),
  },
};

export class StatsTables {
  #elements = new Map(Object.keys(TABLES).map((table) => [table, new Map()]));
  #drawn = null;

  render({ stats }) {
    if (stats === null || stats === this.#drawn) return;
    this.#drawn = stats;
    for (const [table, { rows, name, cells }] of Object.entries(TABLES)) {
      const list = rows(stats);
      const how = { key: name, create: (row) => rowElement(table, name(row), cells(row).length), update: (element, row) => fill(element, cells(row)) };
      reconcile(byId(`${table}-rows`), list, how, this.#elements.get(table));
      byId(`${table}-none`).hidden = list.length > 0;
      byId(`${table}-table`).hidden = list.length === 0;
    }
  }
}

function rowElement(table, name, cells) {
  const head = make('th', { scope: 'row', title: name }, [make('bdi', {}, [name])]);
  const row = make('tr', { 'data-testid': `${table}-row` }, [head, ...Array.from({ length: cells }, () => make('td'))]);
  setAttribute(row, 'data-name', name);
  return row;
}

function fill(row, cells) {
  for (const [at, words] of cells.entries()) setText(row.children[at + 1], words);
}
