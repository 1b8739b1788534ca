// Members of rooms, some of whom talk: how long a message takes to its sender's ack and to every member, and
// whether each came once, in order.
//
//   ROOMS=20 ROOM_SIZE=25 SENDERS=2 RATE=1 SECONDS=30 LATENCY_LIMIT=500
//
// RATE counts messages a second of each sender, SENDERS counts senders a room. The load is an open loop: a
// message is due at its time, whatever became of the others, and all times count from then.

import exec from 'k6/execution';

import { Member } from './lib/member.js';
import { ackTime, deliveryTime, dropped, nothingLost, thresholds } from './lib/metrics.js';
import { summaryOf, summaryTrendStats } from './lib/summary.js';
import { newRun, nodeOf, number } from './lib/target.js';

const rooms = number('ROOMS', 20);
const size = number('ROOM_SIZE', 25);
const senders = Math.min(size, number('SENDERS', 2));
const rate = number('RATE', 1);
const seconds = number('SECONDS', 30);
const limit = number('LATENCY_LIMIT', 500);
const clients = rooms * size;
const each = rate * seconds;

export const options = {
  scenarios: { members: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${seconds + 150}s` } },
  thresholds: thresholds(
    ...nothingLost(clients, senders * each),
    [dropped, 'count==0'],
    [ackTime, `p(95)<${limit}`],
    [deliveryTime, `p(95)<${limit}`],
  ),
  summaryTrendStats,
};

export const setup = () => newRun('fan-out');

export default async function (run) {
  const index = exec.vu.idInTest - 1;
  const room = `${run}-${Math.floor(index / size)}`;
  const member = new Member({ name: `${run}-u${index}`, node: nodeOf(index), room, size, senders, each, interval: 1000 / rate });
  await member.enter();
  await member.full();
  if (index % size < senders) await member.talk();
  await member.end();
}

export const handleSummary = summaryOf('fan-out');
