"""Large arrays of pixels as tensors: nothing is copied, and mapped files stay files."""

import math
import mmap
import threading
import time
import weakref
import zlib

import numpy as np

# TensorFlow's.
_ALIGNMENT = 64
# Seconds after which pages of mapped files are given back.
_KEEP_PAGES = 0.1
# Mappings whose pages are given back, and the thread that does it.
_mapped, _threads = weakref.WeakSet(), []


def aligned(shape):
    """Like `np.empty`, of uint8, where TensorFlow can share it."""
    size = math.prod(shape)
    room = np.empty(size + _ALIGNMENT, "uint8")
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size].reshape(shape)


def as_tensor(array):
    """Holds an array as a tensor in main memory, where `tf.data` works.

    A read-only array, mapped files included, is shared; others, which their owner may
    change, are copied.
    """
    import tensorflow as tf

    with tf.device("CPU:0"):
        if not is_shared(array):
            return tf.constant(array)
        _give_back_pages(array)
        writable = np.asarray(_Writable(array))
        return tf.experimental.dlpack.from_dlpack(writable.__dlpack__())


def reader(array):
    """Returns a function without arguments that gives an array as a tensor.

    It is for functions of `tf.data`, which copies a captured tensor into its graph, and
    in some strategies into a message of at most 2 GB. So it is a variable, which is
    captured as a handle; to read it copies nothing.
    """
    import tensorflow as tf

    with tf.device("CPU:0"):  # A pipeline cannot reach a variable on a GPU.
        variable = tf.Variable(as_tensor(array), trainable=False)
    return variable.read_value


def is_shared(array):
    """Whether `as_tensor` shares the memory of an array, or copies it."""
    is_aligned = array.flags.c_contiguous and array.ctypes.data % _ALIGNMENT == 0
    return bool(array.size and is_aligned and not array.flags.writeable)


class _Writable:
    """Passes for a writable array: DLPack does not know others, and nobody writes."""

    def __init__(self, array):
        self._array = array  # Its memory is needed as long as this is.
        address = array.ctypes.data, False
        self.__array_interface__ = {**array.__array_interface__, "data": address}


def _give_back_pages(array):
    """Takes the pages that were read out of this process, a few times in a second.

    They stay in the system's page cache, from which they come back in microseconds; but
    they would count as memory of this process, up to the whole file.
    """
    mapping = array
    while mapping is not None and not isinstance(mapping, mmap.mmap):
        mapping = getattr(mapping, "base", None)
    if mapping is None or not hasattr(mmap, "MADV_DONTNEED"):
        return
    _mapped.add(mapping)
    if not _threads:
        _threads.append(threading.Thread(target=_give_back, daemon=True))
        _threads[0].start()


def _give_back():
    while True:
        time.sleep(_KEEP_PAGES)
        for mapping in list(_mapped):
            mapping.madvise(mmap.MADV_DONTNEED)
        mapping = None  # It ends with the tensor.


def digest(array):
    """Returns a string that tells an array from others: its shape and a checksum.

    Of a large array, about a thousand of its items are looked at.
    """
    if array.nbytes <= 2**26:
        checksum = zlib.crc32(np.ascontiguousarray(array))
    else:
        checksum = 0
        for item in array[:: max(1, len(array) // 1024)]:
            checksum = zlib.crc32(np.ascontiguousarray(item), checksum)
    return f"{'x'.join(map(str, array.shape))}:{checksum:08x}"
