import { scalarTypes } from '../../../config/index.ts';
import type { ProtoFile } from './proto-file.ts';

/**
 * The same files with every type that a field or method names as a full name. A name is looked up as protobuf does:
 * in the message itself, then outwards. What no file declares (an import that is not at hand) is taken to be of the
 * file's own package, unless it is written with dots.
 */
export function resolveTypes(files: readonly ProtoFile[]): ProtoFile[] {
  const declared = new Set<string>();
  for (const file of files) {
    for (const name of [...file.messages.keys(), ...file.enums.keys()]) {
      // Enclosing packages count: `inference.ModelConfig` is found from within `inference`.
      for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) declared.add(name.slice(0, end));
    }
  }
  return files.map((file) => {
    const resolve = (type: string, scope: string) => fullName(type, scope, file.package, declared);
    return {
      ...file,
      messages: new Map(
        [...file.messages].map(([name, fields]) => [
          name,
          fields.map((field) => ({ ...field, type: resolve(field.type, name) })),
        ]),
      ),
      services: new Map(
        [...file.services].map(([name, methods]) => [
          name,
          methods.map((method) => ({
            ...method,
            request: resolve(method.request, file.package),
            response: resolve(method.response, file.package),
          })),
        ]),
      ),
    };
  });
}

function fullName(type: string, scope: string, packageName: string, declared: ReadonlySet<string>): string {
  if (type.startsWith('.')) return type.slice(1);
  if (scalarTypes.includes(type)) return type;
  const first = type.split('.', 1)[0]!;
  for (let around = scope; around !== ''; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
    if (declared.has(`${around}.${first}`)) return `${around}.${type}`;
  }
  return declared.has(first) || type.includes('.') || packageName === '' ? type : `${packageName}.${type}`;
}
