"""Metrics that models keep. The server has them: instances and models that name the same ones share them."""

import enum
import threading

from .errors import TritonModelException

# Set by the worker: how the server is asked, and told. `later` may be called while something else is being sent.
ask = None
tell = None
later = None


class MetricKind(enum.IntEnum):
    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class Metric:
    """One series of a family; made by `MetricFamily.Metric`. It is of no use once its family has been deleted."""

    def __init__(self, kind, number):
        self._kind, self._number = kind, number
        self._cleared = False

    def increment(self, value):
        value = _number(value)
        self._refuse(MetricKind.HISTOGRAM, "increment")
        if self._kind == MetricKind.COUNTER and value < 0:
            raise TritonModelException("a counter takes no negative increment")
        self._change("increment", value)

    def set(self, value):
        value = _number(value)
        self._refuse(MetricKind.COUNTER, "set")
        self._refuse(MetricKind.HISTOGRAM, "set")
        self._change("set", value)

    def observe(self, value):
        value = _number(value)
        self._refuse(MetricKind.COUNTER, "observe")
        self._refuse(MetricKind.GAUGE, "observe")
        self._change("observe", value)

    def value(self):
        self._refuse(MetricKind.HISTOGRAM, "value")
        self._refuse_cleared()
        return float(ask("metric_value", metric=self._number))

    def _refuse(self, kind, operation):
        if self._kind == kind:
            raise TritonModelException(f"a metric of kind {kind.name} has no {operation}")

    def _refuse_cleared(self):
        if self._cleared:
            raise TritonModelException("the metric's MetricFamily has been deleted; delete it after its metrics")

    def _change(self, change, value):
        self._refuse_cleared()
        # JSON has no NaN and no infinity.
        tell({"kind": "metric_change", "metric": self._number, "change": change, "value": _text(value)})


def _number(value):
    if isinstance(value, (str, bytes)):
        raise TypeError(f"a metric takes numbers, not {type(value).__name__}")
    return float(value)


def _text(value):
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


class MetricFamily:
    COUNTER, GAUGE, HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

    def __init__(self, name, description, kind):
        self._metrics = []
        self._lock = threading.Lock()
        self.name, self.description, self.kind = name, description, MetricKind(kind)
        if ask is None:
            raise TritonModelException("metrics are kept by models, while the server runs them")
        ask("metric_family", name=name, description=description, metric=self.kind.name.lower())

    def Metric(self, labels=None, buckets=None):
        """A metric with these labels, the one that is there already if there is one. Buckets are of histograms only."""
        if labels is not None and not isinstance(labels, dict):
            raise TritonModelException("the labels of a metric are a dictionary")
        if any(not isinstance(part, str) for pair in (labels or {}).items() for part in pair):
            raise TritonModelException("the labels of a metric are texts")
        if buckets is not None and not isinstance(buckets, list):
            raise TritonModelException("the buckets of a histogram are a list")
        if self.kind == MetricKind.HISTOGRAM and buckets is None:
            raise TritonModelException("a histogram needs buckets")
        if self.kind != MetricKind.HISTOGRAM and buckets is not None:
            raise TritonModelException("only a histogram has buckets")
        bounds = [float(bound) for bound in buckets or []]
        if any(_text(bound)[-1] in "Ny" for bound in bounds):
            raise TritonModelException("the buckets of a histogram are finite numbers")
        number = int(ask("metric", name=self.name, labels=labels or {}, buckets=bounds))
        metric = Metric(self.kind, number)
        with self._lock:
            self._metrics.append(metric)
        return metric

    def __del__(self):
        for metric in self._metrics:
            metric._cleared = True
        if self._metrics and later is not None:
            later({"kind": "metrics_gone", "metrics": [metric._number for metric in self._metrics]})
