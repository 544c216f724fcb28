// An OAuth 2.0 and OpenID Connect server on a free loopback port: oidc-provider, with client credentials,
// introspection and revocation, and a login whose pages take any name. Each use of a refresh token gives another one,
// and a second use revokes them all. It prints its issuer and serves until it is ended.
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
      {
        ...client("person", "client_secret_basic", ["authorization_code", "refresh_token"]),
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/callback"],
        response_types: ["code"],
      },
    ],
    scopes: ["openid", "offline_access", "orders.write"],
    rotateRefreshToken: true,
    ttl: { ClientCredentials: 600, AccessToken: 600, Grant: 3600, Interaction: 600, RefreshToken: 3600, Session: 600 },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
    },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
