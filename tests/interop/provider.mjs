// A certified OpenID provider (npm: oidc-provider) on loopback, for the tests.
//
//   node provider.mjs ALG [PORT]
//
// Prints one line of JSON when it listens. Reads commands from standard input, one
// per line, and answers each with a line of JSON:
//   rotate   publish a new key ahead of the old one, and sign with it
//   retire   publish the newest key only
//
// Clients may register themselves. Whoever is sent here to log in is joe, and agrees.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const [alg, port = '0'] = process.argv.slice(2);
const AUDIENCE = 'https://api.example';
const SCOPES = ['messages:read', 'messages:write', 'notes'];

const makers = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  Ed25519: () => generateKeyPairSync('ed25519'),
};

function newKey() {
  const jwk = makers[alg]().privateKey.export({ format: 'jwk' });
  return { ...jwk, kid: randomUUID(), use: 'sig', alg };
}

let keys = [newKey()];
let answer;

const server = createServer((request, response) => answer(request, response));

async function grant({ oidc }) {
  const given = new oidc.provider.Grant({
    clientId: oidc.client.clientId,
    accountId: oidc.session.accountId,
  });
  given.addOIDCScope(oidc.params.scope);
  given.addResourceScope(oidc.params.resource, oidc.params.scope);
  await given.save();
  return given;
}

function configure(issuer) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: 'machine',
      client_secret: 'machine-secret-of-the-tests',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: alg,
    }],
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    clientDefaults: { id_token_signed_response_alg: alg },
    scopes: SCOPES,
    interactions: { url: () => '/login' },
    loadExistingGrant: grant,
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: (_, resource) => ({
          scope: SCOPES.join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg } },
        }),
      },
    },
  });
  const callback = provider.callback();
  const joe = { login: { accountId: 'joe' }, consent: {} };
  answer = (request, response) => (request.url === '/login'
    ? provider.interactionFinished(request, response, joe)
    : callback(request, response));
}

server.listen(Number(port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  configure(issuer);
  console.log(JSON.stringify({ issuer }));
  createInterface({ input: process.stdin }).on('line', (command) => {
    if (command === 'rotate') keys = [newKey(), ...keys];
    if (command === 'retire') keys = keys.slice(0, 1);
    configure(issuer);
    console.log(JSON.stringify({ kids: keys.map(({ kid }) => kid) }));
  }).on('close', () => process.exit(0));
});
