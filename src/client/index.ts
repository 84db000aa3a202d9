export { decodeStrings, stringTensor } from '../tensor/index.ts';
export { connect } from './connect.ts';
export type { ConnectOptions, InferenceClient } from './inference-client.ts';
