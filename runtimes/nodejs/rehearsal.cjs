/**
 * What a process that waits does beforehand: a whole invocation, from the handler's name to the posted result, with a
 * platform of its own. What of Node and of the runtime takes part in one is compiled afterwards.
 */

'use strict';

const net = require('net');
const { eventKind, frameOf, protocol } = require('./frames.cjs');

const withinMs = 2000;
const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
const event = frameOf(eventKind, `rehearsal\n${Date.now()}\narn\nRoot=1\n\n\n`, '{"key":"value"}');

/**
 * Calls `perform` with the address of a Runtime API, host:port, that hands out one event and takes its result. Resolves
 * when it has, or when it has not within a bounded time. Nothing is left of it.
 */
async function rehearse(perform) {
  const sockets = [];
  // A socket that ends asks whether it is this one, which would open it.
  const stderr = Object.getOwnPropertyDescriptor(process, 'stderr');
  Object.defineProperty(process, 'stderr', { value: undefined, configurable: true });
  const server = net.createServer((socket) => sockets.push(socket));
  try {
    await new Promise((ready, failed) => server.once('error', failed).listen(0, '127.0.0.1', ready));
    const taken = new Promise((done) => {
      server.on('connection', (socket) => answer(socket, done));
    });
    let timer;
    const late = new Promise((done) => {
      timer = setTimeout(done, withinMs);
    });
    await Promise.race([perform(`127.0.0.1:${server.address().port}`).then(() => taken), late]);
    clearTimeout(timer);
  } finally {
    // Reset, connections leave no trace in the kernel's table of them.
    for (const socket of sockets) socket.resetAndDestroy();
    await new Promise((closed) => server.close(closed));
    // What is closed is gone at the end of a turn of the loop.
    for (let turn = 0; turn < 2; turn++) await new Promise((passed) => setImmediate(passed));
    Object.defineProperty(process, 'stderr', stderr);
  }
}

function answer(socket, done) {
  let isAsked = false;
  socket.on('error', done);
  socket.on('data', () => {
    if (isAsked) {
      done();
      return;
    }
    isAsked = true;
    socket.write(switching);
    socket.write(event);
  });
}

module.exports = { rehearse };
