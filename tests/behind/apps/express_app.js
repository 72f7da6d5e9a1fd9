// An Express app that says what it was asked: `node express_app.js PORT`, with NODE_PATH.
'use strict';
const express = require('express');
const methodOverride = require('method-override');
const morgan = require('morgan');
const parseUrl = require('parseurl');
const requestIp = require('request-ip');

const app = express();
app.set('trust proxy', 'loopback');
app.use(morgan('combined', { skip: () => true }));
for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
  app.use(methodOverride(name));
}
app.use(requestIp.mw());

const decoded = (path) => path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

const answer = (route) => (request, response) => {
  const at = request.originalUrl.indexOf('?');
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
  response.set('X-App', 'express').json({
    trace: request.get('X-Trace') || '',
    method: request.method,
    path: decoded(parseUrl.original(request).pathname),
    query: at < 0 ? '' : request.originalUrl.slice(at + 1),
    host: request.host,
    scheme: request.protocol,
    client: request.ip,
    other_client: request.clientIp,
    user: request.get('X-User-Id') || '',
    other_user: '',
    route,
    headers,
  });
};

for (const name of ['admin', 'public', 'static', 'files']) app.use(`/${name}`, answer(name));
app.use(answer('other'));
app.use((error, request, response, next) => {
  response.status(error.status || 500).end();
});
app.listen(Number(process.argv[2]), '127.0.0.1');
