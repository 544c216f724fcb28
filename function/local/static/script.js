'use strict';

// The page's script: it sends what a person wrote to this program and puts the parts of
// the page that come back into their places. All of them are escaped where they are made.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const token = new URLSearchParams(location.search).get('token');
const at = (path, more = {}) => path + '?' + new URLSearchParams({ ...more, token });

async function ask(path, { more, body, signal } = {}) {
  const answer = await fetch(at(path, more), body === undefined ? { signal } : { method: 'POST', body, signal }).catch(fault => {
    if (fault.name === 'AbortError') throw fault;
    throw new Error('The workbench does not answer: make run has ended, or this page cannot reach it. Start it again and open the address that it prints last.');
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

const say = text => { $('#said').textContent = ''; $('#said').textContent = text; };

// ---- Try ----

const record = $('#record'), behind = $('#behind'), url = $('#url'), method = $('#method'), headers = $('#headers');
const maxBehind = 256 << 10; // beyond it the text is not coloured

const state = { moves: [], marks: [], text: '', lineEnd: '\n', tried: null, waiting: null };

// A text area has line breaks of its own: the record keeps the ones that it came with.
const recordText = () => state.lineEnd === '\n' ? record.value : record.value.replaceAll('\n', state.lineEnd);
const trial = () => JSON.stringify({ method: method.value, url: url.value, record: recordText(), moves: state.moves, headers: headers.value });

// load puts a trial into the form: an operation's, or without a name one of its own.
function load(loaded, name = '', summary = '') {
  operation.value = chosenName = name;
  $('#summary').textContent = summary;
  method.value = loaded.method;
  url.value = loaded.url;
  headers.value = loaded.headers || '';
  if (headers.value) headers.closest('details').open = true;
  state.lineEnd = /\r\n/.test(loaded.record) && !/[^\r]\n/.test(loaded.record) ? '\r\n' : '\n';
  state.moves = loaded.moves || [];
  state.marks = [];
  record.value = loaded.record;
  $('#answer').replaceChildren();
  edited();
}

// edited draws what is behind the text at once, its colours moved along, and asks the relay soon.
function edited() {
  shift(record.value);
  draw();
  soon(record.value.length > maxBehind ? 400 : 60);
}

// shift moves the marks with the text that was typed before or between them.
function shift(text) {
  const old = state.text;
  let head = 0, tail = 0;
  const most = Math.min(old.length, text.length);
  while (head < most && old[head] === text[head]) head++;
  while (tail < most - head && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
  const moved = text.length - old.length;
  state.marks = state.marks
    .filter(mark => mark.end <= head || mark.start >= old.length - tail)
    .map(mark => mark.end <= head ? mark : { ...mark, start: mark.start + moved, end: mark.end + moved });
  state.text = text;
}

// colour is the class of a mark: the style sheet has eight, and its number tells each apart.
const colour = number => 'c' + ((number - 1) % 8 + 1);

function draw() {
  const text = record.value;
  const plain = text.length > maxBehind;
  record.parentElement.classList.toggle('plain', plain);
  behind.replaceChildren();
  if (plain) return;
  let from = 0;
  for (const mark of state.marks) {
    if (mark.start < from) continue;
    behind.append(text.slice(from, mark.start));
    const element = document.createElement('mark');
    element.className = mark.fault ? 'fault' : colour(mark.number);
    if (!mark.fault) Object.assign(element.dataset, { field: mark.field, mark: mark.number });
    element.textContent = text.slice(mark.start, mark.end) || ' ';
    behind.append(element);
    from = mark.end;
  }
  behind.append(text.slice(from) + '\n');
}

function soon(milliseconds = 60) {
  clearTimeout(state.waiting);
  state.waiting = setTimeout(tryIt, milliseconds);
}

async function tryIt() {
  state.tried?.abort();
  state.tried = new AbortController();
  const sent = trial(), text = record.value;
  try {
    const shown = await ask('/try', { body: sent, signal: state.tried.signal });
    if (text === record.value) show(shown, text);
  } catch (fault) {
    if (fault.name !== 'AbortError') refuse('outbound', null, String(fault.message));
  }
}

function show(shown, text) {
  state.shown = shown;
  state.text = text;
  state.marks = [];
  for (const field of shown.fields || []) {
    if (field.mark) for (const [start, end] of field.places) state.marks.push({ start, end, number: field.mark, field: field.name });
  }
  if (shown.fault) state.marks = [{ start: shown.fault.at, end: Math.min(shown.fault.at + 1, text.length), fault: true }];
  state.marks.sort((a, b) => a.start - b.start);
  draw();
  const size = new TextEncoder().encode(recordText()).length;
  $('#size').textContent = shown.fault ? `Line ${shown.fault.line}, column ${shown.fault.column}: ${shown.fault.text}` : `${size.toLocaleString('en')} bytes`;
  $('#size').classList.toggle('bad', Boolean(shown.fault));
  if (!shown.fault) showFields(shown.fields || []);
  $('#outbound').innerHTML = shown.outbound;
  showAway(shown.away);
  for (const place of ['url', 'record', 'fields', 'headers', 'outbound']) refuse(place, shown.refusal?.place === place ? shown.refusal.html : null);
  const elsewhere = Boolean(shown.refusal && shown.refusal.place !== 'outbound');
  if (elsewhere) $('#outbound').innerHTML = '<p class="note">Nothing would be sent: see the refusal beside what it is about.</p>';
  // A dry run whose own answer would be too large says nothing against sending.
  $('#send').disabled = elsewhere;
}

function refuse(place, html, text) {
  const box = $('#at-' + place);
  if (html) box.innerHTML = html; else box.textContent = text || '';
  const input = { url, record, headers }[place];
  if (html) input?.setAttribute('aria-invalid', 'true'); else input?.removeAttribute('aria-invalid');
  if (html && place === 'headers') headers.closest('details').open = true;
}

// ---- Fields ----

const pathPart = name => '{' + name + '}';

function showFields(fields) {
  const list = $('#fields'), rows = new Map($$('.field', list).map(row => [row.dataset.field, row]));
  const missing = state.moves.filter(move => !fields.some(field => field.name === move.field))
    .map(move => ({ name: move.field, value: 'not in this record', mark: 0, goes: [] }));
  const all = [...fields, ...missing];
  all.slice(0, 200).forEach((field, index) => {
    const row = rows.get(field.name) || newRow(field.name);
    rows.delete(field.name);
    fill(row, field);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] || null);
  });
  rows.forEach(row => row.remove());
}

let names = 0;
function newRow(name) {
  const row = $('#field').content.firstElementChild.cloneNode(true);
  row.dataset.field = name;
  $('.name', row).textContent = name;
  $('legend', row).textContent = 'Where ' + name + ' goes';
  $('.as input', row).setAttribute('aria-label', 'Name of the header for ' + name);
  const group = 'to-' + names++;
  for (const choice of $$('input[type=radio]', row)) {
    choice.name = group;
    choice.addEventListener('change', () => move(name, choice.value));
  }
  $('.as input', row).addEventListener('input', event => { moveOf(name).header = event.target.value.trim(); soon(); });
  $('.optional input', row).addEventListener('change', event => { moveOf(name).optional = event.target.checked; soon(); });
  return row;
}

const moveOf = name => state.moves.find(move => move.field === name);

function fill(row, field) {
  const moved = moveOf(field.name), inPath = url.value.split('?')[0].includes(pathPart(field.name));
  const to = moved ? moved.to : inPath ? 'path' : '';
  $('.swatch', row).className = 'swatch ' + (field.mark ? colour(field.mark) : '');
  $('.swatch', row).textContent = field.mark || '';
  $('.value', row).textContent = field.value;
  const elsewhere = field.goes.filter(place => place !== 'body');
  $('.by', row).textContent = !to && elsewhere.length && !elsewhere.includes('dropped') ? 'as declared' : 'stays';
  const told = field.goes.filter(place => !(to && place.startsWith(to)) && !(place === 'body' && !field.mark));
  $('.goes', row).textContent = told.length ? '→ ' + told.join(', ') : '';
  for (const choice of $$('input[type=radio]', row)) choice.checked = choice.value === to;
  $('.as', row).hidden = to !== 'header';
  if (document.activeElement !== $('.as input', row)) $('.as input', row).value = moved?.header || field.name;
  $('.optional', row).hidden = !moved;
  $('.optional input', row).checked = Boolean(moved?.optional);
}

function move(name, to) {
  state.moves = state.moves.filter(each => each.field !== name);
  const path = url.value.split('?')[0], query = url.value.slice(path.length);
  const has = path.includes(pathPart(name));
  if (to === 'path' && !has) url.value = path.replace(/\/?$/, '/') + pathPart(name) + query;
  if (to !== 'path' && has && path.endsWith('/' + pathPart(name))) url.value = path.slice(0, -pathPart(name).length - 1) + query;
  if (to === 'query' || to === 'header') state.moves.push({ field: name, to, header: to === 'header' ? headerName(name) : '', optional: false });
  soon();
}

const headerName = name => 'X-' + name.replace(/[^A-Za-z0-9]+/g, '-').replace(/(^|-)([a-z])/g, (all, dash, letter) => dash + letter.toUpperCase());

// What belongs to one field lights up together, on both sides.
function light(event) {
  const field = event.type === 'pointerover' || event.type === 'focusin' ? event.target.closest?.('[data-field]')?.dataset.field : undefined;
  for (const element of $$('.lit')) element.classList.remove('lit');
  if (field !== undefined) for (const element of $$('mark[data-field], .field')) element.classList.toggle('lit', element.dataset.field === field);
}
for (const kind of ['pointerover', 'pointerout', 'focusin', 'focusout']) document.addEventListener(kind, light);

// ---- Operations ----

const operation = $('#operation'), options = $('#operations');
let active = -1, looked = 0, chosenName = operation.value;

async function look(words) {
  const mine = ++looked;
  const found = await ask('/operations', { more: { q: words } });
  if (mine !== looked) return;
  options.innerHTML = found.html;
  active = -1;
  open(true);
}

function open(shown) {
  options.hidden = !shown;
  operation.setAttribute('aria-expanded', String(shown));
  if (!shown) operation.removeAttribute('aria-activedescendant');
}

function activate(index) {
  const all = $$('[data-id]', options);
  if (!all.length) return;
  active = (index + all.length) % all.length;
  all.forEach((option, i) => option.setAttribute('aria-selected', String(i === active)));
  operation.setAttribute('aria-activedescendant', all[active].id);
  all[active].scrollIntoView({ block: 'nearest' });
}

async function choose(id) {
  open(false);
  const chosen = await ask('/operation', { more: { id } });
  load(chosen.trial, chosen.name, chosen.summary);
}

operation.addEventListener('input', () => look(operation.value));
operation.addEventListener('focus', () => operation.select());
operation.addEventListener('click', () => options.hidden && look(''));
operation.addEventListener('blur', () => { operation.value = chosenName; open(false); });
operation.addEventListener('keydown', async event => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    if (options.hidden) await look('');
    activate(event.key === 'ArrowDown' ? active + 1 : active < 0 ? -1 : active - 1);
  } else if (event.key === 'Enter' && !options.hidden) {
    event.preventDefault();
    const all = $$('[data-id]', options);
    if (all.length) choose(all[Math.max(active, 0)].dataset.id);
  } else if (event.key === 'Escape') {
    operation.value = chosenName;
    open(false);
  }
});
options.addEventListener('pointerdown', event => {
  event.preventDefault();
  const option = event.target.closest('[data-id]');
  if (option) choose(option.dataset.id);
});

