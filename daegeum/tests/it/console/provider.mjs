// A certified OpenID Connect provider with people of the test: whoever signs in has the roles that the login names.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'daegeum',
      client_secret: 'secret-of-the-tests+/ %',
      redirect_uris: ['http://127.0.0.1/console/sign-in/callback'],
    }],
    claims: { openid: ['sub', 'roles', 'seller_account'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `${id} of the provider`,
        roles: id.split('-').slice(1),
        seller_account: id.startsWith('owner') ? 'seller-a' : undefined,
      }),
    }),
  });
  // The port of the console is not known before it listens.
  provider.Client.prototype.redirectUriAllowed = () => true;
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});
