import { ConchError } from '../../../base/index.ts';
import { type Files, floatsInAndOut, testRule } from '../../testing.ts';

const model = (content: Files[string], lines = ''): Files => ({
  'm/config.pbtxt': `backend: "pytorch"\n${floatsInAndOut}\n${lines}`,
  'm/1/model.pt': content,
});
const weights = new ConchError('FILE_INVALID', '/models/m/1/model.pt is no TorchScript model: it holds weights only', {
  where: { file: '/models/m/1/model.pt' },
});

testRule('pytorch/unreadable', {
  fires: [[model(weights), ['m/1/model.pt error 1/model.pt is no TorchScript model: it holds weights only']]],
  silent: [[model(1000)], [{ ...model(weights), 'm/config.pbtxt': `backend: "openvino"\n${floatsInAndOut}` }]],
});