// ---- Take it away ----

let tab = 'tab-connector';

function showAway(html) {
  const focused = document.activeElement?.id;
  $('#away').innerHTML = html;
  select(tab);
  if (focused?.startsWith('tab-')) $('#' + focused)?.focus();
}

function select(id) {
  tab = id;
  for (const each of $$('#away [role=tab]')) {
    const chosen = each.id === id;
    each.setAttribute('aria-selected', String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    $('#' + each.getAttribute('aria-controls')).hidden = !chosen;
  }
}

$('#away').addEventListener('click', event => { const chosen = event.target.closest('[role=tab]'); if (chosen) select(chosen.id); });
$('#away').addEventListener('keydown', event => {
  const tabs = $$('#away [role=tab]'), index = tabs.indexOf(event.target);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (index < 0 || !step) return;
  const next = tabs[(index + step + tabs.length) % tabs.length];
  select(next.id);
  next.focus();
});

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText($('#' + button.dataset.copy).textContent);
  button.classList.add('done');
  say('Copied');
  setTimeout(() => button.classList.remove('done'), 1200);
});

// ---- Send ----

async function confirmed(method, where, credential) {
  $('#confirm-method').textContent = method;
  $('#confirm-where').textContent = where;
  $('#confirm-credential').textContent = credential;
  const dialog = $('#confirm');
  dialog.returnValue = '';
  dialog.showModal();
  $('#confirm-send').focus();
  await new Promise(done => dialog.addEventListener('close', done, { once: true }));
  return dialog.returnValue === 'send';
}

