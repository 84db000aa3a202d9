/**
 * Compares our reader of config.pbtxt with protobuf's own C++ parser (protoc, as in the PyPI package grpcio-tools) on
 * random, mutated texts: whether each accepts a text, and whether both read the same from it.
 *
 *   node scripts/compare-config-text.ts --python /path/to/python [--count 3000] [--seed 1] [folders]
 *
 * With folders the texts are every .pbtxt file in them, each as it is and with --count mutations in all.
 *
 * Known differences, counted apart: from strings that are not valid UTF-8 we drop the bytes that are not, as Triton does
 * in its JSON; and a map's entry takes its key and value once, even as zeros. The messages that Triton generates know
 * their presence, those that protoc makes up do not.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import type { Diagnostic } from '../src/base/index.ts';
import { anyConfig } from '../src/config/fixtures/arbitrary.ts';
import { anyMutation } from '../src/config/fixtures/mutations.ts';
import { modelConfigDescriptor } from '../src/config/fixtures/oracle.ts';
import { configFromJson, configToJson, parseConfig, printConfig } from '../src/config/index.ts';
import { generateProto } from '../src/config/schema/proto.ts';

/** One fork a text: protoc reads standard input and ends its process on errors. */
const driver = `
import base64, json, os, sys
from grpc_tools import _protoc_compiler
folder = sys.argv[1]
names = [os.path.join(folder, name) for name in ('in', 'out', 'err')]
for line in sys.stdin:
    with open(names[0], 'wb') as file: file.write(base64.b64decode(json.loads(line)))
    child = os.fork()
    if child == 0:
        for number, name in enumerate(names):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(name, flags), number)
        words = ['protoc', '-I' + folder, '--encode=inference.ModelConfig', 'model_config.proto']
        os._exit(_protoc_compiler.run_main([word.encode() for word in words]))
    status = os.waitpid(child, 0)[1]
    out, err = [open(name, 'rb').read() for name in names[1:]]
    print(json.dumps([status == 0, base64.b64encode(out).decode(), err.decode('utf8', 'replace')]), flush=True)
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    count: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
  },
});

function askProtoc(texts: readonly Uint8Array[]): [boolean, string, string][] {
  const folder = mkdtempSync(join(tmpdir(), 'conch-protoc-'));
  writeFileSync(join(folder, 'model_config.proto'), generateProto());
  const input = texts.map((text) => JSON.stringify(Buffer.from(text).toString('base64'))).join('\n');
  const run = spawnSync(values.python, ['-c', driver, folder], { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
  rmSync(folder, { recursive: true });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const seed = Number(values.seed);
const files = positionals.flatMap((folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.includes('.pbtxt'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
);
const plain = positionals.length > 0 ? fc.constantFrom(...files.map(String)) : anyConfig.map(printConfig);
const mutated = fc.sample(plain.chain(anyMutation), { numRuns: Number(values.count), seed });
const texts: Uint8Array[] = [...files, ...mutated];
const answers = askProtoc(texts);
const counts = { accepted: 0, refused: 0, invalidUtf8: 0, entryTwice: 0, different: 0 };
texts.forEach((text, index) => {
  const [accepted, encoded, complaint] = answers[index]!;
  const ours = parseConfig(text);
  const warned = ours.diagnostics.some((one) => one.severity === 'warning');
  const errors = ours.diagnostics.filter((one) => one.severity === 'error');
  const [first] = errors;
  if (accepted && first !== undefined && errors.every(isEntryTwice)) counts.entryTwice++;
  else if (accepted && complaint.includes('invalid UTF-8') && warned && first === undefined) counts.invalidUtf8++;
  else if (accepted !== (first === undefined))
    differ(text, `protoc ${accepted ? 'accepts' : complaint}`, first?.message);
  else if (accepted && !sameConfig(ours.config, Buffer.from(encoded, 'base64')))
    differ(text, 'other values', undefined);
  else counts[accepted ? 'accepted' : 'refused']++;
});
console.log(counts);
process.exitCode = counts.different === 0 ? 0 : 1;

function isEntryTwice({ code, where }: Diagnostic): boolean {
  return code === 'config/duplicate-field' && /\]\.(key|value)$/.test(where.path ?? '');
}

function sameConfig(config: object, encoded: Uint8Array): boolean {
  const message = fromBinary(modelConfigDescriptor, encoded);
  const json = toJson(modelConfigDescriptor, message, { useProtoFieldName: true, alwaysEmitImplicit: true });
  return isDeepStrictEqual(configFromJson(json), configFromJson(JSON.stringify(configToJson(config))));
}

function differ(text: Uint8Array, protoc: string, ours: string | undefined): void {
  counts.different++;
  if (counts.different <= 10) console.log({ text: Buffer.from(text).toString('latin1'), protoc, ours });
}
