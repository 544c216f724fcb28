// Compares keyrelay's dry run of every operation of a folder of OpenAPI documents with the request that swagger-client, which knows
// nothing of keyrelay, builds of the same document and the same values. Prints what was counted, and fails on a difference that is not
// listed.
//   node serializer.mjs PACKAGES DOCUMENTS RELAY
import { Agent, request as send } from "node:http";
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";

const [packages, folder, relay] = process.argv.slice(2);
const swagger = createRequire(packages + "/")("swagger-client");
console.warn = () => {}; // swagger-client warns of a path variable and a query parameter that share a name.

const methods = ["get", "post", "put", "patch", "delete"]; // what a caller of keyrelay may use
const texts = ["a text with spaces", "Zoë & Jürgen", "one/two & three?", "100% + more=#;,"];
const pairs = "application/x-www-form-urlencoded";
const parts = "multipart/form-data";

// The listed differences, by kind. Each rewrites what swagger-client builds into what OpenAPI says; an operation that is equal then is
// counted under the reasons that changed something.
const listed = [
  {
    reason: "a member of a form that is an array is repeated (OpenAPI 3.0.4 and 3.1.1, encoding: style form with explode is the default); swagger-client joins it with commas",
    rewrite: ({ theirs, record, operation }) => rewriteForm(theirs, operation, (name, value) =>
      Array.isArray(record[name]) ? record[name].map((each) => [name, String(each)]) : [[name, value]]),
  },
  {
    reason: "a member of a form that is null is left out; swagger-client sends the text null",
    rewrite: ({ theirs, record, operation }) => rewriteForm(theirs, operation, (name, value) => (record[name] === null ? [] : [[name, value]])),
  },
  {
    reason: "a deepObject of a form nests as deep as its value; swagger-client writes what is inside a member as JSON text",
    rewrite: ({ theirs, record, operation }) => {
      if (theirs.form) theirs.form = theirs.form.flatMap(([name, value]) => {
        const [, member, key] = /^(.*?)\[(.*)\]$/.exec(name) ?? [];
        return operation.encoding[member]?.style === "deepObject" ? nested(name, record[member][key]) : [[name, value]];
      });
    },
  },
  {
    reason: "a header by which proxies speak of a request is never forwarded, and check warns of a parameter of that name: its field stays in the record",
    rewrite: ({ theirs, record, operation }) => {
      for (const { name } of operation.parameters.filter((each) => each.in === "header" && /^(x-forwarded-.*|forwarded|x-real-ip)$/i.test(each.name))) {
        delete theirs.headers[name.toLowerCase()];
        if (theirs.json) theirs.json = { [name]: record[name], ...theirs.json };
        if (theirs.form) theirs.form.unshift([name, String(record[name])]);
      }
    },
  },
  {
    reason: "the values of a cookie are joined as style form says; swagger-client percent-encodes what joins them and writes an exploded parameter's name before them",
    rewrite: ({ theirs, record, operation }) => {
      for (const { name, explode } of operation.parameters.filter((each) => each.in === "cookie" && !each.content && typeof record[each.name] === "object")) {
        const joined = decodeURIComponent(theirs.headers.cookie);
        theirs.headers.cookie = explode ? joined.slice(name.length + 1) : joined;
      }
    },
  },
  {
    reason: "what RFC 3986 does not allow in a URL, a space, | or a bracket in a name or between values, is percent-encoded; swagger-client leaves it",
    rewrite: ({ theirs }) => {
      theirs.url = theirs.url.replace(/[^!-~]|[[\]|]/gu, encodeURIComponent);
    },
  },
  {
    reason: "the values of a label without explode are joined by commas (OpenAPI 3.0.4 and 3.1.1, style examples); swagger-client joins them by dots",
    rewrite: ({ theirs, operation }) => {
      const labels = operation.parameters.filter(({ style, explode }) => style === "label" && !explode).map(({ name }) => `{${name}}`);
      const template = operation.path.split("/").reverse();
      const written = theirs.url.split("/").reverse();
      template.forEach((segment, at) => {
        if (labels.includes(segment)) written[at] = "." + written[at].slice(1).replaceAll(".", ",");
      });
      theirs.url = written.reverse().join("/");
    },
  },
];

function rewriteForm(theirs, operation, each) {
  if (!theirs.form) return;
  theirs.form = theirs.form.flatMap(([name, value]) => (operation.encoding[name] ? [[name, value]] : each(name, value)));
}

function nested(name, value) {
  if (value === null || typeof value !== "object") return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, each]) => nested(`${name}[${key}]`, each));
}

