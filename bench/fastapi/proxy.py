"""The yardstick of bench/proxy.ts and bench/text.ts: a proxy in FastAPI over Triton's Python client, as one writes it.

One async route for each model, whose body is checked by pydantic; the client is tritonclient's asyncio one, binary
tensors. Run as `python proxy.py <host:port of the server> <port, 0 for any>`; prints its port.
"""

import socket
import sys

import numpy as np
import uvicorn
import uvloop
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from tritonclient.http.aio import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

app = FastAPI()
client: InferenceServerClient


class Row(BaseModel):
    x: list[float]


class Text(BaseModel):
    text: str


async def infer(model, inputs, output):
    try:
        return await client.infer(model, inputs, outputs=[InferRequestedOutput(output, binary_data=True)])
    except InferenceServerException as error:
        raise HTTPException(502, str(error)) from None


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/models/simple_net")
async def simple_net(row: Row):
    if len(row.x) != 10:
        raise HTTPException(422, "x: 10 numbers")
    x = InferInput("x", [1, 10], "FP32")
    x.set_data_from_numpy(np.array([row.x], dtype=np.float32), binary_data=True)
    result = await infer("simple_net", [x], "prediction")
    return {"prediction": float(result.as_numpy("prediction")[0, 0])}


labels = ["positive", "negative", "neutral"]


@app.post("/models/finbert")
async def finbert(body: Text):
    text = InferInput("text", [1, 1], "BYTES")
    text.set_data_from_numpy(np.array([[body.text.encode()]], dtype=np.object_), binary_data=True)
    result = await infer("finbert", [text], "logits")
    logits = result.as_numpy("logits")[0]
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = int(scores.argmax())
    named = {label: float(score) for label, score in zip(labels, scores)}
    return {"logits": logits.tolist(), "label": labels[best], "scores": named}


async def serve():
    global client
    client = InferenceServerClient(sys.argv[1], conn_limit=256)
    listener = socket.socket()
    listener.bind(("127.0.0.1", int(sys.argv[2])))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    print(listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(serve())
