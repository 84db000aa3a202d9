"""DLPack for bfloat16, which numpy has no type for: capsules over raw bytes, made and read by hand.

The layout is that of `dlpack.h`, before its versioned form; every library takes that one where nothing else is asked for.
"""

import ctypes

NAME = b"dltensor"
CPU = 1
BFLOAT = 4
# The processor's own memory, and the processor's that a GPU can reach.
CPU_DEVICES = (1, 3)


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("dtype", _Type),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Managed(ctypes.Structure):
    _fields_ = [("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
# By address: a capsule that is being destroyed must not be counted once more.
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)

# What capsules stand on, by the address of their tensor, until somebody is done with them.
_alive = {}


@_Deleter
def _delete(address):
    _alive.pop(address, None)


@_Destructor
def _destroy(capsule):
    # Whoever takes a capsule renames it, and calls the deleter himself.
    if _is_valid(capsule, NAME):
        _delete(_pointer(capsule, NAME))


def from_bytes(buffer, shape):
    """A capsule of bfloat16 over a writable buffer, which is not copied."""
    size = memoryview(buffer).nbytes
    data = (ctypes.c_char * size).from_buffer(buffer) if size else None
    dims = (ctypes.c_int64 * max(1, len(shape)))(*shape)
    managed = _Managed()
    managed.tensor.data = ctypes.addressof(data) if size else None
    managed.tensor.device_type, managed.tensor.ndim = CPU, len(shape)
    managed.tensor.dtype = _Type(BFLOAT, 16, 1)
    managed.tensor.shape = dims
    managed.deleter = ctypes.cast(_delete, ctypes.c_void_p)
    address = ctypes.addressof(managed)
    _alive[address] = (managed, dims, data, buffer)
    return _new(address, NAME, ctypes.cast(_destroy, ctypes.c_void_p))


def bfloat16_of(capsule):
    """Shape and bytes, copied, where a capsule holds bfloat16; None where it holds something else, or is of another form."""
    held = id(capsule)
    if not _is_valid(held, NAME):
        return None
    tensor = _Managed.from_address(_pointer(held, NAME)).tensor
    if tensor.dtype.code != BFLOAT or tensor.dtype.bits != 16 or tensor.dtype.lanes != 1:
        return None
    if tensor.device_type not in CPU_DEVICES:
        return None
    shape = [tensor.shape[axis] for axis in range(tensor.ndim)]
    expected = 1
    for axis in reversed(range(tensor.ndim)):
        if tensor.strides and shape[axis] > 1 and tensor.strides[axis] != expected:
            raise ValueError("a bfloat16 tensor must be contiguous")
        expected *= shape[axis]
    size = 2 * expected
    data = ctypes.string_at(tensor.data + tensor.byte_offset, size) if size else b""
    return shape, bytearray(data)