// follow returns what a local reference refers to.
function follow(document, value) {
  for (let steps = 0; value?.$ref?.startsWith("#/") && steps < 20; steps++) {
    value = value.$ref.slice(2).split("/").reduce((at, name) => at?.[decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")], document);
  }
  return value ?? {};
}

// operations yields each operation with its references followed and the parameters of its path item merged in. A variable of the path that
// nothing describes, as where a reference leads to another file, is a text in both.
function* operations(document) {
  for (const [path, written] of Object.entries(document.paths ?? {})) {
    const item = follow(document, written);
    for (const method of Object.keys(item).filter((name) => methods.includes(name))) {
      const own = (item[method].parameters ?? []).map((each) => follow(document, each));
      const common = (item.parameters ?? []).map((each) => follow(document, each));
      const merged = [...own, ...common.filter((each) => !own.some((other) => other.name === each.name && other.in === each.in))];
      const parameters = merged.filter((each) => !ignored(each));
      for (const each of parameters) if (each.schema) each.schema = follow(document, each.schema);
      for (const [, name] of path.matchAll(/{([^{}]*)}/g)) {
        if (!parameters.some((each) => each.name === name && each.in === "path")) parameters.push({ name, in: "path", required: true });
      }
      const body = item[method].requestBody && follow(document, item[method].requestBody);
      const raw = { ...item[method], operationId: "it", parameters, ...(body && { requestBody: body }) };
      const offered = Object.keys(body?.content ?? {});
      const json = offered.find((type) => /^(application\/json|application\/\*|\*\/\*|[^;]*\+json)\s*(;|$)/.test(type));
      const form = json ? undefined : offered.find((type) => type === pairs || type === parts);
      yield { path, method, parameters, raw, item, offered, json, form, encoding: body?.content?.[form]?.encoding ?? {} };
    }
  }
}

// sample is a value of a parameter's kind. What says no type takes turns. Of texts a cookie can hold few (RFC 6265 section 4.1.1).
function sample(parameter, turn) {
  const schema = parameter.schema ?? Object.values(parameter.content ?? {})[0]?.schema;
  const type = [schema?.type].flat().find((each) => each !== "null");
  if (parameter.in === "cookie") return { string: "a/text", array: ["one", 2, true], object: { one: "first", two: 2 } }[type] ?? 12;
  const text = texts[turn % texts.length];
  switch (type) {
    case "integer": return 12 + turn;
    case "number": return 1.5;
    case "boolean": return turn % 2 === 0;
    case "array": return [text, "x y", 3, true];
    case "object": return { [`first ${turn}`]: text, [`second ${turn}`]: 2, [`third${turn}`]: false };
    case undefined: return [text, 2.25, true, text][turn % 4];
  }
  return text;
}

// ignored says that OpenAPI ignores a parameter: others of its members describe these headers.
const ignored = (parameter) => parameter.in === "header" && ["accept", "authorization", "content-type"].includes(parameter.name.toLowerCase());

// recordOf makes the operation's record: its parameters' fields, and members of every kind where it has a body.
function recordOf(operation) {
  const fields = {};
  operation.parameters.forEach((each, turn) => (fields[each.name] ??= sample(each, turn)));
  const body = operation.offered.length === 0 ? undefined : {
    "body text": texts[0], "body[umlaut]": texts[1], body_reserved: texts[2], "body%": texts[3], body_number: -12.75, body_true: true, body_false: false,
    body_empty: "", body_null: null, body_array: [texts[1], "two", 3, false], body_object: { name: texts[2], inner: { list: [1, texts[1]] } },
  };
  return { fields, body, record: { ...fields, ...body } };
}

// build has swagger-client build the request, of a document that has this operation alone.
async function build(document, operation, { fields, body }) {
  const type = operation.json ?? operation.form;
  const spec = { openapi: document.openapi, servers: document.servers, paths: { [operation.path]: { servers: operation.item.servers, [operation.method]: operation.raw } } };
  const built = swagger.buildRequest({ spec, operationId: "it", parameters: fields, ...(type && body && { requestBody: body, requestContentType: type }) });
  const theirs = { method: built.method, url: built.url, headers: {} };
  for (const each of operation.parameters.filter((each) => each.in === "header")) theirs.headers[each.name.toLowerCase()] = built.headers[each.name];
  theirs.headers.cookie = built.headers.Cookie;
  if (type === pairs) theirs.form = readPairs(built.body);
  if (type === parts) theirs.form = await Promise.all([...built.body].map(async ([name, value]) => [name, typeof value === "string" ? value : await value.text()]));
  if (operation.json) theirs.json = built.body;
  if (operation.form) theirs.headers["content-type"] = operation.form;
  return theirs;
}

function readPairs(text) {
  return text.split("&").map((pair) => pair.split("=").map((half) => decodeURIComponent(half.replaceAll("+", " "))));
}

function readParts(text, boundary) {
  return text.split(`--${boundary}`).slice(1, -1).map((part) => {
    const [, head, value] = /^\r\n(.*?)\r\n\r\n(.*)\r\n$/s.exec(part);
    return [/; name="([^"]*)"/.exec(head)[1], value];
  });
}

// dryRun asks keyrelay. The credential, which swagger-client was not given, is taken out.
async function dryRun(document, operation, record) {
  const server = swagger.getBaseUrl({ spec: document, pathName: operation.path, method: operation.method });
  const answer = await ask(operation.method.toUpperCase(), server + operation.path, JSON.stringify(record));
  if (answer.status !== 200) return { refused: JSON.parse(answer.text) };
  const shown = JSON.parse(answer.text);
  const [path, query] = shown.url.split("?");
  const left = query?.split("&").filter((pair) => !/=(\*\*\*|%2A%2A%2A)$/.test(pair)).join("&");
  const ours = { method: shown.method, url: left ? `${path}?${left}` : path, headers: {} };
  const lower = Object.fromEntries(Object.entries(shown.headers).map(([name, values]) => [name.toLowerCase(), values.join(", ")]));
  for (const each of operation.parameters.filter((each) => each.in === "header")) ours.headers[each.name.toLowerCase()] = lower[each.name.toLowerCase()];
  ours.headers.cookie = lower.cookie;
  const [type, boundary] = (lower["content-type"] ?? "").split("; boundary=");
  if (operation.form) ours.headers["content-type"] = type;
  if (operation.form) ours.form = type === parts ? readParts(shown.body, boundary) : readPairs(shown.body);
  if (operation.json) ours.json = JSON.parse(shown.body);
  return ours;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function ask(method, outbound, body) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), "X-Osmos-Outbound-Url": outbound, "X-Relay-Dry-Run": "true" };
    const sent = send(relay, { method, headers, agent }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk)).on("end", () => resolve({ status: answer.statusCode, text: Buffer.concat(chunks).toString() })).on("error", reject);
    });
    sent.on("error", reject).end(body);
  });
}

