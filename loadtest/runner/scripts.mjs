// The load scripts there are, and what each is told where it must be short.

/** Times say nothing on a machine that does much else: a short run holds them to a bound that only a fault passes. */
const PATIENT = '15000';

/** In the order of `load all`. */
export const SCRIPTS = [
  {
    name: 'connect',
    tool: 'k6',
    about: 'clients connect at even intervals, stay, and answer at the end',
    settings: 'CLIENTS RAMP HOLD CONNECT_LIMIT',
    short: { CLIENTS: '100', RAMP: '4', HOLD: '3', CONNECT_LIMIT: PATIENT },
  },
  {
    name: 'fan-out',
    tool: 'k6',
    about: 'rooms in which some talk: time to the ack and to every member; losses, doubles, order',
    settings: 'ROOMS ROOM_SIZE SENDERS RATE SECONDS LATENCY_LIMIT',
    short: { ROOMS: '4', ROOM_SIZE: '10', SENDERS: '2', RATE: '5', SECONDS: '8', LATENCY_LIMIT: PATIENT },
  },
  {
    name: 'media',
    tool: 'k6',
    about: 'files by the socket and past the nodes, until their messages stand in the room',
    settings: 'CLIENTS FILES WIDTH HEIGHT FILE MIME FILE_LIMIT',
    short: { CLIENTS: '4', FILES: '4', WIDTH: '160', HEIGHT: '120', FILE_LIMIT: PATIENT },
  },
  {
    name: 'reconnect',
    tool: 'k6',
    about: 'everybody drops at once while messages are said, and comes back with positions: nothing is lost',
    settings: 'ROOMS ROOM_SIZE SENDERS RATE DROPS EVERY SPREAD RECOVERY_LIMIT',
    short: { ROOMS: '4', ROOM_SIZE: '10', SENDERS: '1', RATE: '4', DROPS: '2', EVERY: '4', RECOVERY_LIMIT: PATIENT },
  },
  {
    name: 'chat-day',
    tool: 'artillery',
    about: 'real clients come, join, read history, type, talk, lose their connection, come back, leave',
    settings: 'ROOMS',
    clients: { day: 420, short: 32 },
    short: {},
  },
  {
    name: 'polling',
    tool: 'artillery',
    about: 'the same in brief, by long-polling alone',
    settings: 'ROOMS',
    clients: { day: 120, short: 18 },
    short: {},
  },
];
