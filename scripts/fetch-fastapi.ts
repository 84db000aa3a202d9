import { fetchEnvironment, pythonEnvironment } from './python-environment.ts';

/** What bench/fastapi needs: FastAPI, uvicorn, Triton's Python client and tokenizers. `npm run fetch:fastapi` */
export const fetchFastapi = () => pythonEnvironment('fastapi', 'bench/fastapi/requirements.txt');

if (import.meta.filename === process.argv[1]) fetchEnvironment(fetchFastapi);
