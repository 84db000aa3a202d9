export { type CompletedConfig, completeConfig } from './complete/complete.ts';
export {
  type CompletionChange,
  type CompletionContext,
  completionRules,
  type OnnxSignature,
  type OnnxSignatureTensor,
  type PythonCompletion,
} from './complete/completion.ts';
export { parseAssignment } from './edit/assignment.ts';
export { type ConfigEdit, editConfig } from './edit/edit.ts';
export { formatConfig } from './edit/format.ts';
export type * from './generated.ts';
export { dimsOf, toInteger } from './integers.ts';
export { withoutDefaults } from './json/defaults.ts';
export { configFromJson } from './json/from-json.ts';
export { configToJson, type JsonObject, type JsonValue } from './json/to-json.ts';
export { generateTypes, scalarTypes, typeLines, typeName } from './schema/generate.ts';
export { type NewerField, newerFields } from './schema/newer.ts';
export {
  enums as configEnums,
  type FieldSpec,
  messages as configMessages,
  type ScalarType,
  type SchemaTable,
} from './schema/table.ts';
export { type TextRule, textRules } from './text/findings.ts';
export type { Position } from './text/lines.ts';
export { type ParsedConfig, parseConfig } from './text/parse.ts';
export { printConfig } from './text/print.ts';
export { encodeText } from './text/strings.ts';
