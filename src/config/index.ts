export {
  type CompletedConfig,
  type CompletionChange,
  type CompletionContext,
  completeConfig,
  type OnnxSignature,
  type OnnxSignatureTensor,
} from './complete/complete.ts';
export { type ConfigEdit, editConfig, formatConfig } from './edit/edit.ts';
export type * from './generated.ts';
export { dimsOf, toInteger } from './integers.ts';
export { configFromJson, configToJson, type JsonObject, type JsonValue } from './json/json.ts';
export { type TextRule, textRules } from './text/findings.ts';
export type { Position } from './text/lines.ts';
export { type ParsedConfig, parseConfig } from './text/parse.ts';
export { printConfig } from './text/print.ts';
