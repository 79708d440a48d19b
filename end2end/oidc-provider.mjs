// A certified OpenID provider on loopback, for the browser tests. Whoever it is told to be, it says so:
// the address is the person. Some addresses make it misbehave, by what they begin with:
//   unverified-   it does not vouch for the address
//   broken-       its token endpoint fails

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider, { errors, interactionPolicy } from 'oidc-provider';

const { PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

// It asks each time who one is: tests change persons in one browser.
const policy = interactionPolicy.base();
policy.get('login').checks.add(
  new interactionPolicy.Check('asked_every_time', 'who is it this time?', (ctx) =>
    ctx.oidc.promptPending('login') || !ctx.oidc.result?.login
      ? interactionPolicy.Check.REQUEST_PROMPT
      : interactionPolicy.Check.NO_NEED_TO_PROMPT,
  ),
);

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT_URI],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256', kid: 'of-this-run' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  pkce: { required: () => true },
  responseTypes: ['code'],
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 600, Session: 600 },
  findAccount: (_, email) => ({ accountId: email, claims: () => claimsOf(email) }),
  // Nobody is asked to consent.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
  renderError(ctx, { error, error_description: description }) {
    ctx.type = 'html';
    ctx.body = page('Refused', `<p role="alert">${escape(`${error}: ${description}`)}</p>`);
  },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/token' && ctx.oidc?.entities.Account?.accountId.startsWith('broken-')) {
    ctx.status = 503;
    ctx.body = { error: 'temporarily_unavailable' };
  }
});

function claimsOf(email) {
  const [local] = email.split('@');
  return { sub: email, name: `${local} of Acme`, email, email_verified: !local.startsWith('unverified-') };
}

async function interact(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.setHeader('Cache-Control', 'no-store');
    response.end(askWho(uid));
    return;
  }
  const answer = new URLSearchParams(await bodyOf(request));
  const result = answer.has('cancel')
    ? { error: 'access_denied', error_description: 'The person said no.' }
    : { login: { accountId: answer.get('email') } };
  await provider.interactionFinished(request, response, result);
}

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

function askWho(uid) {
  return page(
    'Sign in to Acme',
    `<form method="post" action="/interaction/${uid}">
       <p><label>E-mail <input type="email" name="email" required></label></p>
       <p><button>Continue</button></p>
     </form>
     <form method="post" action="/interaction/${uid}">
       <p><button name="cancel" value="1">Cancel</button></p>
     </form>`,
  );
}

function page(title, content) {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
    <link rel="icon" href="data:,"></head><body><main><h1>${title}</h1>${content}</main></body></html>`;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const oidc = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    oidc(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    response.statusCode = error instanceof errors.SessionNotFound ? 400 : 500;
    response.end(error.message);
  });
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`${issuer} is ready`));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
