import { expect, test } from 'vitest';
import { pathOf, Router } from './router.ts';
import { routes } from './routes.ts';

function found(method: string, path: string) {
  const match = routes.find(method, path);
  if (!match) return 'none';
  if (!('handler' in match)) return `allows ${match.allowed.join(' ')}`;
  const { model, version, region } = match.parameters;
  return [match.handler.endpoint.name, model, version, region].filter(Boolean).join(' ');
}

test.each([
  ['GET', '/v2', 'describeServer'],
  ['GET', '/v2/', 'none'],
  ['GET', '/', 'none'],
  ['GET', '', 'none'],
  ['GET', '/v2/health/live', 'live'],
  ['GET', '/v2/health/live/', 'none'],
  ['GET', '/v2//health/live', 'none'],
  ['GET', '/v2/models/a', 'modelMetadata a'],
  ['GET', '/v2/models/a/', 'none'],
  ['GET', '/v2/models/', 'none'],
  ['GET', '/v2/models/a/versions/12', 'modelMetadata a 12'],
  ['GET', '/v2/models/a/versions/x', 'none'],
  ['GET', '/v2/models/a/versions/', 'none'],
  ['GET', '/v2/models/a/versions/1x', 'none'],
  ['GET', '/v2/models/a/versions', 'none'],
  ['POST', '/v2/models/a/infer', 'infer a'],
  ['POST', '/v2/models/a/versions/1/infer', 'infer a 1'],
  ['GET', '/v2/models/a/infer', 'allows POST'],
  ['GET', '/v2/models/a/nothing', 'none'],
  ['GET', '/v2/models/stats', 'allStatistics'],
  ['GET', '/v2/models/stats/ready', 'modelReady stats'],
  ['GET', '/v2/models/stats/stats', 'modelStatistics stats'],
  ['GET', '/v2/models/a/stats', 'modelStatistics a'],
  ['GET', '/v2/models/infer/infer', 'allows POST'],
  ['POST', '/v2/models/a%20b%2Fc/infer', 'infer a b/c'],
  ['POST', '/v2/models/%zz/infer', 'none'],
  ['POST', '/v2/repository/index', 'repositoryIndex'],
  ['POST', '/v2/repository/r/index', 'repositoryIndex'],
  ['POST', '/v2/repository/models/a/load', 'loadModel a'],
  ['POST', '/v2/repository/models/models/a/load', 'controlNamedRepository a'],
  ['POST', '/v2/repository/r/models/a/unload', 'controlNamedRepository a'],
  ['GET', '/v2/systemsharedmemory/region/r1/status', 'systemRegion r1'],
  ['POST', '/v2/cudasharedmemory/unregister', 'unregisterAllCuda'],
  ['GET', '/v2/logging', 'logging'],
  ['DELETE', '/v2/logging', 'allows GET POST'],
  ['GET', '/v2/models/a/trace/setting', 'modelTrace a'],
  ['GET', '/__proto__', 'none'],
  ['__proto__', '/v2', 'allows GET'],
])('%s %s finds %s', (method, path, expected) => {
  expect(found(method, path)).toBe(expected);
});

test('a request target yields its path', () => {
  expect(pathOf('/v2?a=/b')).toBe('/v2');
  expect(pathOf('http://host:8000/v2/x?y')).toBe('/v2/x');
  expect(pathOf('http://host')).toBe('http://host');
  expect(pathOf('*')).toBe('*');
});

test('routes with variables fall back from fixed segments', () => {
  const router = new Router<string>();
  router.add('GET', '/a/:model/x', 'variable');
  router.add('GET', '/a/b/:region/y', 'fixed');
  const handler = (path: string) => {
    const match = router.find('GET', path);
    return match && 'handler' in match ? match.handler : undefined;
  };
  expect(handler('/a/b/x')).toBe('variable');
  expect(handler('/a/b/c/y')).toBe('fixed');
  expect(handler('/a/b/c/z')).toBeUndefined();
});

test('asking again finds the same, until another route takes its place', () => {
  const router = new Router<string>();
  router.add('GET', '/a/:model', 'old');
  router.add('POST', '/a/:model', 'other');
  const handler = (method: string, path: string) => {
    const match = router.find(method, path);
    return match && ('handler' in match ? `${match.handler} ${match.parameters.model}` : match.allowed.join(' '));
  };
  const asked = () => [handler('GET', '/a/b'), handler('GET', '/a/b'), handler('POST', '/a/b'), handler('PUT', '/a/b')];
  expect(asked()).toEqual(['old b', 'old b', 'other b', 'GET POST']);
  expect(handler('GET', '/a/c')).toBe('old c');
  router.add('GET', '/a/:model', 'new');
  expect(handler('GET', '/a/c')).toBe('new c');
});
