import pytest
import torch

from course_lib import layers


def test_dropout_drops_only_in_training():
    layer, x = layers.Dropout(0.5), torch.ones(100)
    assert sorted(layer(x).unique().tolist()) == [0, 2]
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.usefixtures("untyped")
def test_refuses_when_built():
    with pytest.raises(ValueError, match="p must lie between 0 and 1, got 50: for 50 percent write 0.5"):
        layers.Dropout(50)
