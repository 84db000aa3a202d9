# conch with the environment that PyTorch modules are compiled in. Build it from the checkout:
# docker build -f docker/compile.Dockerfile -t conch-compile .
# PyPI's PyTorch for Linux brings CUDA, 5.7 GB; --build-arg TORCH_INDEX=<url> takes it from the index that PyTorch's site
# names for processors, 1 GB.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Everything, as locked.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# TypeScript to JavaScript.
RUN npm run -s build
# What only development needs.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# ONNX Runtime's libraries for other platforms.
RUN node -e "const fs=require('fs'),p=require('path');const keep=process.platform+p.sep+process.arch;const bin='node_modules/onnxruntime-node/bin';for(const v of fs.readdirSync(bin))for(const o of fs.readdirSync(p.join(bin,v)))for(const a of fs.readdirSync(p.join(bin,v,o)))if(p.join(o,a)!==keep)fs.rmSync(p.join(bin,v,o,a),{recursive:true})"

FROM python:3.12.11-slim-bookworm
ENV NODE_ENV=production CONCH_CACHE=/tmp/conch CONCH_ENVIRONMENT=/opt/conch-environment
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /build/package.json /build/LICENSE /app/
COPY --from=build /build/python /app/python
COPY --from=build /build/node_modules /app/node_modules
COPY --from=build /build/dist /app/dist
ARG TORCH_INDEX=
# Every package in the version and with the hash of the lock.
RUN node /app/dist/main.js env --python python3 ${TORCH_INDEX:+--torch-index "$TORCH_INDEX"} \
    && node /app/dist/main.js env --check \
    && rm -rf /tmp/conch /root/.cache
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["compile"]
