"""LeNet-5: *Gradient-based learning applied to document recognition* (LeCun, Bottou, Bengio, Haffner, 1998).

========================  ==========  =============  ==============================
form                      parameters  multiply-adds  reference
========================  ==========  =============  ==============================
``LeNet5Paper`` (32×32)   60,000      0.33 M         0.95 % test error on MNIST
``LeNet5`` (28×28)        61,706      0.42 M         taught in lecture 04
========================  ==========  =============  ==============================

``LeNet5`` is what the field means today: full connections from S2 to C3, ReLU, max pooling, a linear classifier.
``LeNet5Paper`` keeps the four things that the modern form dropped: the connection table, learned subsampling, the scaled
tanh and the RBF output.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.layers import ScaledTanh, Subsampling, TableConv2d

# Table I of the paper: which of S2's six maps each of C3's sixteen maps sees. Breaking the symmetry was meant to force
# different maps to learn different things, and it saved multiplications.
C3_TABLE = (
    [[i % 6, (i + 1) % 6, (i + 2) % 6] for i in range(6)]
    + [[i % 6, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6] for i in range(6)]
    + [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
)


class LeNet5(nn.Module):
    """The modern LeNet-5 for 28×28 grey images: conv–pool–conv–pool, then three linear layers.

    Args:
        num_classes: length of the output, one logit a class.
    """

    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),  # [B, 6, 28, 28]
            nn.ReLU(),
            nn.MaxPool2d(2),  # [B, 6, 14, 14]
            nn.Conv2d(6, 16, 5),  # [B, 16, 10, 10]
            nn.ReLU(),
            nn.MaxPool2d(2),  # [B, 16, 5, 5]
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),  # [B, 400]
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B classes"]:
        """Logits, not probabilities: cross-entropy takes the softmax itself, stably."""
        return self.classifier(self.features(x))


class RBFOutput(nn.Module):
    """Squared distance to one fixed ±1 code a class, negated so that larger means likelier.

    The paper drew each code as a 7×12 bitmap of the character; here they are random signs, drawn once. A layer of fixed
    prototypes: lecture 27 comes back to the idea.
    """

    def __init__(self, features: int, num_classes: int, seed: int = 0):
        super().__init__()
        signs = torch.rand(num_classes, features, generator=torch.Generator().manual_seed(seed)) < 0.5
        self.register_buffer("codes", signs.float() * 2 - 1)

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B classes"]:
        return -(x[:, None] - self.codes).square().sum(2)


class LeNet5Paper(nn.Module):
    """LeNet-5 as printed in 1998, for 32×32 images: exactly 60,000 trainable parameters."""

    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)  # [B, 6, 28, 28]        156 parameters
        self.s2 = Subsampling(6)  # [B, 6, 14, 14]             12
        self.c3 = TableConv2d(C3_TABLE, 6, 5)  # [B, 16, 10, 10]  1,516
        self.s4 = Subsampling(16)  # [B, 16, 5, 5]             32
        self.c5 = nn.Conv2d(16, 120, 5)  # [B, 120, 1, 1]      48,120: a full connection, written as a convolution
        self.f6 = nn.Linear(120, 84)  # [B, 84]                10,164
        self.output = RBFOutput(84, num_classes)  # fixed
        self.squash = ScaledTanh()

    def forward(self, x: Float[Tensor, "B 1 32 32"]) -> Float[Tensor, "B classes"]:
        """Negative squared distances to the classes' codes; cross-entropy on them is the paper's criterion (9) with j = 0."""
        x = self.squash(self.s2(self.c1(x)))
        x = self.squash(self.s4(self.c3(x)))
        x = self.squash(self.c5(x)).flatten(1)  # [B, 120]
        return self.output(self.squash(self.f6(x)))
