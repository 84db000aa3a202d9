"""What a model asks of the server while it runs: inference of other models, loading them, asking for them."""

import asyncio
import concurrent.futures
import itertools
import queue
import threading

from .errors import CODES, TritonError, TritonModelException
from .responses import InferenceResponse, parameters_from_wire

_calls = None


def current_calls():
    if _calls is None:
        raise TritonModelException("the server can be called while requests are executed, not before or after")
    return _calls


def use_calls(calls):
    global _calls
    _calls = calls


class ResponseIterator:
    """The responses to a request, as they come; with the empty one that ends them where the model sends that."""

    def __init__(self, calls, call, first, events):
        self._calls, self._call, self._events = calls, call, events
        self._kept = [first]
        self._iterated = 0

    def __iter__(self):
        self._iterated = 0
        return self

    def __next__(self):
        if self._iterated == len(self._kept):
            if self._kept[-1][1]:
                raise StopIteration
            self._kept.append(self._events.get())
        response, _ = self._kept[self._iterated]
        self._iterated += 1
        return response

    def cancel(self):
        self._calls.cancel(self._call)


class Calls:
    def __init__(self, channel):
        self._channel = channel
        self._numbers = itertools.count(1)
        self._open = {}
        self._lock = threading.Lock()

    def infer(self, request, decoupled):
        call, first, events = self._start(request, decoupled)
        return self._taken(call, first.result(), events, decoupled)

    def async_infer(self, request, decoupled):
        asyncio.get_running_loop()
        call, first, events = self._start(request, decoupled)

        async def wait():
            try:
                answer = await asyncio.wrap_future(first)
            except asyncio.CancelledError:
                self.cancel(call)
                raise
            return self._taken(call, answer, events, decoupled)

        return asyncio.ensure_future(wait())

    def ask(self, kind, tensors=(), **what):
        """A question with one answer; raises TritonModelException when the server refuses."""
        call, first, _ = self._open_call()
        self._channel.send({"kind": kind, "call": call, **what}, tensors)
        response, _ = first.result()
        if isinstance(response, InferenceResponse):
            raise TritonModelException(response.error().message())
        return response

    def cancel(self, call):
        self._channel.send({"kind": "cancel", "call": call})

    def answer(self, message, tensor):
        """One of the server's answers; comes from the thread that reads the channel."""
        call, final = message["call"], message["final"]
        with self._lock:
            first, events = self._open[call]
            if final:
                del self._open[call]
        event = (self._response(message, tensor), final)
        if first.done():
            events.put(event)
        elif first.set_running_or_notify_cancel():
            first.set_result(event)

    def _start(self, request, decoupled):
        tensors = []
        wire = request.call_wire(tensors)
        call, first, events = self._open_call()
        self._channel.send({"kind": "infer", "call": call, "decoupled": decoupled, "request": wire}, tensors)
        return call, first, events

    def _open_call(self):
        first, events = concurrent.futures.Future(), queue.SimpleQueue()
        with self._lock:
            call = next(self._numbers)
            self._open[call] = (first, events)
        return call, first, events

    def _taken(self, call, answer, events, decoupled):
        return ResponseIterator(self, call, answer, events) if decoupled else answer[0]

    @staticmethod
    def _response(message, tensor):
        if message.get("error"):
            error = message["error"]
            return InferenceResponse(error=TritonError(error["message"], CODES.index(error["code"])))
        if "result" in message:
            return message["result"]
        outputs = [tensor(entry) for entry in message.get("outputs", [])]
        response = InferenceResponse(outputs)
        response.set_parameters(parameters_from_wire(message.get("parameters")))
        return response
