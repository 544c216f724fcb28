// Drives the workbench as a person and as an attacker would:
//   node workbench.mjs ADDRESS RELAY FOLDER
// ADDRESS is the page's with its token, RELAY the relay's, FOLDER takes pictures. Exits with 1 when anything does not hold.
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';

const [address, relay, folder] = process.argv.slice(2);
const require = createRequire(new URL('../../../.tools/workbench/', import.meta.url));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const origin = new URL(address).origin, token = new URL(address).searchParams.get('token');

let faults = 0;
function check(what, holds, found = '') {
  if (holds) return;
  faults++;
  console.error('FAULT ' + what, found);
}
function part(name) { console.log('ok so far, now: ' + name); }

// Nothing of these may ever reach the page: the sample secrets, and the one that is pasted.
const secrets = ['sample-key-of-the-local-downstream', 'sample-password-of-the-local-shop', 'sample-session-key-number-', 'sk_live_NotToBeKept'];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, permissions: ['clipboard-read', 'clipboard-write'], ...options });
  await context.addInitScript(countWork);
  const page = await context.newPage();
  page.on('console', message => ['error', 'warning'].includes(message.type()) && !page.expected && check('no console error', false, message.text()));
  page.on('pageerror', error => check('no error in the script', false, error.message));
  page.on('dialog', dialog => { check('no script of a record runs', false, dialog.message()); dialog.dismiss(); });
  page.on('request', request => check('nothing is loaded from elsewhere', new URL(request.url()).origin === origin, request.url()));
  page.on('response', async response => {
    if (response.headers()['content-type']?.startsWith('text/event-stream')) return;
    const text = await response.text().catch(() => '');
    for (const secret of secrets) check('credentials never reach the page', !text.includes(secret), response.url());
  });
  await page.goto(address);
  await page.waitForFunction(() => { // the list is whole: its rows are numbered
    const numbers = [...document.querySelectorAll('#exchanges li')].map(row => Number(row.id.slice(1)));
    return numbers.length > 0 && Math.max(...numbers) === numbers.length;
  });
  await settled(page);
  return page;
}

// countWork counts in a page what it waits for: its timers but for the longest, which only take marks away, and its requests until they
// are read. What settles waits for two frames in which it waits for nothing.
function countWork() {
  let waiting = 0;
  const { fetch, setTimeout, clearTimeout } = globalThis, timers = new Set();
  const over = () => setTimeout(() => waiting--); // after what follows from it
  const counted = async work => { waiting++; try { return await work; } finally { over(); } };
  const ended = id => timers.delete(id) && over();
  globalThis.setTimeout = (work, delay) => {
    const id = setTimeout(() => { ended(id); work(); }, delay);
    if (delay < 1000) { timers.add(id); waiting++; }
    return id;
  };
  globalThis.clearTimeout = id => { ended(id); clearTimeout(id); };
  globalThis.fetch = async (...asked) => {
    const answer = await counted(fetch(...asked));
    for (const how of ['text', 'json']) { const read = answer[how].bind(answer); answer[how] = () => counted(read()); }
    return answer;
  };
  globalThis.settled = async () => {
    for (let quiet = 0; quiet < 2; quiet = waiting ? 0 : quiet + 1) await new Promise(requestAnimationFrame);
  };
}

// settled waits until the page shows what the relay makes of the record as it stands.
const settled = page => page.evaluate(() => globalThis.settled());

async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  for (const violation of found.violations) {
    check('accessible: ' + where, false, violation.id + ' ' + violation.nodes.map(node => node.target.join(' ')).join(', '));
  }
}