$('#send').addEventListener('click', async () => {
  const where = $('#outbound .first span')?.textContent || url.value;
  if (!await confirmed(method.value, where, state.shown?.confirmation || '')) return;
  const button = $('#send');
  button.disabled = true;
  try {
    $('#answer').innerHTML = (await ask('/send', { body: trial() })).html;
  } catch (fault) {
    $('#answer').textContent = fault.message;
  }
  button.disabled = false;
});

// ---- curl ----

let proposed = null;
$('#paste').addEventListener('click', () => $('#curl').showModal());
$('#read').addEventListener('click', async () => {
  const box = $('#read-into');
  try {
    const read = await ask('/curl', { body: $('#command').value });
    if (read.error) return box.textContent = read.error;
    proposed = read.trial;
    box.innerHTML = read.html;
    $('#command').value = ''; // it may hold a secret
  } catch (fault) {
    box.textContent = fault.message;
  }
});
$('#read-into').addEventListener('click', event => {
  if (event.target.id !== 'use-proposal') return;
  $('#curl').close();
  load(proposed);
});
$('#curl').addEventListener('close', () => { $('#command').value = ''; $('#read-into').replaceChildren(); });

// ---- Watch ----

const list = $('#exchanges'), filter = $('#filter'), kept = $('#kept'), most = 250;
let chosen = 0;

