import { writeFileSync } from 'node:fs';
import { generateProtocolTypes } from '../src/protocol/schema/generate.ts';

// Rewrites src/protocol/schema/generated.ts from table.ts and health.ts beside it; a unit test fails when they differ.
writeFileSync(new URL('../src/protocol/schema/generated.ts', import.meta.url), generateProtocolTypes());
