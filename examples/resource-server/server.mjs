// An API on another server, in another language. It takes the application's access tokens:
// - GET /verified checks a JWT by the published keys, without asking anybody;
// - GET /introspected asks the application about any token, and learns at once that one was taken back.
//
//   npm install && ISSUER=http://127.0.0.1:3000 AUDIENCE=http://127.0.0.1:4000 PORT=4000 npm start
//
// /introspected needs a client of its own (`server clients add --confidential --introspect --grant client_credentials`),
// in CLIENT_ID and CLIENT_SECRET.

import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, AUDIENCE, PORT, CLIENT_ID, CLIENT_SECRET } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));

async function verified(token) {
  const rules = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] };
  const { payload } = await jwtVerify(token, keys, rules);
  return payload;
}

async function introspected(token) {
  const credentials = [CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':');
  const answer = await fetch(`${ISSUER}/oauth/introspect`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({ token }),
  });
  if (!answer.ok) throw new Error(`the issuer answers ${answer.status}`);
  const known = await answer.json();
  if (!known.active) throw new Error('the token is not active');
  // Other tokens are active as well: those of other clients, personal keys, refresh tokens.
  if (known.aud !== AUDIENCE) throw new Error('the token is for another server');
  return known;
}

const routes = { '/verified': verified, '/introspected': introspected };

createServer(async (request, response) => {
  const check = routes[request.url];
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  response.setHeader('content-type', 'application/json');
  try {
    if (!check) {
      response.writeHead(404).end('{}');
    } else if (!token) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}');
    } else {
      const { sub, scope } = await check(token);
      response.end(JSON.stringify({ sub, scope }));
    }
  } catch (error) {
    console.error(error.message);
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end('{}');
  }
}).listen(PORT, '127.0.0.1', () => console.log('listening'));
