"""Metrics that models keep. Each instance has its own; the server adds them up."""

import enum
import threading

from .errors import TritonModelException

# What the worker sets to have changes told to the server; nothing is told before.
tell = None


class MetricKind(enum.IntEnum):
    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class Metric:
    """One series of a family; made by `MetricFamily.Metric`."""

    def __init__(self, family, labels, buckets):
        self._family, self._labels, self._buckets = family, labels, buckets
        self._value = 0.0
        self._lock = threading.Lock()
        self._changed("increment", 0.0)

    def increment(self, value):
        kind = self._family.kind
        if kind == MetricKind.HISTOGRAM:
            raise TritonModelException("a histogram is not incremented: observe values")
        if kind == MetricKind.COUNTER and value < 0:
            raise TritonModelException("a counter takes no negative increment")
        with self._lock:
            self._value += value
        self._changed("increment", value)

    def set(self, value):
        if self._family.kind != MetricKind.GAUGE:
            raise TritonModelException("only a gauge is set")
        with self._lock:
            difference, self._value = value - self._value, float(value)
        self._changed("increment", difference)

    def observe(self, value):
        if self._family.kind != MetricKind.HISTOGRAM:
            raise TritonModelException("only a histogram takes observations")
        self._changed("observe", value)

    def value(self):
        if self._family.kind == MetricKind.HISTOGRAM:
            raise TritonModelException("a histogram has no single value")
        return self._value

    def _changed(self, how, value):
        if tell is None:
            return
        family = self._family
        tell(
            {
                "kind": "metric",
                "name": family.name,
                "description": family.description,
                "metric": family.kind.name.lower(),
                "labels": self._labels,
                "buckets": self._buckets,
                "change": how,
                "value": float(value),
            }
        )


class MetricFamily:
    COUNTER, GAUGE, HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

    def __init__(self, name, description, kind):
        self.name, self.description, self.kind = name, description, MetricKind(kind)

    def Metric(self, labels=None, buckets=None):
        labels = dict(labels or {})
        if any(not isinstance(part, str) for pair in labels.items() for part in pair):
            raise TritonModelException("the labels of a metric are texts")
        if self.kind == MetricKind.HISTOGRAM and not buckets:
            raise TritonModelException("a histogram needs buckets")
        if self.kind != MetricKind.HISTOGRAM and buckets:
            raise TritonModelException("only a histogram has buckets")
        return Metric(self, labels, list(buckets or []))
