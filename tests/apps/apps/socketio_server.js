// A room where everybody hears what anybody says, and one page that says something.
const http = require('http');
const fs = require('fs');
const { Server } = require('socket.io');

const page = `<!doctype html><title>Room</title><p id=how>-</p><ul id=heard></ul>
<script src="/socket.io/socket.io.js"></script><script>
const socket = io();
const show = () => { document.querySelector('#how').textContent = socket.io.engine.transport.name; };
socket.on('connect', () => { show(); socket.io.engine.on('upgrade', show); });
socket.on('said', (who, what) => {
  const line = document.createElement('li');
  line.textContent = who + ': ' + what;
  document.querySelector('#heard').append(line);
});
</script>`;
const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(page);
});
const io = new Server(server, { maxHttpBufferSize: 1e7 });
io.on('connection', (socket) => {
  const who = socket.handshake.headers['x-user-id'] || 'nobody';
  socket.on('say', (what) => io.emit('said', who, what));
  socket.on('file', (bytes, done) => done(bytes.length));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
