// A Koa app that says what it was asked: `node koa_app.js PORT`, with NODE_PATH.
'use strict';
const Koa = require('koa');

const app = new Koa({ proxy: true, maxIpsCount: 1 });
app.use((context) => {
  const headers = [];
  const raw = context.req.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) headers.push([raw[i], raw[i + 1]]);
  const first = context.path.split('/')[1];
  context.set('X-App', 'koa');
  context.body = {
    trace: context.get('X-Trace'),
    method: context.method,
    path: context.path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
    query: context.querystring,
    host: context.host,
    scheme: context.protocol,
    client: context.ip,
    user: context.get('X-User-Id'),
    other_user: '',
    route: ['admin', 'public', 'static', 'files'].includes(first) ? first : 'other',
    headers,
  };
  context.status = 200;
});
app.on('error', () => {});
app.listen(Number(process.argv[2]), '127.0.0.1');
