// Calls the gateway as a connector that uses axios with its defaults would, and prints what it got.
const axios = require("axios");

const [gateway, key, outbound] = process.argv.slice(2);
axios
  .post(gateway, { customer: "c-42", tenant: "north", amount: 19.5, note: "€" }, {
    headers: {
      "X-Api-Key": key,
      "X-Osmos-Outbound-Url": outbound,
      "X-Osmos-Query-Param-Fields": "customer",
      "X-Relay-Header-Fields": "tenant=X-Tenant",
    },
  })
  .then(({ status, headers, data }) =>
    console.log(JSON.stringify({ status, query: headers["x-received-query"], tenant: headers["x-received-tenant"], data })));
