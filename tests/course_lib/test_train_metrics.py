import pytest
import torch

from course_lib import train

LOGITS = torch.tensor(
    [[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0]]
)  # best 0 1 1 2, second 1 2 2 0
LABELS = torch.tensor([0, 2, 0, 2])


def test_top_k_by_hand():
    assert [train.top_k(LOGITS, LABELS, k) for k in (1, 2, 3)] == [0.5, 0.75, 1.0]
    as_model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 3, bias=False))
    torch.nn.init.eye_(as_model[1].weight)
    assert train.accuracy(as_model, LOGITS[:, :, None, None], LABELS) == 0.5
    with pytest.raises(ValueError, match="k is 5, but there are only 3 classes"):
        train.top_k(LOGITS, LABELS)


def test_confusion_matrix_has_the_truth_in_its_rows():
    assert train.confusion_matrix(LOGITS, LABELS).tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 1]]
