// An OAuth 2.0 and OpenID Connect server on a free loopback port: oidc-provider, with client credentials,
// introspection and revocation. It prints its issuer and serves until it is ended.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(process.argv[2] + "/");
const { default: Provider } = await import(pathToFileURL(packages.resolve("oidc-provider")));

const client = (id, method, grants) => ({
  client_id: id,
  client_secret: `secret of ${id}: 100% + more`,
  token_endpoint_auth_method: method,
  grant_types: grants,
  redirect_uris: [],
  response_types: [],
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      client("relay", "client_secret_basic", ["client_credentials"]),
      client("relay-post", "client_secret_post", ["client_credentials"]),
      client("api", "client_secret_basic", []),
    ],
    scopes: ["orders.write"],
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
