import { writeFileSync } from 'node:fs';
import { generateTypes } from '../src/config/schema/generate.ts';

// Rewrites src/config/generated.ts from src/config/schema/table.ts; a unit test fails when the two differ.
writeFileSync(new URL('../src/config/generated.ts', import.meta.url), generateTypes());
