"""Executes a model: takes batches from the channel, hands them to model.py, sends what it answers."""

import asyncio
import os
import queue
import sys
import threading
import traceback
import weakref

from . import log, metrics
from .calls import Calls, use_calls
from .channel import Closed
from .errors import TritonError, TritonModelException, told
from .model import load_model_class, missing_module
from .requests import RELEASE_RESCHEDULE, InferenceRequest
from .responses import RESPONSE_COMPLETE_FINAL, InferenceResponse


class Worker:
    def __init__(self, channel, gone):
        self.channel = channel
        self.decoupled = False
        self.args = {}
        self._gone = gone
        self._batches = queue.SimpleQueue()
        self._cancels = weakref.WeakValueDictionary()
        self._calls = Calls(channel)
        self._model = None
        self._loop = None
        self._telling = False
        self._loop_lock = threading.Lock()

    def serve(self):
        """Until told to close; never returns."""
        try:
            start, _ = self.channel.receive()
            threading.Thread(target=self._read, name="conch-reader", daemon=True).start()
            if self._initialize(start):
                self._work()
        except Closed:
            self._gone()
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads that the model left behind must not keep the process.
        os._exit(0)

    def _initialize(self, start):
        self.args, self.decoupled = start["args"], start["decoupled"]
        log.model_dir, log.tell = start["dir"], self.channel.send
        metrics.ask, metrics.tell, metrics.later = self._calls.ask, self.channel.send, self.channel.later
        try:
            model = load_model_class(start)()
            if not hasattr(model, "execute"):
                raise TritonModelException(f"{start['path']} has no execute method in its TritonPythonModel")
            if hasattr(model, "initialize"):
                model.initialize(self.args)
            self._model = model
        except Closed:
            raise
        except BaseException as error:  # A model may call sys.exit.
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == start["path"]]
            message = {
                "kind": "refused",
                "reason": "model",
                "message": f"{type(error).__name__}: {error}",
                "line": frames[-1].lineno if frames else getattr(error, "lineno", None),
                "missing": missing_module(error),
                "trace": told(error),
            }
            self.channel.send(message)
            return False
        use_calls(self._calls)
        self.channel.send({"kind": "ready", "asks": hasattr(model, "is_ready")})
        return True

    def _work(self):
        while True:
            batch = self._batches.get()
            if batch is None:
                break
            self._execute(*batch)
        use_calls(None)
        try:
            if hasattr(self._model, "finalize"):
                self._model.finalize()
        except BaseException as error:
            print(f"finalize failed: {told(error)}", file=sys.stderr)
        self.channel.send({"kind": "closed"})

    def _read(self):
        try:
            while True:
                message, tensor = self.channel.receive()
                kind = message["kind"]
                if kind == "run":
                    run = message["run"]
                    requests = [
                        InferenceRequest.from_wire(self, run, index, wire, tensor)
                        for index, wire in enumerate(message["requests"])
                    ]
                    for index, request in enumerate(requests):
                        self._cancels[run, index] = request._cancelled
                    self._batches.put((run, requests))
                elif kind == "cancel":
                    cancelled = self._cancels.get((message["run"], message["index"]))
                    if cancelled is not None:
                        cancelled.set()
                elif kind == "ready":
                    # One that hangs stays the only one; its answer, if it comes, is for whoever asks then.
                    if not self._telling:
                        self._telling = True
                        threading.Thread(target=self._tell_ready, name="conch-ready", daemon=True).start()
                elif kind == "answer":
                    self._calls.answer(message, tensor)
                elif kind == "close":
                    self._batches.put(None)
        except Closed:
            self._gone()
        except BaseException:
            traceback.print_exc()
            self._gone()

    def _tell_ready(self):
        """What the model's is_ready says; beside whatever it executes."""
        ready, failure = False, None
        try:
            said = self._model.is_ready()
            if asyncio.iscoroutine(said):
                said = asyncio.run_coroutine_threadsafe(said, self._event_loop()).result()
            if not isinstance(said, bool):
                raise TritonModelException(f"is_ready must return a bool, it returned {type(said).__name__}")
            ready = said
        except BaseException as error:
            failure = told(error)
        self._telling = False
        try:
            self.channel.send({"kind": "readiness", "ready": ready, "error": failure})
        except Closed:
            pass

    def _execute(self, run, requests):
        try:
            returned = self._model.execute(requests)
            if asyncio.iscoroutine(returned):
                future = asyncio.run_coroutine_threadsafe(returned, self._event_loop())
                if self.decoupled:
                    future.add_done_callback(lambda done: self._background_done(done, requests))
                    self.channel.send({"kind": "done", "run": run, "responses": [None] * len(requests), "rescheduled": []})
                    return
                returned = future.result()
            tensors = []
            responses = self._responses(requests, returned, tensors)
            again = [index for index, request in enumerate(requests) if request.release_flags == RELEASE_RESCHEDULE]
            self.channel.send({"kind": "done", "run": run, "responses": responses, "rescheduled": again}, tensors)
        except Closed:
            raise
        except BaseException as error:
            for request in requests:
                request._sender.close()
            self.channel.send({"kind": "failed", "run": run, "message": told(error)})

    def _responses(self, requests, returned, tensors):
        """What `execute` returned, for the channel; None for a request that its sender answers."""
        if returned is None:
            returned = [None] * len(requests)
        elif self.decoupled:
            raise TritonModelException("execute of a decoupled model returns None; responses go through the senders")
        if not isinstance(returned, list):
            raise TritonModelException(f"execute must return a list, it returned {type(returned).__name__}")
        if len(returned) != len(requests):
            raise TritonModelException(
                f"execute must return one response for each request: {len(requests)} requests, {len(returned)} responses"
            )
        wires = []
        for request, response in zip(requests, returned):
            rescheduled = request.release_flags == RELEASE_RESCHEDULE
            if rescheduled and response is not None:
                raise TritonModelException("the response to a request that is rescheduled must be None")
            if response is None:
                wires.append(None if rescheduled or request.sender_taken or not request._sender.unused else self._unanswered())
                continue
            if not isinstance(response, InferenceResponse):
                raise TritonModelException(
                    f"execute must return InferenceResponse objects, it returned {type(response).__name__}"
                )
            request._sender.claim(response, RESPONSE_COMPLETE_FINAL)
            wires.append(response.wire(request.requested_output_names(), tensors))
        return wires

    @staticmethod
    def _unanswered():
        return {"error": TritonError("execute gave no response to the request, and did not take its sender").wire()}

    def _background_done(self, future, requests):
        """A coroutine has ended; what it left unanswered when it failed would never be answered."""
        error = future.exception() if not future.cancelled() else None
        if error is None:
            return
        text = told(error)
        print(f"execute failed: {text}", file=sys.stderr)
        for request in requests:
            try:
                request._sender.send(InferenceResponse(error=TritonError(text)), RESPONSE_COMPLETE_FINAL)
            except (TritonModelException, Closed):
                pass

    def _event_loop(self):
        with self._loop_lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="conch-asyncio", daemon=True).start()
            return self._loop
