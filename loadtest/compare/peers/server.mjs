// A chat server as the documentation of Socket.IO shows one, with the small part of the contract that the
// load generator uses: `join-room` and `chat-message`, each with its ack.
//
//   PORT=3000 [REDIS_URL=redis://127.0.0.1:6379] [RECOVERY=1] node server.mjs
//
// REDIS_URL puts the Redis adapter between several of these; RECOVERY turns connection state recovery on,
// which works without an adapter only.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const { PORT, REDIS_URL, RECOVERY } = process.env;

const httpServer = createServer((request, response) => response.end("ok\n"));
const io = new Server(httpServer, {
  serveClient: false,
  ...(REDIS_URL && { adapter: await redisAdapter(REDIS_URL) }),
  ...(RECOVERY && { connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000 } }),
});

// https://socket.io/docs/v4/performance-tuning/: the first HTTP request of each session is not needed.
io.engine.on("connection", (rawSocket) => {
  rawSocket.request = null;
});

// The number of the last message of each room that came in here. Other processes have numbers of their own.
const numbers = new Map();

io.on("connection", (socket) => {
  const userId = socket.id;

  socket.on("join-room", async (request, ack) => {
    const room = request.room ?? request;
    await socket.join(room);
    ack({ status: "success", room, seq: numbers.get(room) ?? 0, history: [] });
  });

  socket.on("chat-message", ({ room, content }, ack) => {
    if (!socket.rooms.has(room)) return ack({ status: "error", code: "not_a_member", message: "Join the room first" });
    const seq = (numbers.get(room) ?? 0) + 1;
    numbers.set(room, seq);
    const id = randomUUID();
    const timestamp = new Date().toISOString();
    io.to(room).emit("chat-message", { id, room, seq, userId, username: userId, content, timestamp });
    ack({ status: "success", id, room, seq, timestamp });
  });
});

httpServer.listen(Number(PORT), "127.0.0.1");

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));

// https://socket.io/docs/v4/redis-adapter/
async function redisAdapter(url) {
  const { createClient } = await import("redis");
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const pubClient = createClient({ url });
  const subClient = pubClient.duplicate();
  for (const client of [pubClient, subClient]) client.on("error", (error) => console.error(error));
  await Promise.all([pubClient.connect(), subClient.connect()]);
  return createAdapter(pubClient, subClient);
}