const counts = { compared: 0, equal: 0, listed: 0, off: 0, different: 0, forms: 0, json: 0, other: 0 };
const reasons = new Map();

async function compare(name, document, operation) {
  const values = recordOf(operation);
  const [theirs, ours] = await Promise.all([build(document, operation, values), dryRun(document, operation, values.record)]);
  const remote = /"\$ref":"[^#]/.test(JSON.stringify(operation.raw));
  if (ours.refused?.type === "urn:keyrelay:problem:operation-unusable" && remote) return void counts.off++;
  counts.compared++;
  counts[operation.form ? "forms" : operation.json ? "json" : "other"]++;
  if (same(theirs, ours)) return void counts.equal++;
  const applied = listed.filter(({ rewrite }) => {
    const before = JSON.stringify(theirs);
    rewrite({ theirs, ours, operation, record: values.record, document });
    return JSON.stringify(theirs) !== before;
  });
  if (applied.length > 0 && same(theirs, ours)) {
    counts.listed++;
    for (const { reason } of applied) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return;
  }
  if (++counts.different <= 20) console.log(`${name} ${operation.method} ${operation.path}\n  swagger-client ${JSON.stringify(theirs)}\n  keyrelay       ${JSON.stringify(ours)}`);
}

const same = (one, other) => canonical(one) === canonical(other);

// canonical writes a request with its header fields in order; a body that is JSON is compared by what it says.
function canonical({ headers = {}, ...rest }) {
  return JSON.stringify([Object.entries(headers).filter(([, value]) => value !== undefined).sort(), Object.entries(rest).sort()]);
}

for (const file of readdirSync(folder)) {
  const document = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
  const all = [...operations(document)];
  for (let at = 0; at < all.length; at += 8) await Promise.all(all.slice(at, at + 8).map((operation) => compare(file, document, operation)));
}
agent.destroy();
console.log(`${counts.compared} operations compared (${counts.json} with a JSON body, ${counts.forms} with a form, ${counts.other} with neither): ` +
  `${counts.equal} equal, ${counts.listed} equal but for listed differences, ${counts.different} different; ${counts.off} are switched off, since they are described in another file`);
for (const [reason, count] of reasons) console.log(`${count}: ${reason}`);
if (counts.different > 0 || counts.compared === 0) process.exit(1);
