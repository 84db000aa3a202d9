import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageFiles } from './images.ts';

const folder = join(import.meta.dirname, '../docker');
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(imageFiles())) writeFileSync(join(folder, name), text);
