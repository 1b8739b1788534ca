// Everybody drops their connection at once, again and again, while messages are said, and comes back with
// the position they have reached: how long until all is made up for, and whether anything is lost.
//
//   ROOMS=20 ROOM_SIZE=25 SENDERS=1 RATE=2 DROPS=3 EVERY=10 SPREAD=100 RECOVERY_LIMIT=5000
//
// A drop comes at each full EVERY seconds of the clock, for all who are back. SPREAD is the longest time, in
// milliseconds, for which a client waits before it comes back; senders drop as well.

import exec from 'k6/execution';

import { Member } from './lib/member.js';
import { dropped, incomplete, nothingLost, recovered, recoveryTime, thresholds } from './lib/metrics.js';
import { summaryOf, summaryTrendStats } from './lib/summary.js';
import { newRun, nodeOf, number, until } from './lib/target.js';

const rooms = number('ROOMS', 20);
const size = number('ROOM_SIZE', 25);
const senders = Math.min(size, number('SENDERS', 1));
const rate = number('RATE', 2);
const drops = number('DROPS', 3);
const every = number('EVERY', 10) * 1000;
const spread = number('SPREAD', 100);
const limit = number('RECOVERY_LIMIT', 5000);
const clients = rooms * size;
// From the moment that a room is full until a while after the last drop.
const each = Math.ceil((rate * every * (drops + 1.5)) / 1000);

export const options = {
  scenarios: {
    members: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${(every / 1000) * (drops + 2) + 150}s` },
  },
  thresholds: thresholds(
    ...nothingLost(clients, senders * each),
    [recovered, `count==${clients * drops}`],
    [incomplete, 'count==0'],
    [dropped, 'count==0'],
    [recoveryTime, `p(95)<${limit}`],
  ),
  summaryTrendStats,
};

export const setup = () => newRun('reconnect');

export default async function (run) {
  const index = exec.vu.idInTest - 1;
  const room = `${run}-${Math.floor(index / size)}`;
  // After each drop on another node, where there are several.
  const plan = { name: `${run}-u${index}`, node: nodeOf(index), room, size, senders, each, interval: 1000 / rate };
  const member = new Member(plan);
  await member.enter();
  await member.full();
  const said = index % size < senders ? member.talk() : Promise.resolve();
  for (let n = 0; n < drops; n += 1) {
    // The next tick of all, not one that passed while this client was coming back.
    await until((Math.floor(Date.now() / every) + 1) * every);
    plan.node = nodeOf(index + n + 1);
    await member.blink(Math.random() * spread);
  }
  await said;
  await member.end();
}

export const handleSummary = summaryOf('reconnect');
