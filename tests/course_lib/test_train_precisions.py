import pytest
import torch

from course_lib.train import precisions


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_full_precision_is_the_default_off_cuda(device):
    assert precisions.choose("auto", device) is None


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cuda_takes_bfloat16_where_the_chip_has_it(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or native)
    assert precisions.choose("auto", "cuda") is expected
    assert precisions.choose("full", "cuda") is None
    assert precisions.choose("float16", "cuda") is torch.float16


def test_half_precision_on_a_cpu_is_refused():
    for precision in ("bfloat16", "float16"):
        with pytest.raises(ValueError, match="on a CPU, which would only be slower: use 'auto' or 'full'"):
            precisions.choose(precision, "cpu")
    with pytest.raises(ValueError, match="precision 'bf16' is unknown"):
        precisions.choose("bf16", "cuda")
