"""Which floating point numbers a machine computes fastest with."""

import os
import pathlib

_CPUINFO = pathlib.Path("/proc/cpuinfo")
_GPU = "/dev/nvidia0"


def fastest_precision():
    """Returns "bfloat16" if the processor is faster with it, else "float32".

    It is with AMX, and with AVX-512 BF16 on AMD (a training step is 1.4 to 1.5 times
    faster). Intel's AVX-512 BF16 without AMX, as virtual machines show it, takes 1.7 to
    1.9 times as long as float32 for a convolution. Linux tells what a processor has;
    elsewhere, and where an NVIDIA GPU does the work, the answer is float32. Nothing is
    imported.
    """
    if os.path.exists(_GPU):
        return "float32"
    try:
        flags = _CPUINFO.read_text()
    except OSError:
        return "float32"
    is_amd = "AuthenticAMD" in flags
    is_faster = "amx_bf16" in flags or (is_amd and "avx512_bf16" in flags)
    return "bfloat16" if is_faster else "float32"
