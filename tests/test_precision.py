import pytest

from keras_gans import precision


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("vendor_id: AuthenticAMD\nflags: fpu avx512f avx512_bf16", "bfloat16"),
        ("vendor_id: GenuineIntel\nflags: fpu avx512_bf16 amx_bf16", "bfloat16"),
        # Slower than float32: without AMX, as virtual machines show such processors.
        ("vendor_id: GenuineIntel\nflags: fpu avx512f avx512_bf16", "float32"),
        ("vendor_id: AuthenticAMD\nflags: fpu avx2 avx512f", "float32"),
        (None, "float32"),
    ],
)
def test_bfloat16_where_the_processor_is_faster_with_it(
    monkeypatch, tmp_path, cpuinfo, expected
):
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    monkeypatch.setattr(precision, "_CPUINFO", file)
    monkeypatch.setattr(precision, "_GPU", str(tmp_path / "no_gpu"))
    assert precision.fastest_precision() == expected


def test_float32_beside_a_gpu(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("AuthenticAMD avx512_bf16")
    monkeypatch.setattr(precision, "_CPUINFO", file)
    monkeypatch.setattr(precision, "_GPU", str(file))
    assert precision.fastest_precision() == "float32"
