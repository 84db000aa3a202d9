export { readTokenizer, type TokenizerFiles, tokenizerFiles } from './files.ts';
export { readLabels, softmax } from './labels.ts';
export { type LengthBatch, LengthWindow, type LengthWindowOptions, type Measure } from './length-window.ts';
export {
  createTokenizer,
  type EncodedBatch,
  type EncodedText,
  type EncodedWords,
  type TextTokenizer,
  type TokenizerOptions,
} from './tokenizer.ts';
export type { EncodedWord } from './words.ts';