const choose = async (page, words) => {
  await page.getByRole('combobox', { name: 'Operation' }).fill(words);
  await settled(page);
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await settled(page);
};
const put = async (page, field, place) => {
  await page.getByRole('group', { name: `Where ${field} goes` }).getByLabel(place, { exact: true }).check({ force: true });
  await settled(page);
};
const write = async (page, text) => { await page.getByLabel('Record, as the caller sends it').fill(text); await settled(page); };
// marked is what one colour marks on both sides: the record's and the outbound request's text of a field.
const marked = (page, field) => page.evaluate(name => ['#behind', '#outbound'].map(side =>
  [...document.querySelectorAll(side + ' mark')].filter(mark => mark.dataset.field === name).map(mark => mark.className.replace(' lit', '') + ' ' + mark.textContent)), field);
const rows = page => page.getByRole('list', { name: 'Requests, newest first' }).getByRole('listitem');
const newest = page => page.evaluate(() => document.querySelector('#exchanges li')?.id);
const sendFor = async page => {
  const before = await newest(page);
  await page.getByRole('button', { name: 'Send…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
  await page.waitForFunction(before => document.querySelector('#exchanges li').id !== before, before);
  await settled(page);
  await page.locator('#answer .status').waitFor();
};

part('try, with the keyboard');
const page = await open();
await choose(page, 'answer post');
const server = new URL(await page.getByLabel('Outbound URL').inputValue()).origin;
check('the vendor’s own summary', (await page.locator('#summary').textContent()).includes('Answer with the request as it arrived'));
await put(page, 'customer', 'query');
await put(page, 'region', 'query');
await put(page, 'note', 'header');
const url = await page.locator('#outbound .first').textContent();
check('the outbound request', url.includes('/post?customer=c-42&region=emea&region=apac'), url);
check('a number beside each mark', JSON.stringify(await page.locator('#outbound mark[data-mark]').evaluateAll(all => all.map(mark => mark.dataset.mark))) === '["1","2","2","3"]'
  && await page.locator('.swatch').allTextContents().then(all => all.join()) === '1,2,,,3');
for (const [field, expected] of [
  ['customer', [['c1 "c-42"'], ['c1 c-42']]],
  ['region', [['c2 ["emea", "apac"]'], ['c2 emea', 'c2 apac']]],
  ['note', [['c3 "two sheets"'], ['c3 two sheets']]],
]) {
  const found = JSON.stringify(await marked(page, field));
  check('the same colour on both sides: ' + field, found === JSON.stringify(expected), found);
}
check('what stays is not coloured', JSON.stringify(await marked(page, 'order')) === '[[],[]]');
check('the credential', /\*\*\* apiKey, header X-Api-Key, from secretsmanager:keyrelay\/sample#\/api_key/.test(await page.locator('.credentials').first().textContent()));
await page.getByLabel('Name of the header for note').fill('X-Remark');
await settled(page);
check('a header of another name', (await page.locator('#outbound').textContent()).includes('X-Remark'));
await put(page, 'order', 'path');
check('a field in the path', (await page.getByLabel('Outbound URL').inputValue()).endsWith('/post/{order}'));
check('which the document refuses', (await page.locator('#at-url').textContent()).includes('operation-not-declared'));
await put(page, 'order', 'stays');
await accessible(page, 'try');
await page.screenshot({ path: folder + '/light.png', fullPage: true });

part('a body that the document shapes');
await choose(page, 'ship');
const weight = JSON.stringify(await marked(page, 'weight'));
check('values in a template', /^\[\["c\d 1.50"\],\["c\d 1.50"\]\]$/.test(weight), weight);
await write(page, '{"depot":"zh/1","id":1,"city":"Bern","weight":2,"colour":"red"}');
check('what is dropped is named', (await page.locator('#outbound').textContent()).includes('colour'));
await write(page, '[{"depot":"a","id":1,"city":"Bern","weight":2},{"depot":"b","id":2,"city":"Chur"}]');
check('a batch is several requests', await page.locator('#outbound .request').count() === 1 && await page.locator('#outbound .refused').count() === 1);
await page.screenshot({ path: folder + '/batch.png', fullPage: true });
await write(page, '[]');
check('an empty batch', (await page.locator('#outbound').textContent()).includes('The batch is empty'));

part('refusals, where they belong');
await choose(page, 'answer post');
await put(page, 'customer', 'query');
await write(page, '{"amount": 1.10,\n "amount": 2}');
check('the place of an error', (await page.locator('#size').textContent()).startsWith('Line 2, column'), await page.locator('#size').textContent());
check('a record', (await page.locator('#at-record').textContent()).includes('record-invalid') && await page.locator('#behind .fault').count() === 1);
await accessible(page, 'a refusal');
await page.screenshot({ path: folder + '/refusal.png' });
await write(page, '{"amount": 1.10}');
check('a missing field', (await page.locator('#at-fields').textContent()).includes('customer'));
await page.getByRole('listitem').filter({ hasText: 'customer' }).getByLabel('may be missing').check();
await settled(page);
check('that may be missing', await page.locator('#at-fields').textContent() === '');
await page.getByLabel('Outbound URL').fill('https://elsewhere.example/x');
await settled(page);
check('a URL', (await page.locator('#at-url').textContent()).includes('destination-not-declared') && await page.getByRole('button', { name: 'Send…' }).isDisabled());
await page.getByLabel('Outbound URL').fill(server + '/post');
await page.locator('.more summary').click();
await page.getByLabel('One a line').fill('X-Relay-Header-Field: x');
await settled(page);
check('a header', (await page.locator('#at-headers').textContent()).includes('header-invalid'), await page.locator('#at-headers').textContent());
await page.getByLabel('One a line').fill('X-Long: ' + 'long '.repeat(600));
await settled(page);
check('a long header field takes no more than its place', await page.locator('.long').count() === 2 && (await page.locator('#outbound').boundingBox()).height < 700);
await accessible(page, 'a long header field');
await page.getByLabel('One a line').fill('');
await write(page, '{' + Array.from({ length: 200 }, (_, i) => `"field${i}": ${i}`) + '}');
check('many fields too', await page.locator('.field').count() === 200 && (await page.locator('#fields').boundingBox()).height < 600);
await accessible(page, 'many fields');

part('bytes');
const exact = '{ "n" : 12345678901234567890 ,\t"f":1.10,"u":"\\u20ac €", "e":{} }';
await write(page, exact);
check('the text stays as it is', await page.getByLabel('Record, as the caller sends it').inputValue() === exact && await page.locator('#outbound .body').textContent() === exact);

part('take it away');
await choose(page, 'answer post');
await put(page, 'customer', 'query');
await page.getByRole('button', { name: 'Copy X-Osmos-Query-Param-Fields' }).click();
check('a copy button', await page.evaluate(() => navigator.clipboard.readText()) === 'customer');
await page.getByRole('tab', { name: 'Connector' }).focus();
await page.keyboard.press('ArrowRight');
const command = await page.locator('#curl-text').textContent();
check('curl', execFileSync('sh', ['-c', command]).toString().includes('"c-42"'), command);
await page.keyboard.press('ArrowRight');
const event = JSON.parse(await page.locator('#event-text').textContent());
check('an event', event.httpMethod === 'POST' && event.headers['X-Osmos-Outbound-Url'].includes('host.docker.internal') && JSON.parse(event.body).customer === 'c-42', event);
await accessible(page, 'an event');

part('from curl');
await page.getByRole('button', { name: 'Paste a curl command' }).click();
await page.getByLabel('A command that works').fill(`curl -X POST 'https://api.acme.example/v2/orders?region=emea' -H 'Authorization: Bearer sk_live_NotToBeKept' --json '{"id": 12345678901234567890, "amount": 19.90}'`);
await page.getByRole('button', { name: 'Read it' }).click();
await page.locator('#document').waitFor();
await accessible(page, 'from curl');
await page.screenshot({ path: folder + '/curl.png' });
mkdirSync(folder + '/documents');
writeFileSync(folder + '/documents/acme.yaml', await page.locator('#document').textContent());
check('a reference in the secret’s place', (await page.locator('#document').textContent()).includes('x-keyrelay-secret: "secretsmanager:keyrelay/acme#/bearer"'));
check('the secret is not kept', await page.getByLabel('A command that works').inputValue() === '');
await page.getByRole('button', { name: 'Put it into Try' }).click();
await settled(page);
check('into Try', await page.getByLabel('Outbound URL').inputValue() === 'https://api.acme.example/v2/orders'
  && await page.getByLabel('Record, as the caller sends it').inputValue() === '{"id": 12345678901234567890, "amount": 19.90, "region": "emea"}'
  && await page.getByRole('group', { name: 'Where region goes' }).getByLabel('query').isChecked());

part('send and watch');
await choose(page, 'place an order');
await put(page, 'customer', 'query');
await put(page, 'region', 'query');
const before = await rows(page).count();
await page.getByRole('button', { name: 'Send…' }).click();
check('one confirmation that says where to', (await page.locator('#confirm-where').textContent()).startsWith(server + '/shop/orders?customer=c-42'));
await accessible(page, 'the confirmation');
await page.screenshot({ path: folder + '/confirm.png' });
await page.keyboard.press('Escape');
await settled(page);
check('Escape sends nothing', await rows(page).count() === before);
await sendFor(page);
const answer = await page.locator('#answer').textContent();
check('the answer with Proxy-Status and what became of the credential', answer.includes('201 Created') && answer.includes('keyrelay; received-status=201') && answer.includes('The credential was in memory'), answer);
check('a bar of times', await page.locator('#answer .times rect').count() >= 2);
execFileSync('curl', ['-sS', relay, '-H', 'X-Osmos-Outbound-Url: ' + server + '/get?from=outside']);
await rows(page).filter({ hasText: '/get' }).first().waitFor();
check('live, from any client', await rows(page).count() === before + 2);
await page.getByLabel('Filter requests').fill('get 200');
check('filter', await rows(page).filter({ visible: true }).count() === 1);
await page.getByLabel('Filter requests').fill('');
await rows(page).nth(1).getByRole('button').focus();
await page.keyboard.press('Enter');
await page.locator('#detail h3').waitFor();
const detail = await page.locator('#detail').textContent();
check('record, outbound request, answer, log entry', ['"amount": 19.90', 'X-Session-Key', '201 Created', '"message": "request"'].every(text => detail.includes(text)), detail);
await page.getByRole('button', { name: 'Keep', exact: true }).click();
await page.locator('#exchanges [data-kept]').waitFor();
await page.getByLabel('Kept only').check();
check('keep', await rows(page).filter({ visible: true }).count() === 1);
await page.getByLabel('Kept only').uncheck();
await page.getByRole('button', { name: 'Repeat…' }).click();
await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
await page.waitForFunction(count => document.querySelectorAll('#exchanges li').length === count, before + 3);
check('repeat', (await page.locator('#detail').textContent()).includes('201 Created'));
await settled(page);
await accessible(page, 'watch');
await page.screenshot({ path: folder + '/sent.png', fullPage: true });
await page.getByRole('button', { name: 'Open in Try' }).click();
await settled(page);
check('open in Try', await page.getByRole('group', { name: 'Where customer goes' }).getByLabel('query').isChecked());
await page.locator('.documents summary').click();
check('the documents and their secrets', (await page.locator('.documents .sheet').textContent()).includes('secretsmanager:keyrelay/shop'));
await accessible(page, 'the documents');
await page.screenshot({ path: folder + '/documents.png' });
await page.keyboard.press('Escape');

part('widths and colour schemes');
for (const scheme of ['light', 'dark']) {
  for (const width of [320, 375, 768, 1280, 2560]) {
    const other = await open({ viewport: { width, height: 900 }, colorScheme: scheme });
    await choose(other, 'answer post');
    await put(other, 'customer', 'query');
    await put(other, 'note', 'header');
    await rows(other).first().getByRole('button').click();
    await other.locator('#detail h3').waitFor();
    await settled(other);
    check(`no sideways scrolling at ${width}`, await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await accessible(other, `${width} ${scheme}`);
    await other.screenshot({ path: `${folder}/${scheme}-${width}.png`, fullPage: true });
    await other.context().close();
  }
}

part('the pictures of README.md');
const pictures = await open({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 });
await choose(pictures, 'ship');
await pictures.locator('#operation').blur();
await pictures.screenshot({ path: folder + '/try.png' });
await rows(pictures).filter({ hasText: '/shop/orders' }).nth(2).getByRole('button').click(); // the story's, whose key was taken back
await pictures.locator('#detail h3').waitFor();
await pictures.locator('.watch').screenshot({ path: folder + '/watch.png' });
await pictures.context().close();

part('attack: a record full of markup');
const markup = '<img src=x onerror=alert(1)>"\'</textarea></pre><script>alert(2)</script>{{.}}${alert(3)}';
await choose(page, 'answer post');
const name = '<img src=x onerror=alert(1)></li>';
await write(page, `{${JSON.stringify(name)}: ${JSON.stringify(markup)}, ${JSON.stringify(markup)}: 1, "__proto__": "p", "constructor": 1}`);
await page.evaluate(name => [...document.querySelectorAll('.field')].find(row => row.dataset.field === name).querySelector('[value=query]').click(), name);
await settled(page);
await put(page, '__proto__', 'header');
await sendFor(page);
await rows(page).first().getByRole('button').click();
await page.waitForFunction(() => document.querySelector('#detail').textContent.includes('<img src=x onerror=alert(1)>'));
check('markup is text', await page.locator('img, script:not([src])').count() === 0);
check('and its dry run is shown', (await page.locator('#outbound .first').textContent()).includes('%3Cimg%20src%3Dx'));

part('attack: a record of 6 MB');
await choose(page, 'answer post');
const large = '{"customer":"c-42","text":"' + 'x'.repeat(6 << 20) + '"}';
await page.getByLabel('Record, as the caller sends it').evaluate((area, text) => { area.value = text; area.dispatchEvent(new Event('input', { bubbles: true })); }, large);
await page.waitForFunction(() => document.querySelector('#size').textContent.startsWith('6,291,4'), null, { timeout: 30000 });
await settled(page);
check('what the dry run cannot show is said', (await page.locator('#at-outbound').textContent()).includes('The record could be sent, but its dry run is longer'));
await choose(page, 'place an order');
await page.getByLabel('Record, as the caller sends it').evaluate((area, text) => { area.value = text; area.dispatchEvent(new Event('input', { bubbles: true })); }, large);
await page.waitForFunction(() => document.querySelector('#at-outbound').textContent.includes('too-large') || document.querySelector('#at-outbound').textContent.includes('dry run is longer'), null, { timeout: 30000 });
await sendFor(page);
check('the whole record is sent', (await page.locator('#answer').textContent()).includes('201 Created'), (await page.locator('#answer').textContent()).slice(0, 300));
await rows(page).first().getByRole('button').click();
await page.waitForFunction(() => document.querySelector('#detail').textContent.includes('Record, 6291'));
await choose(page, 'answer post');
check('the page goes on', (await page.locator('#outbound .first').textContent()).includes('/post'));

part('attack: a thousand requests');
const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
const request = (target, options = {}, body) => new Promise((done, fail) => {
  const sent = http.request(target, options, received => {
    let text = '';
    received.on('data', chunk => text += chunk).on('end', () => done({ status: received.statusCode, text, headers: received.headers }));
  });
  sent.on('error', fail).end(body);
});
// seen waits until the page shows a request that is sent now, and so all that went before it.
const shown = (page, name) => rows(page).filter({ hasText: '/seen/' + name }).waitFor();
const seen = async (page, name) => {
  await request(relay, { headers: { 'X-Osmos-Outbound-Url': `${server}/seen/${name}` } });
  await shown(page, name);
};
await Promise.all(Array.from({ length: 1000 }, (_, i) => request(relay, { agent, headers: { 'X-Osmos-Outbound-Url': `${server}/get?number=${i}` } })));
await seen(page, 'last');
check('the list is bounded', await rows(page).count() <= 250, await rows(page).count());
await page.reload();
await shown(page, 'last');
check('memory is bounded, and what was kept is there', await rows(page).count() === 200 && await rows(page).filter({ hasText: 'kept' }).count() === 1, await rows(page).count());

part('attack: other hosts, other origins, no token');
const paths = ['/', '/operations', '/operation?id=0', '/exchange?id=1', '/use?id=1', '/watch', '/static/script.js'];
const posts = ['/try', '/send', '/curl', '/keep?id=1', '/repeat?id=1'];
const withToken = path => origin + path + (path.includes('?') ? '&' : '?') + 'token=' + token;
const trial = JSON.stringify({ method: 'POST', url: server + '/post', record: '{}' });
for (const path of [...paths, ...posts]) {
  const method = posts.includes(path) ? 'POST' : 'GET';
  for (const [who, target, headers] of [
    ['a rebinding name', withToken(path), { Host: 'attacker.example:' + new URL(origin).port }],
    ['another origin', withToken(path), { Origin: 'https://attacker.example' }],
    ['another port', withToken(path), { Origin: 'http://127.0.0.1:1' }],
    ['no origin', withToken(path), { Origin: 'null' }],
    ['another site', withToken(path), { 'Sec-Fetch-Site': 'cross-site' }],
    ['no token', origin + path, {}],
    ['a wrong token', withToken(path) + 'x', {}],
  ]) {
    const { status } = await request(target, { method, headers }, method === 'POST' ? trial : undefined);
    check(`${who} is refused at ${path}`, status === 403, status);
  }
}
for (const headers of [{ Host: 'attacker.example' }, { Origin: 'https://attacker.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
  const { status } = await request(relay, { method: 'POST', headers: { ...headers, 'X-Osmos-Outbound-Url': server + '/post' } }, '{}');
  check('the relay refuses it too', status === 403, status);
}
const policy = (await request(address)).headers['content-security-policy'];
check('a strict policy', policy.startsWith("default-src 'none'") && !policy.includes('unsafe') && !policy.includes('*'), policy);

part('attack: a page of another site in the same browser');
const site = http.createServer((asked, answered) => answered.setHeader('Content-Type', 'text/html').end('<!doctype html><title>attacker</title>')).listen(0, '127.0.0.1');
await new Promise(done => site.once('listening', done));
const count = await newest(page);
const context = await browser.newContext();
const attacker = await context.newPage();
await attacker.goto(`http://localhost:${site.address().port}/`);
const got = await attacker.evaluate(async ([origin, token, relay, server, trial]) => {
  const attempts = [
    fetch(origin + '/send?token=' + token, { method: 'POST', body: trial, mode: 'no-cors' }),
    fetch(origin + '/send?token=' + token, { method: 'POST', body: trial }),
    fetch(relay, { method: 'POST', body: '{}', headers: { 'X-Osmos-Outbound-Url': server + '/post' } }),
    fetch(relay, { method: 'POST', body: '{}', mode: 'no-cors' }),
    fetch(origin + '/?token=' + token).then(answer => answer.text()),
  ];
  const frame = document.body.appendChild(document.createElement('iframe'));
  frame.src = origin + '/?token=' + token;
  await new Promise(done => setTimeout(done, 800));
  let inside = null;
  try { inside = frame.contentDocument?.title ?? null; } catch { inside = null; }
  return [...(await Promise.allSettled(attempts)).map(each => each.status === 'fulfilled' ? String(each.value?.type ?? each.value) : 'failed'), inside];
}, [origin, token, relay, server, trial]);
check('it gets nothing', got.every(each => each === 'failed' || each === 'opaque' || each === null || each === ''), got);
await seen(page, 'after-the-attack');
check('it sends nothing', await rows(page).nth(1).getAttribute('id') === count);
site.close();

await browser.close();
console.log(faults ? `${faults} faults` : 'the workbench holds');
process.exit(faults ? 1 : 0);
