"""Memory and streams of the first GPU, by the driver's own library: no other package is needed for these few calls."""

import ctypes

# CUdevice_attribute of the driver API.
CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76


class Device:
    """Raises OSError without a driver or a GPU."""

    def __init__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, 256, device)
        self.name = name.value.decode()
        numbers = []
        for attribute in (CAPABILITY_MAJOR, CAPABILITY_MINOR):
            value = ctypes.c_int()
            self.call("cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
            numbers.append(str(value.value))
        self.compute_capability = ".".join(numbers)
        # The context that the CUDA runtime, and so TensorRT, uses.
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)

    def call(self, function, *arguments):
        code = getattr(self.driver, function)(*arguments)
        if code == 100:
            raise OSError("no CUDA-capable device is detected")
        if code != 0:
            raise OSError(f"{function} failed with CUDA error {code}")

    def take(self, size):
        """The address of `size` bytes."""
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        return address.value

    def put(self, content):
        """The address of a copy."""
        address = self.take(len(content))
        self.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), content, ctypes.c_size_t(len(content)))
        return address

    def get(self, address, size):
        content = ctypes.create_string_buffer(size)
        self.call("cuMemcpyDtoH_v2", content, ctypes.c_uint64(address), ctypes.c_size_t(size))
        return content.raw

    def stream(self):
        stream = ctypes.c_void_p()
        self.call("cuStreamCreate", ctypes.byref(stream), 0)
        return stream.value

    def wait(self, stream):
        self.call("cuStreamSynchronize", ctypes.c_void_p(stream))
