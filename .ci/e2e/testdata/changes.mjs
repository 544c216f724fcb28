// Changes a document of a running workbench, ADDRESS FILE, and wants the page that is open to follow.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

const [address, file] = process.argv.slice(2);
const require = createRequire(new URL('../../../.tools/workbench/', import.meta.url));
const { chromium } = require('playwright-core');
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
page.on('pageerror', error => { throw error; });
await page.goto(address);

const document = readFileSync(file, 'utf8');
const shows = (part, text) => page.waitForFunction(([part, text]) => globalThis.document.querySelector(part).textContent.includes(text), [part, text]);
await shows('#outbound', 'X-Api-Key');
writeFileSync(file, document.replace('name: X-Api-Key', 'name: X-Other-Key'));
await shows('#outbound', 'X-Other-Key');
writeFileSync(file, document.replace('apiKey', 'apikey'));
await shows('#fault', 'write apiKey');
await shows('#outbound', 'X-Other-Key');
writeFileSync(file, document);
await shows('#outbound', 'X-Api-Key');
if (await page.textContent('#fault') !== '') throw new Error('the page still shows the fault');
await browser.close();
console.log('ok: the page follows its documents');
