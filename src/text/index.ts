export { readTokenizer, type TokenizerFiles, tokenizerFiles } from './files.ts';
export { readLabels, softmax } from './labels.ts';
export {
  createTokenizer,
  type EncodedBatch,
  type EncodedText,
  type TextTokenizer,
  type TokenizerOptions,
} from './tokenizer.ts';