function sift(row) {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), known = row.dataset.text.toLowerCase();
  row.hidden = !words.every(word => known.includes(word)) || kept.checked && !row.dataset.kept;
}

function listen() {
  const source = new EventSource(at('/watch'));
  let before = false;
  source.onopen = () => {
    $('#live').textContent = 'live';
    if (before) renew();
    before = true;
  };
  source.onerror = () => { $('#live').textContent = 'not connected'; };
  source.onmessage = event => {
    const { id, html } = JSON.parse(event.data);
    const holder = document.createElement('template');
    holder.innerHTML = html;
    const row = holder.content.firstElementChild, old = $('#x' + id);
    sift(row);
    if (id === chosen) $('.row', row).setAttribute('aria-current', 'true');
    if (old) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(row);
      if (focused) $('.row', row).focus();
    } else {
      list.prepend(row);
    }
    while (list.children.length > most) {
      const last = $$('li:not([data-kept])', list).at(-1);
      if (!last) break;
      last.remove();
    }
    $('#none').hidden = list.children.length > 0;
  };
}

// renew takes over what the page says of the documents, and asks the relay anew: the
// stream ends where one was changed.
async function renew() {
  try {
    const fresh = new DOMParser().parseFromString(await (await fetch(location)).text(), 'text/html');
    for (const part of ['.documents', '#fault']) $(part).replaceWith($(part, fresh));
    operation.placeholder = $('#operation', fresh).placeholder;
  } catch { /* the list says that it is not connected */ }
  soon();
}

for (const input of [filter, kept]) input.addEventListener('input', () => $$('li', list).forEach(sift));

async function openDetail(id) {
  chosen = id;
  for (const button of $$('.row', list)) button.toggleAttribute('aria-current', false);
  $(`#x${id} .row`)?.setAttribute('aria-current', 'true');
  try {
    $('#detail').innerHTML = (await ask('/exchange', { more: { id } })).html;
  } catch (fault) {
    $('#detail').textContent = fault.message;
  }
}

list.addEventListener('click', async event => {
  const row = event.target.closest('li');
  if (!row) return;
  await openDetail(Number(row.id.slice(1)));
  if (matchMedia('(max-width: 70rem)').matches) $('#detail').scrollIntoView({ block: 'start' });
});

$('#detail').addEventListener('click', async event => {
  const { use, keep, repeat, method: verb, where } = event.target.closest('button')?.dataset || {};
  try {
    if (use) {
      load((await ask('/use', { more: { id: use } })).trial);
      record.focus();
    } else if (keep) {
      const answer = await ask('/keep', { more: { id: keep }, body: '' });
      event.target.setAttribute('aria-pressed', String(answer.kept));
    } else if (repeat && await confirmed(verb, where, 'The same record and headers as before.')) {
      const sent = await ask('/repeat', { more: { id: repeat }, body: '' });
      await openDetail(sent.id);
    }
  } catch (fault) {
    say(fault.message);
    $('#live').textContent = fault.message;
  }
});

record.addEventListener('input', edited);
for (const input of [url, headers, method]) input.addEventListener('input', () => soon());
$('.editor').addEventListener('click', event => { if (event.target !== record) record.focus(); });
document.addEventListener('click', event => { const sheet = $('.documents[open]'); if (sheet && !sheet.contains(event.target)) sheet.open = false; });
document.addEventListener('keydown', event => { const sheet = $('.documents[open]'); if (sheet && event.key === 'Escape') { sheet.open = false; $('summary', sheet).focus(); } });

edited();
listen();
