"""Handing a network over to the book."""

import torch

from course_lib import models, runtime


def test_nothing_is_kept_where_no_book_is_built(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_KEEP", raising=False)
    monkeypatch.chdir(tmp_path)
    runtime.keep("lenet5", models.LeNet5())
    assert not list(tmp_path.iterdir())


def test_weights_come_back_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_KEEP", str(tmp_path))
    model = models.LeNet5().eval()
    runtime.keep("lenet5", model)
    again = models.load_weights(models.LeNet5().eval(), tmp_path / "lenet5.pt")
    x = torch.randn(2, 1, 28, 28)
    assert torch.equal(again(x), model(x))
