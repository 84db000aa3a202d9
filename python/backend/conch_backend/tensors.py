"""Tensors as models see them, and Triton's element types."""

import struct

import numpy as np

from . import dlpack
from .errors import TritonModelException

# Triton's name and number of each type that numpy has.
NUMPY_TYPES = {
    "BOOL": (1, np.bool_),
    "UINT8": (2, np.uint8),
    "UINT16": (3, np.uint16),
    "UINT32": (4, np.uint32),
    "UINT64": (5, np.uint64),
    "INT8": (6, np.int8),
    "INT16": (7, np.int16),
    "INT32": (8, np.int32),
    "INT64": (9, np.int64),
    "FP16": (10, np.float16),
    "FP32": (11, np.float32),
    "FP64": (12, np.float64),
    "BYTES": (13, np.object_),
}
# The numpy type by a configuration's name of it.
CONFIG_TYPES = {
    f"TYPE_{'STRING' if name == 'BYTES' else name}": bool if name == "BOOL" else kind
    for name, (_, kind) in NUMPY_TYPES.items()
}
NUMBERS = {name: number for name, (number, _) in NUMPY_TYPES.items()}
NUMBERS["BF16"] = 14
NAMES = {number: name for name, number in NUMBERS.items()}


def triton_to_numpy_type(data_type):
    name = NAMES.get(int(data_type))
    return NUMPY_TYPES[name][1] if name in NUMPY_TYPES else None


def numpy_to_triton_type(data_type):
    """Triton's number for a numpy type, None for one that it does not have."""
    if data_type == np.bytes_ or np.dtype(data_type).kind in "SO":
        return NUMBERS["BYTES"]
    for number, known in NUMPY_TYPES.values():
        if data_type == known:
            return number
    return None


def triton_string_to_numpy(triton_type_string):
    """The numpy type of a configuration's `TYPE_...`; KeyError for one that numpy does not have."""
    return CONFIG_TYPES[triton_type_string]


def serialize_byte_tensor(input_tensor):
    """Elements framed as they travel: a 4-byte little-endian length before each. Text becomes UTF-8."""
    if input_tensor.size == 0:
        return ()
    if input_tensor.dtype != np.object_ and input_tensor.dtype.type != np.bytes_:
        return None
    parts = []
    for element in input_tensor.ravel(order="C").tolist():
        encoded = element if isinstance(element, bytes) else str(element).encode("utf-8")
        parts.append(struct.pack("<I", len(encoded)))
        parts.append(encoded)
    return b"".join(parts)


def deserialize_bytes_tensor(encoded_tensor):
    """The elements of a framed buffer as a flat array of bytes objects."""
    view = memoryview(encoded_tensor).cast("B")
    elements = []
    offset = 0
    while offset < len(view):
        (length,) = struct.unpack_from("<I", view, offset)
        offset += 4
        elements.append(bytes(view[offset : offset + length]))
        offset += length
    array = np.empty(len(elements), dtype=np.object_)
    array[:] = elements
    return array


class _Capsule:
    """Something that holds a DLPack capsule, for functions that want an object which makes one."""

    def __init__(self, capsule):
        self._capsule = capsule

    def __dlpack__(self, **_):
        return self._capsule

    def __dlpack_device__(self):
        return (1, 0)


class Tensor:
    """A named array in the processor's memory."""

    def __init__(self, name, numpy_array):
        if name == "":
            raise TritonModelException("a tensor's name cannot be empty")
        if not isinstance(numpy_array, np.ndarray):
            numpy_array = np.asarray(numpy_array)
        number = numpy_to_triton_type(numpy_array.dtype)
        if number is None:
            raise TritonModelException(f"tensor '{name}': Triton has no type for numpy's {numpy_array.dtype}")
        self._name = name
        self._type = NAMES[number]
        # Zero-dimensional arrays would become one-dimensional by ascontiguousarray.
        self._array = numpy_array if numpy_array.flags.c_contiguous else np.ascontiguousarray(numpy_array)
        self._shape = list(self._array.shape)
        self._raw = None

    @classmethod
    def from_wire(cls, name, datatype, shape, buffer):
        """A tensor over `buffer`, which is not copied; BF16 has no array."""
        tensor = cls.__new__(cls)
        tensor._name, tensor._type, tensor._shape, tensor._raw = name, datatype, list(shape), None
        if datatype == "BYTES":
            tensor._array = deserialize_bytes_tensor(buffer).reshape(shape)
        elif datatype in NUMPY_TYPES:
            tensor._array = np.frombuffer(buffer, dtype=NUMPY_TYPES[datatype][1]).reshape(shape)
        else:
            tensor._array, tensor._raw = None, buffer
        return tensor

    def name(self):
        return self._name

    def as_numpy(self):
        if self._array is None:
            raise TritonModelException(
                f"tensor '{self._name}' is {self._type}, which numpy does not have: take it by to_dlpack()"
            )
        return self._array

    def triton_dtype(self):
        return NUMBERS[self._type]

    def is_cpu(self):
        return True

    def shape(self):
        return list(self._shape)

    def wire(self):
        """Type and bytes as they travel."""
        if self._array is None:
            return self._type, self._raw
        if self._type == "BYTES":
            return self._type, serialize_byte_tensor(self._array) or b""
        return self._type, self._array.reshape(-1).view(np.uint8).data

    @staticmethod
    def from_dlpack(name, tensor):
        """From an object with `__dlpack__`, or a capsule; memory of the processor only."""
        if not hasattr(tensor, "__dlpack__"):
            tensor = _Capsule(tensor)
        device = tensor.__dlpack_device__()[0]
        if device not in (1, 3):
            raise TritonModelException(f"tensor '{name}' is on DLPack device {int(device)}; only the processor's are taken")
        capsule = tensor.__dlpack__()
        try:
            found = dlpack.bfloat16_of(capsule)
        except ValueError as error:
            raise TritonModelException(f"tensor '{name}': {error}") from error
        if found:
            return Tensor.from_wire(name, "BF16", *found)
        return Tensor(name, np.from_dlpack(_Capsule(capsule)))

    def to_dlpack(self):
        return self.__dlpack__()

    def __dlpack__(self, stream=None, **_):
        if self._type == "BYTES":
            raise TritonModelException(f"tensor '{self._name}': DLPack has no texts")
        if self._array is None:
            return dlpack.from_bytes(self._raw, self._shape)
        return self._array.__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)
