// Clients that connect at even intervals and stay: how long until one is accepted, and whether all stay.
//
//   CLIENTS=500 RAMP=20 HOLD=20 CONNECT_LIMIT=1000
//
// RAMP and HOLD are seconds. At its end each client asks something once more: a connection that is open
// and answers nothing is no connection.

import exec from 'k6/execution';

import { connectTime, dropped, finished, refused, thresholds } from './lib/metrics.js';
import { Socket } from './lib/socketio.js';
import { summaryOf, summaryTrendStats } from './lib/summary.js';
import { newRun, nodeOf, number, token, until } from './lib/target.js';

const clients = number('CLIENTS', 500);
const ramp = number('RAMP', 20) * 1000;
const hold = number('HOLD', 20) * 1000;
const limit = number('CONNECT_LIMIT', 1000);
/** For tokens, before the first connection is due: asking a local stack for one takes some milliseconds. */
const lead = __ENV.STARLING_JWT_SECRET ? 500 : 1000 + clients * 5;

export const options = {
  scenarios: {
    clients: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${Math.ceil((lead + ramp + hold) / 1000) + 90}s` },
  },
  thresholds: thresholds(
    [finished, `count==${clients}`],
    [refused, 'count==0'],
    [dropped, 'count==0'],
    [connectTime, `p(95)<${limit}`],
  ),
  summaryTrendStats,
};

export const setup = () => ({ run: newRun('connect'), start: Date.now() + lead });

export default async function ({ run, start }) {
  const index = exec.vu.idInTest - 1;
  const name = `${run}-u${index}`;
  const auth = { token: token(nodeOf(index), name) };
  const due = start + (index / clients) * ramp;
  await until(due);
  const socket = new Socket(nodeOf(index), { auth });
  try {
    await socket.accepted;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    refused.add(1);
    return;
  }
  connectTime.add(Date.now() - due);
  let ended;
  socket.onEnd = (why) => (ended = why);
  await until(start + ramp + hold);
  try {
    const ack = await socket.request('leave-room', { room: name });
    if (ack.status !== 'success') throw new Error(JSON.stringify(ack));
    finished.add(1);
  } catch (error) {
    console.error(`${name}: ${ended || error.message}`);
    dropped.add(1);
  }
  socket.close();
}

export const handleSummary = summaryOf('connect');
