"""Which floating point numbers a machine computes fastest with."""

import os
import pathlib

_CPUINFO = pathlib.Path("/proc/cpuinfo")
_GPU = "/dev/nvidia0"


def fastest_precision():
    """Returns "bfloat16" if the processor has arithmetic for it, else "float32".

    Linux tells what a processor has (AVX-512 BF16 or AMX); elsewhere, and where an
    NVIDIA GPU does the work, the answer is float32. Nothing is imported.
    """
    if os.path.exists(_GPU):
        return "float32"
    try:
        flags = _CPUINFO.read_text()
    except OSError:
        return "float32"
    has_bfloat16 = "avx512_bf16" in flags or "amx_bf16" in flags
    return "bfloat16" if has_bfloat16 else "float32"
