import { defineDeployment } from 'conch-triton';

// What `npm start` compiles, checks, serves and validates. `conch start` in your own folder reads such a file too.
export default defineDeployment({
  repository: 'models',
  target: 'triton:26.07',
  models: {
    simple_net: {
      weights: 'examples/simple_net/weights.safetensors',
      layers: [{ name: 'net.0', activation: 'relu' }, { name: 'net.2', activation: 'relu' }, { name: 'net.4' }],
      input: 'x',
      output: 'prediction',
      max_batch_size: 64,
      expect: 'examples/simple_net/expected.jsonl',
    },
    // Becomes finbert-tokenizer, finbert-model and the ensemble finbert. For the full-size model of the same task write
    // checkpoint: 'ProsusAI/finbert' and drop `expect`; it goes through the same code.
    finbert: {
      checkpoint: 'examples/finbert/checkpoint',
      expect: 'examples/finbert/expected.jsonl',
    },
  },
});
