import { fetchEnvironment, pythonEnvironment } from './python-environment.ts';

// schemathesis, which asks a server everything that its OpenAPI document allows and much that it does not.
fetchEnvironment(() => pythonEnvironment('schemathesis', 'test/schemathesis/requirements.txt'));
