# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 10: borrow a network
#
# You write the tools with which a trained network is put to another use: a reader for any of its layers, two
# classifiers on what it reads, the groups that give each depth its rate, and a transfer that is judged on pictures you
# never see. At the end they read ImageNet's EfficientNet-Lite0.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `Features` | 5 |
# | 2 | `ridge` | 5 |
# | 3 | `vote` | 4 |
# | 4 | `groups` | 5 |
# | 5 | `transfer` | 5 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 10.
#
# **How it is graded.** Write between the `def` or `class` line and the end of each solution cell, then run the check
# cells below it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we
# grade, the same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said,
# to within $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.
#
# All of torch is welcome. The course's own helpers (`understand.features`, `train.fit` and so on) are not.

# %%
import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import models
from course_lib.checks import expect_close, expect_equal, expect_error, expect_shape, gradients, own_work
from course_lib.data import scenes
from course_lib.models.efficientnet_lite import MEAN, STD

torch.set_num_threads(1)


def small_net(seed: int) -> nn.Sequential:
    """A network with parts inside parts and normalisation that has seen something; float64, in training mode."""
    torch.manual_seed(seed)
    stem = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True))
    body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    net = nn.Sequential()
    for name, part in (("stem", stem), ("body", body), ("head", head)):
        net.add_module(name, part)
    for part in (stem, body):
        part[1].running_mean.normal_()
        part[1].running_var.uniform_(0.5, 1.5)
    return net.double()


def by_hand(net: nn.Sequential, x: Tensor) -> dict[str, Tensor]:
    """What the parts of a small net put out in evaluation mode, formula by formula."""
    found, state = {}, {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    for part, stride, padding in (("stem", 1, 1), ("body", 2, 0)):
        x = F.conv2d(x, state[f"{part}.0.weight"], state[f"{part}.0.bias"], stride, padding)
        found[f"{part}.0"] = x
        mean, var = (state[f"{part}.1.running_{what}"].view(-1, 1, 1) for what in ("mean", "var"))
        weight, bias = (state[f"{part}.1.{what}"].view(-1, 1, 1) for what in ("weight", "bias"))
        x = (x - mean) / (var + 1e-5).sqrt() * weight + bias
        found[f"{part}.1"], found[part] = x, x.clamp(min=0)
        x = found[part]
    found["head"] = x.mean((2, 3)) @ state["head.2.weight"].T + state["head.2.bias"]
    return {name: maps.mean((2, 3)) if maps.ndim == 4 else maps for name, maps in found.items()}


def slopes(features: Tensor, labels: Tensor, classes: int, strength: float, weight: Tensor, bias: Tensor) -> tuple:
    """The gradient of exercise 2's sum with respect to weight and bias."""
    weight, bias = (tensor.detach().clone().requires_grad_() for tensor in (weight, bias))
    wrong = features @ weight.T + bias - F.one_hot(labels, classes)
    return torch.autograd.grad(wrong.square().sum() + strength * weight.square().sum(), (weight, bias))


# %% [markdown]
# ## Exercise 1: read a layer (5 points)
#
# An `nn.Module`: `Features(net, layer)(x)` runs `net` on `x` and returns what the part named `layer` puts out. Maps
# `[B, C, H, W]` are averaged over all places, to `[B, C]`; a vector `[B, D]` is returned as it is.
#
# The network is **frozen for good**:
#
# * it is kept in the attribute `net`, and none of its parameters asks for a gradient;
# * it is in evaluation mode, and *stays* there when somebody calls `.train()` on your module or on a network around it:
#   its running averages never move;
# * but a gradient with respect to `x` passes through (lecture 11 will need it).
#
# **By hand.** `net` is a 1×1 convolution with weight 2, then a ReLU that works in place. For a map with the pixels $-3$ and $5$
# the layer `"0"` puts out $-6$ and $10$, so the feature is 2. The trap: a moment later the ReLU writes 0 over the $-6$, in
# the very tensor that your hook has kept, and the feature would be 5.
#
# <details><summary>Hint: the hook</summary>
#
# `part = net.get_submodule(layer)`, then `part.register_forward_hook(f)`. torch calls `f(module, inputs, output)` each time the
# part has run. Keep a copy (`output.clone()`).
#
# </details>
#
# <details><summary>Hint: staying in evaluation mode</summary>
#
# `.train(mode)` of a module calls `.train(mode)` of its parts. Override it: `def train(self, mode=True)`, and let it do
# for `self.net` what you want. It returns `self`.
#
# </details>


# %% nbgrader={"grade_id": "features", "solution": true}
class Features(nn.Module):
    """The output of a named part of a frozen network, averaged over places: [B, C]."""

    def __init__(self, net: nn.Module, layer: str):
        super().__init__()
        ### BEGIN SOLUTION
        self.net, self.layer = net, layer
        for parameter in net.parameters():
            parameter.requires_grad = False
        self.train()
        ### END SOLUTION

    def train(self, mode: bool = True):
        ### BEGIN SOLUTION
        super().train(mode)
        self.net.eval()
        return self
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        kept = []
        hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))
        self.net(x)
        hook.remove()
        return kept[-1].mean((2, 3)) if kept[-1].ndim == 4 else kept[-1]
        ### END SOLUTION


# %% nbgrader={"grade_id": "features_values", "grade": true, "points": 2}
# The features of several parts, by their names; two different inputs one after the other.
net, x = small_net(0), torch.linspace(-2, 2, 100).double().sin().view(2, 2, 5, 5)
for layer in ("body", "head", "stem"):
    with own_work():
        found = Features(net, layer)(x)
    expect_close(found, by_hand(net, x)[layer], f"the features of {layer!r} for images of 5×5")
### BEGIN HIDDEN TESTS
for seed, (height, width) in enumerate(((5, 7), (3, 4), (8, 8))):
    net, x = small_net(seed + 5), torch.randn(3, 2, height, width).double()
    for layer in ("body", "body.1", "head", "stem"):
        with own_work():
            reader = Features(net, layer)
            first, second = reader(x), reader(x[:1] + 1)
        expect_close(first, by_hand(net, x)[layer], f"the features of {layer!r} for images of {height}×{width}")
        expect_close(second, by_hand(net, x[:1] + 1)[layer], f"the features of {layer!r}, called a second time")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "features_inplace", "grade": true, "points": 1}
# A ReLU that works in place follows the layer: the example by hand.
net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(inplace=True)).double()
net[0].weight.data.fill_(2.0)
with own_work():
    found = Features(net, "0")(torch.tensor([-3.0, 5.0]).double().view(1, 1, 1, 2))
expect_close(found, [[2.0]], "pixels -3 and 5, weight 2")
### BEGIN HIDDEN TESTS
for seed in range(3):
    net, x = small_net(seed), torch.randn(2, 2, 6, 5).double()
    with own_work():
        found = Features(net, "stem.1")(x)
    expect_close(found, by_hand(net, x)["stem.1"], "the normalisation before a ReLU that works in place")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "features_frozen", "grade": true, "points": 1}
# After .train(), on the reader or on a network around it: evaluation mode, no averages that move, no weight that learns.
x = torch.linspace(-2, 2, 100).double().sin().view(2, 2, 5, 5)
with own_work():
    reader = Features(small_net(1), "body")
    expected = by_hand(small_net(1), x)["body"]
    reader.train()(x)
    expect_close(reader(x).detach(), expected, "the features after .train()")
    assert not reader.net.training, "after .train() the frozen network is in training mode."
    assert not reader.net.body[1].training, "after .train() a part of the frozen network is in training mode."
    assert not reader(x).requires_grad, "for an x that asks for no gradient the features still do: a parameter is not frozen."
### BEGIN HIDDEN TESTS
for seed in range(2, 5):
    x = torch.randn(4, 2, 6, 6).double()
    with own_work():
        reader = Features(small_net(seed), "head")
        for _ in range(3):
            reader.train()
            reader(x)
        before = {f"net.{name}": tensor for name, tensor in small_net(seed).state_dict().items()}
        after = reader.state_dict()
        for name in before:
            assert torch.equal(after[name], before[name]), f"{name} has moved in a frozen network."
        expect_close(reader(x).detach(), by_hand(small_net(seed), x)["head"], "the features after three times .train()")
        assert not reader(x).requires_grad, "for an x that asks for no gradient the features still do: a parameter is not frozen."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "features_gradient", "grade": true, "points": 1}
# A gradient with respect to the input passes through.
net, x = small_net(2), torch.linspace(-2, 2, 50).double().sin().view(1, 2, 5, 5)
upstream = torch.ones(1, 5).double()
with own_work():
    (found,) = gradients(Features(net, "head"), x, upstream=upstream)
(expected,) = gradients(lambda x: by_hand(net, x)["head"], x, upstream=upstream)
expect_close(found, expected, "the gradient of the head's outputs with respect to x")
### BEGIN HIDDEN TESTS
for seed in range(3, 6):
    net, x, upstream = small_net(seed), torch.randn(2, 2, 6, 7).double(), torch.randn(2, 4).double()
    with own_work():
        (found,) = gradients(Features(net, "body"), x, upstream=upstream)
    (expected,) = gradients(lambda x, net=net: by_hand(net, x)["body"], x, upstream=upstream)
    expect_close(found, expected, "the gradient of the body's features with respect to x")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: a probe in closed form (5 points)
#
# `ridge(features, labels, classes, strength)` returns `weight` `[classes, D]` and `bias` `[classes]` of the linear layer
# that makes
#
# $$ \sum_i \lVert W x_i + b - y_i \rVert^2 + \lambda \lVert W \rVert^2 $$
#
# smallest, with $\lambda$ = `strength` > 0, $x_i$ the rows of `features` and $y_i$ the one-hot row of label $i$. The **bias is not
# punished**. So first subtract from features and targets their means $\bar x$ and $\bar y$; then, with the centred matrices
# $X$ `[N, D]` and $Y$ `[N, classes]`,
#
# $$ W^\top = (X^\top X + \lambda I)^{-1} X^\top Y, \qquad b = \bar y - W \bar x. $$
#
# **By hand.** Two pictures with one feature, 0 and 2, of the classes 0 and 1; $\lambda = 2$. Centred: $-1, 1$, and for class 1 the
# targets $-\tfrac12, \tfrac12$. $W_1 = 1 / (2 + 2) = \tfrac14$ and $b_1 = \tfrac12 - \tfrac14 \cdot 1 = \tfrac14$; class 0 gets
# $-\tfrac14$ and $\tfrac34$. For the feature 2 the answers are $\tfrac14$ and $\tfrac34$: shrunk towards one half, and right.
#
# <details><summary>Hint</summary>
#
# `F.one_hot(labels, classes)` has whole numbers; `.to(features.dtype)`. `torch.linalg.solve(A, B)` is $A^{-1} B$.
#
# </details>


# %% nbgrader={"grade_id": "ridge", "solution": true}
def ridge(features: Tensor, labels: Tensor, classes: int, strength: float) -> tuple[Tensor, Tensor]:
    """The linear layer of ridge regression onto one-hot labels.

    Args:
        features: [N, D].
        labels: [N], whole numbers below `classes`.
        classes: how many classes there are, whether they occur or not.
        strength: λ > 0, for the weights alone.

    Returns:
        Weight [classes, D] and bias [classes], in the dtype of the features.
    """
    ### BEGIN SOLUTION
    targets = F.one_hot(labels, classes).to(features.dtype)
    x, y = features - features.mean(0), targets - targets.mean(0)
    gram = x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype)
    weight = torch.linalg.solve(gram, x.T @ y).T
    return weight, targets.mean(0) - weight @ features.mean(0)
    ### END SOLUTION


# %% nbgrader={"grade_id": "ridge_example", "grade": true, "points": 1}
# The example by hand: shapes and numbers.
weight, bias = ridge(torch.tensor([[0.0], [2.0]]).double(), torch.tensor([0, 1]), 2, 2.0)
expect_close(weight, [[-0.25], [0.25]], "the weight of the example")
expect_close(bias, [0.75, 0.25], "the bias of the example")
### BEGIN HIDDEN TESTS
for gap, strength in torch.rand(4, 2).add(0.5).tolist():
    weight, bias = ridge(torch.tensor([[0.0], [gap]]).double(), torch.tensor([0, 1]), 2, strength)
    w = (gap / 2) / (gap**2 / 2 + strength)
    expect_close(weight, [[-w], [w]], f"features 0 and {gap:.2f}, strength {strength:.2f}: the weight")
    expect_close(bias, [0.5 + w * gap / 2, 0.5 - w * gap / 2], f"features 0 and {gap:.2f}, strength {strength:.2f}: the bias")
### END HIDDEN TESTS


# %% nbgrader={"grade_id": "ridge_smallest", "grade": true, "points": 1}
# At the smallest sum the gradient with respect to weight and bias is 0.
x, y = torch.arange(30).double().square().sin().view(10, 3), torch.tensor([0, 1, 2, 3, 2, 1, 0, 3, 3, 1])
weight, bias = ridge(x, y, 4, 0.5)
expect_shape(weight, (4, 3), "the weight for 3 features and 4 classes")
for tensor, what in zip(slopes(x, y, 4, 0.5, weight, bias), ("the weight", "the bias")):
    expect_close(tensor, torch.zeros_like(tensor), f"the gradient of the sum with respect to {what}")
### BEGIN HIDDEN TESTS
for count, size, classes in ((20, 5, 3), (9, 2, 6), (30, 8, 2)):
    x, y = torch.randn(count, size).double() + torch.randn(size).double(), torch.randint(classes, (count,))
    strength = 0.1 + torch.rand(()).item()
    weight, bias = ridge(x, y, classes, strength)
    expect_shape(weight, (classes, size), f"the weight for {size} features and {classes} classes")
    for tensor, what in zip(slopes(x, y, classes, strength, weight, bias), ("the weight", "the bias")):
        expect_close(tensor, torch.zeros_like(tensor), f"the gradient of the sum with respect to {what}", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "ridge_bias", "grade": true, "points": 1}
# The bias is not punished: features that are all moved by 100 give the same weight, and the same answers.
x, y = torch.arange(30).double().square().sin().view(10, 3), torch.tensor([0, 1, 1, 0, 2, 1, 0, 2, 2, 2])
weight, bias = ridge(x, y, 3, 0.5)
moved, moved_bias = ridge(x + 100, y, 3, 0.5)
assert weight.detach().any(), "the weight is all 0."
expect_close(moved, weight, "the weight for features moved by 100", atol=1e-8)
expect_close((x + 100) @ moved.T + moved_bias, x @ weight.T + bias, "the answers for features moved by 100", atol=1e-8)
### BEGIN HIDDEN TESTS
for count in (6, 12):
    x, y, far = torch.randn(count, 4).double(), torch.randint(3, (count,)), 50 * torch.randn(4).double()
    weight, bias = ridge(x, y, 3, 1.5)
    moved, moved_bias = ridge(x + far, y, 3, 1.5)
    assert weight.any(), "the weight is all 0."
    expect_close(moved, weight, "the weight for features that are moved", atol=1e-8)
    expect_close((x + far) @ moved.T + moved_bias, x @ weight.T + bias, "the answers for features that are moved", atol=1e-8)
    answers = x @ weight.T + bias
    expect_close(answers.sum(1), torch.ones(count).double(), "the sum of an answer over all classes")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "ridge_wide", "grade": true, "points": 1}
# More features than pictures: it still works, and with a small strength the pictures are known by heart.
x, y = torch.arange(60).double().square().sin().view(4, 15), torch.tensor([1, 0, 2, 1])
weight, bias = ridge(x, y, 3, 1e-6)
expect_close(x @ weight.T + bias, F.one_hot(y, 3).double(), "4 pictures, 15 features, strength 0.000001", atol=1e-3)
### BEGIN HIDDEN TESTS
for count, size in ((5, 40), (3, 9)):
    x, y = torch.randn(count, size).double(), torch.randint(4, (count,))
    weight, bias = ridge(x, y, 4, 0.7)
    for tensor, what in zip(slopes(x, y, 4, 0.7, weight, bias), ("the weight", "the bias")):
        expect_close(tensor, torch.zeros_like(tensor), f"{count} pictures, {size} features: the gradient of {what}", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "ridge_classes", "grade": true, "points": 1}
# A class that does not occur has a row as well, of zeros; the dtype is that of the features.
x = torch.linspace(-3, 9, 12).sin().view(6, 2)  # float32
weight, bias = ridge(x, torch.tensor([0, 1, 0, 1, 1, 0]), 4, 1.0)
expect_shape(weight, (4, 2), "the weight for 4 classes, of which 2 occur")
expect_equal(weight.dtype, torch.float32, "the dtype of the weight for features in float32")
expect_close(weight[2:], torch.zeros(2, 2), "the weight of the classes 2 and 3, which do not occur", atol=1e-6)
expect_close(bias[2:], torch.zeros(2), "the bias of the classes 2 and 3", atol=1e-6)
assert weight[0].any(), "the weight of class 0, which does occur, is all 0."
### BEGIN HIDDEN TESTS
x, y = torch.randn(12, 3).double(), torch.arange(12) % 2 + 1
weight, bias = ridge(x, y, 5, 0.3)
expect_shape(weight, (5, 3), "the weight for 5 classes, of which 2 occur")
part, part_bias = ridge(x, y - 1, 2, 0.3)
expect_close(weight[1:3], part, "the weight of the classes that occur")
expect_close(bias[[0, 3, 4]], torch.zeros(3).double(), "the bias of the classes that do not occur")
assert part.any(), "the weight is all 0."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: let the neighbours vote (4 points)
#
# `vote(known, labels, asked, k)` gives each row of `asked` the class that most of its `k` nearest rows of `known` have. Near
# is what has a large **cosine** of the angle between the two, $\frac{a \cdot b}{\lVert a \rVert \lVert b \rVert}$: the length of a feature
# vector tells more about contrast than about content. Where classes have equally many votes, the one wins whose nearest
# member is nearer. No row is all zeros.
#
# **By hand.** `known` are $(1, 0)$, $(10, 1)$, $(0, 1)$ with the labels 2, 0, 0. Asked is $(3, 0)$: the cosines are 1, 0.995 and 0.
# With $k = 1$ the answer is 2. With $k = 2$ both classes have one vote, and 2 wins, being nearer. With $k = 3$ it is 0.
#
# <details><summary>Hint</summary>
#
# `F.normalize` makes rows of length 1, and one matrix product gives all cosines. `topk` sorts, nearest first. For the tie: give each
# neighbour one vote, and the nearer ones a tiny bit more, too little to outvote anybody.
#
# </details>


# %% nbgrader={"grade_id": "vote", "solution": true}
def vote(known: Tensor, labels: Tensor, asked: Tensor, k: int) -> Tensor:
    """The class of each asked row, by a vote of its k nearest known rows.

    Args:
        known: [N, D], with `labels` [N], whole numbers.
        asked: [M, D].
        k: how many vote, at most N.

    Returns:
        Classes [M], whole numbers (int64).
    """
    ### BEGIN SOLUTION
    cosines = F.normalize(asked) @ F.normalize(known).T  # [M, N]
    found = labels[cosines.topk(k).indices]  # [M, k], nearest first
    same = found[:, :, None] == found[:, None, :]  # [M, k, k]
    return found.gather(1, same.sum(2).argmax(1, keepdim=True))[:, 0]
    ### END SOLUTION


# %% nbgrader={"grade_id": "vote_nearest", "grade": true, "points": 1}
# With k = 1 the nearest decides: the example, and several rows at once.
known, labels = torch.tensor([[1.0, 0.0], [10.0, 1.0], [0.0, 1.0]]).double(), torch.tensor([2, 0, 0])
expect_close(vote(known, labels, torch.tensor([[3.0, 0.0]]).double(), 1), torch.tensor([2]), "the example with k = 1")
asked = torch.tensor([[9.0, 1.0], [0.1, 9.0], [5.0, -1.0]]).double()
expect_close(vote(known, labels, asked, 1), torch.tensor([0, 0, 2]), "three rows asked, k = 1")
### BEGIN HIDDEN TESTS
for count in (5, 40):
    known, labels = torch.randn(count, 6).double(), torch.randperm(count)
    chosen = torch.randint(count, (9,))
    expect_close(vote(known, labels, 0.3 * known[chosen], 1), labels[chosen], f"rows that are known, {count} of them, k = 1")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vote_cosine", "grade": true, "points": 1}
# Lengths do not count, of known rows or of asked ones.
angles = torch.tensor([0.0, 0.4, 0.8, 1.2, 1.6, 2.0]).double()
around = torch.stack([angles.cos(), angles.sin()], 1)  # six rows of length 1
lengths = torch.tensor([5.0, 0.1, 30.0, 1.0, 0.2, 9.0]).double()[:, None]
asked = torch.stack([(angles + 0.1).cos(), (angles + 0.1).sin()], 1)
found = vote(lengths * around, torch.arange(6), asked, 1)
expect_close(found, torch.arange(6), "known rows of lengths from 0.1 to 30, k = 1")
### BEGIN HIDDEN TESTS
for _ in range(3):
    known, labels = torch.randn(20, 4).double(), torch.randperm(20)
    asked = torch.randn(8, 4).double()
    expected = labels[F.cosine_similarity(asked[:, None], known[None], dim=2).argmax(1)]
    one, other = 10 ** torch.randn(20, 1).double(), 10 ** torch.randn(8, 1).double()
    expect_close(vote(one * known, labels, other * asked, 1), expected, "known and asked rows of very different lengths, k = 1")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vote_most", "grade": true, "points": 1}
# With k = 3 the majority decides, against the nearest if need be.
known, labels = torch.tensor([[1.0, 0.0], [10.0, 1.0], [0.0, 1.0]]).double(), torch.tensor([2, 0, 0])
expect_close(vote(known, labels, torch.tensor([[3.0, 0.0]]).double(), 3), torch.tensor([0]), "the example with k = 3")
angles = torch.linspace(0, 3, 7).double()
around = torch.stack([angles.cos(), angles.sin()], 1)
found = vote(around, torch.tensor([4, 1, 1, 0, 3, 3, 5]), around[[0, 6]], 3)
expect_close(found, torch.tensor([1, 3]), "seven directions with the classes 4 1 1 0 3 3 5; the ends asked, k = 3")
### BEGIN HIDDEN TESTS
for k in (3, 5):
    known, asked = torch.randn(30, 5).double(), torch.randn(10, 5).double()
    labels = torch.randint(2, (30,)) + 7  # two classes and an odd k: no ties
    near = F.cosine_similarity(asked[:, None], known[None], dim=2).argsort(1, descending=True)[:, :k]
    expected = labels[near].mode(1).values
    expect_close(vote(known, labels, asked, k), expected, f"30 rows of two classes, k = {k}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vote_ties", "grade": true, "points": 1}
# A tie goes to the class whose nearest member is nearer, not to the smaller number.
known, labels = torch.tensor([[1.0, 0.0], [10.0, 1.0], [0.0, 1.0]]).double(), torch.tensor([2, 0, 0])
expect_close(vote(known, labels, torch.tensor([[3.0, 0.0]]).double(), 2), torch.tensor([2]), "the example with k = 2")
angles = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.5, 3.0]).double()
around = torch.stack([angles.cos(), angles.sin()], 1)
found = vote(around, torch.tensor([3, 5, 1, 1, 5, 1]), around[[0]], 5)
expect_close(found, torch.tensor([5]), "neighbours of the classes 3 5 1 1 5, nearest first, k = 5")
### BEGIN HIDDEN TESTS
for _ in range(10):
    first, second, third = (torch.randperm(9)[:3]).tolist()
    order = [third, *([first, second, second, first] if torch.rand(()) < 0.5 else [first, second, first, second])]
    angles = torch.rand(5).double().add(0.1).cumsum(0) / 3
    around = torch.stack([angles.cos(), angles.sin()], 1)
    mixed = torch.randperm(5)
    found = vote(around[mixed], torch.tensor(order)[mixed], torch.tensor([[1.0, 0.0]]).double(), 5)
    expect_close(found, torch.tensor([first]), f"neighbours of the classes {order}, nearest first, k = 5")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: a rate for each depth (5 points)
#
# An optimiser takes groups of parameters, each with a rate of its own. `groups(net, rates)` makes them from a table of
# parts. In
#
# ```python
# groups(net, {"head": 1e-2, "body": 1e-3, "body.1": 1e-4, "stem": 0.0})
# ```
#
# each parameter of `net` belongs to the **longest** name that it stands under: `body.0.weight` to `body`, `body.1.weight` to
# `body.1`. The result is a list of `{"params": [...], "lr": rate}`, one for each name, in the order of the table; the parameters of a group
# are in the order of `net.named_parameters()`.
#
# * A parameter that stands under no name, or under one with the rate 0, is frozen: it is in **no group**.
# * The name `""` is the whole network, so every parameter stands under it.
# * A name under which there is no parameter at all is a slip of the pen: raise `ValueError` with a sentence that says which.
# * A group whose parameters have all gone to longer names is left out.
#
# **By hand.** The network's parameters are `1.weight`, `1.bias`, `10.weight`. With `{"1": 0.1}` the group has two: `10.weight` begins
# with the same character and does *not* stand under `1`.
#
# <details><summary>Hint</summary>
#
# A parameter stands under `name` if `name` is empty, if it *is* the name, or if it begins with `name + "."`. Find for each parameter the longest such
# name: `max(candidates, key=len)`.
#
# </details>


# %% nbgrader={"grade_id": "groups", "solution": true}
def groups(net: nn.Module, rates: dict[str, float]) -> list[dict]:
    """Parameter groups for an optimiser, by the names of parts.

    Args:
        net: whose parameters.
        rates: the name of a part → its learning rate; 0 freezes.

    Returns:
        `{"params": [parameters], "lr": rate}` for each name that has parameters to train.

    Raises:
        ValueError: no parameter stands under one of the names.
    """
    ### BEGIN SOLUTION
    under, used = {name: [] for name in rates}, set()
    for full, parameter in net.named_parameters():
        names = [name for name in rates if not name or full == name or full.startswith(name + ".")]
        used.update(names)
        if names:
            under[max(names, key=len)].append(parameter)
    for name in rates:
        if name not in used:
            raise ValueError(f"no parameter stands under {name!r}; see net.named_parameters().")
    return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
    ### END SOLUTION


# %%
def expect_groups(found: object, net: nn.Module, expected: list[tuple[list[str], float]], case: str) -> None:
    """Require these parameters, by name, and these rates, group by group."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    assert isinstance(found, list), f"{case}: expected a list of groups, got {type(found).__name__}."
    expect_equal(len(found), len(expected), f"{case}, the number of groups")
    for i, (group, (wanted, rate)) in enumerate(zip(found, expected)):
        assert isinstance(group, dict) and group.keys() == {"params", "lr"}, f"{case}: group {i} should have params and lr."
        expect_equal([names.get(id(p), "no parameter of net") for p in group["params"]], wanted, f"{case}, group {i}")
        expect_equal(group["lr"], rate, f"{case}, the rate of group {i}")


# %% nbgrader={"grade_id": "groups_parts", "grade": true, "points": 1}
# Two parts, two groups, in the order of the table.
net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
found = groups(net, {"2": 0.1, "0": 0.01})
expect_groups(found, net, [(["2.weight", "2.bias"], 0.1), (["0.weight", "0.bias"], 0.01)], '{"2": 0.1, "0": 0.01}')
### BEGIN HIDDEN TESTS
rates = (torch.rand(3) + 0.1).tolist()
net = small_net(0)
found = groups(net, dict(zip(("stem", "head", "body"), rates)))
parts = [[name for name, _ in net.named_parameters() if name.startswith(part)] for part in ("stem", "head", "body")]
expect_groups(found, net, list(zip(parts, rates)), "stem, head and body")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "groups_dots", "grade": true, "points": 1}
# A name is more than its first characters: 1 is not 10. And a single parameter is a name, too.
net = nn.Sequential(*[nn.Linear(1, 1) if i in (1, 10) else nn.ReLU() for i in range(11)])
expect_groups(groups(net, {"1": 0.1}), net, [(["1.weight", "1.bias"], 0.1)], '{"1": 0.1} for parts 1 and 10')
expect_groups(groups(net, {"10.bias": 0.1}), net, [(["10.bias"], 0.1)], '{"10.bias": 0.1}')
### BEGIN HIDDEN TESTS
for first, second in ((2, 20), (3, 31), (1, 12)):
    net = nn.Sequential(*[nn.Linear(1, 2) if i in (first, second) else nn.ReLU() for i in range(32)])
    expected = [([f"{first}.weight", f"{first}.bias"], 0.5)]
    expect_groups(groups(net, {f"{first}": 0.5}), net, expected, f"{{'{first}': 0.5}} for parts {first} and {second}")
    expected = [([f"{second}.weight"], 0.5), ([f"{first}.bias"], 0.2)]
    found = groups(net, {f"{second}.weight": 0.5, f"{first}.bias": 0.2})
    expect_groups(found, net, expected, "single parameters")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "groups_longest", "grade": true, "points": 1}
# The longest name wins, wherever it stands in the table; a group that is left with nothing is left out.
net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1)))
expected = [(["1.0.weight", "1.0.bias"], 0.1), (["1.1.weight", "1.1.bias"], 0.01), (["0.weight", "0.bias"], 0.001)]
expect_groups(groups(net, {"1": 0.1, "1.1": 0.01, "": 0.001}), net, expected, '{"1": 0.1, "1.1": 0.01, "": 0.001}')
found = groups(net, {"1.0": 0.1, "1.1": 0.01, "1": 0.5})
expect_groups(found, net, expected[:2], '{"1.0": 0.1, "1.1": 0.01, "1": 0.5}')
### BEGIN HIDDEN TESTS
net = small_net(0)
names = [name for name, _ in net.named_parameters()]
rest = [name for name in names if not name.startswith(("body", "head.2.bias"))]
body = [name for name in names if name.startswith("body") and name != "body.0.bias"]
for table in (["", "body", "body.0.bias", "head.2.bias"], ["head.2.bias", "body.0.bias", "body", ""]):
    of = {"": rest, "body": body, "body.0.bias": ["body.0.bias"], "head.2.bias": ["head.2.bias"]}
    rates = {name: 0.1 * (i + 1) for i, name in enumerate(table)}
    expect_groups(groups(net, rates), net, [(of[name], rates[name]) for name in table], f"names {table}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "groups_frozen", "grade": true, "points": 1}
# Rate 0, or no name: frozen, in no group. An optimiser then leaves them alone.
net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1)))
expect_groups(groups(net, {"1.1": 0.1}), net, [(["1.1.weight", "1.1.bias"], 0.1)], '{"1.1": 0.1}')
found = groups(net, {"": 0.1, "1": 0.0})
expect_groups(found, net, [(["0.weight", "0.bias"], 0.1)], '{"": 0.1, "1": 0.0}')
### BEGIN HIDDEN TESTS
net = small_net(1)
names = [name for name, _ in net.named_parameters()]
head, stem = ([name for name in names if name.startswith(part)] for part in ("head", "stem"))
found = groups(net, {"stem": 0.0, "": 0.3, "body": 0.0, "stem.1": 0.2})
expect_groups(found, net, [(head, 0.3), (["stem.1.weight", "stem.1.bias"], 0.2)], "stem and body frozen, but for stem.1")
expect_groups(groups(net, {"stem": 0.7}), net, [(stem, 0.7)], "only the stem is named")
expect_groups(groups(net, {"stem": 0.0, "head": 0.7}), net, [(head, 0.7)], "the stem has rate 0, the body has no name")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "groups_typo", "grade": true, "points": 1}
# A name that nothing stands under is refused, and says so; one whose parameters went to longer names is not.
net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
for rates in ({"head": 0.1}, {"2": 0.1, "1": 0.01}):
    expect_error(ValueError, groups, net, rates)
expect_groups(groups(net, {"2.weight": 0.1, "2.bias": 0.2, "2": 0.3}), net, [(["2.weight"], 0.1), (["2.bias"], 0.2)], "2 has nothing left")
### BEGIN HIDDEN TESTS
net = small_net(0)
for name in ("bod", "stem.2", "head.2.weights", "body.0.weight.0", "."):
    expect_error(ValueError, groups, net, {"": 0.1, name: 0.2})
    expect_error(ValueError, groups, net, {name: 0.0, "body": 0.1})
names = [name for name, _ in net.named_parameters() if name.startswith("head")]
expect_groups(groups(net, {"head.2": 0.1, "head": 0.5}), net, [(names, 0.1)], "head has nothing left")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: transfer (5 points)
#
# Below, a small network learns to tell eight shapes apart from 1,600 scenes. You get it, and 60 scenes of **another task**: is the
# shape *round* (disc, ring, heart: class 0), a *polygon* without dents (square, triangle, hexagon: 1), or *spiky* (star, cross: 2)?
#
# `transfer(source, pictures, labels)` returns a network for the new task: `pictures` `[N, 3, 32, 32]` to logits `[N, 3]`. How is yours to
# decide: a probe, fine-tuning, both; 60 pictures are few. It is judged on scenes that you never see. Three demands:
#
# * it is right on 65 % of unseen scenes (a network of the same form that starts from nothing comes to about 50 %);
# * it is ready for use: in evaluation mode, so that what it says of a picture does not depend on the others in the batch;
# * `source` is **as it was**, weights and running averages: others want to borrow it. Work on a copy: what others do to `source` later must not change your network, either.
#
# A call should take a few seconds at most.
#
# <details><summary>Hint</summary>
#
# `net = copy.deepcopy(source)`, then `net[-1] = nn.Linear(32, 3)`. Train the new layer with Adam, a rate of 0.01 and about 100 steps over all 60
# pictures, in evaluation mode; the old parts need no gradient for that. Then perhaps the top with a tenth of the rate.
#
# </details>

# %%
KIND = torch.tensor([0, 1, 1, 2, 0, 2, 1, 0])  # of disc, square, triangle, star, ring, cross, hexagon, heart


def some_scenes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures [N, 3, 32, 32] and the shapes in them [N]."""
    world = scenes.sample(count, seed=seed, size=32, difficulty=0.2, objects=(1, 1), truths=())
    return (world.images[:, 0] - 0.5) / 0.25, world.labels[:, 0]


def untrained() -> nn.Sequential:
    """Four parts of convolution, normalisation and ReLU, a mean over places, a linear layer for eight shapes."""
    parts = []
    for below, width in ((3, 12), (12, 16), (16, 24), (24, 32)):
        parts.append(nn.Sequential(nn.Conv2d(below, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()))
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 8))


def pretrained() -> nn.Sequential:
    """A network that knows the eight shapes."""
    torch.manual_seed(0)
    net, (pictures, shapes) = untrained(), some_scenes(1600, seed=100)
    adam = torch.optim.AdamW(net.parameters(), lr=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, 0.02, total_steps=160, cycle_momentum=False)
    for _ in range(160):
        chosen = torch.randint(1600, (64,))
        adam.zero_grad()
        F.cross_entropy(net(pictures[chosen]), shapes[chosen]).backward()
        adam.step()
        cycle.step()
    return net.eval()


source = pretrained()
pictures, shapes = some_scenes(60, seed=200)


# %% nbgrader={"grade_id": "transfer", "solution": true}
def transfer(source: nn.Sequential, pictures: Tensor, labels: Tensor) -> nn.Module:
    """A network for a new task of three classes, from one that knows another task.

    Args:
        source: trained, in evaluation mode; its last part is the linear layer. It is left as it was.
        pictures: [N, 3, 32, 32], with `labels` [N] of 0, 1, 2.

    Returns:
        A network in evaluation mode, from pictures to logits [N, 3].
    """
    ### BEGIN SOLUTION
    net = copy.deepcopy(source).eval()
    net[-1] = nn.Linear(net[-1].in_features, 3)
    with torch.no_grad():
        features = net[:-1](pictures)
    optimiser = torch.optim.AdamW(net[-1].parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net[-1](features), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net
    ### END SOLUTION


# %% nbgrader={"grade_id": "transfer_unseen", "grade": true, "points": 3}
# Right on 65 % of unseen scenes.
torch.manual_seed(0)
asked, truth = some_scenes(200, seed=300)
with own_work():
    net = transfer(source, pictures, KIND[shapes])
    seen, said = net(pictures), net(asked)
expect_shape(said, (200, 3), "the logits for 200 unseen scenes")
share = (said.argmax(1) == KIND[truth]).double().mean().item()
known = (seen.argmax(1) == KIND[shapes]).double().mean().item()
assert share >= 0.65, f"only {share:.0%} of 200 unseen scenes are right ({known:.0%} of the 60 that it learned from)."
### BEGIN HIDDEN TESTS
for _ in range(2):
    seed = int(torch.randint(1000, 10**6, ()))
    (learned, which), (asked, truth) = some_scenes(60, seed=seed), some_scenes(400, seed=seed + 1)
    with own_work():
        said = transfer(source, learned, KIND[which])(asked)
    expect_shape(said, (400, 3), "the logits for 400 unseen scenes")
    share = (said.argmax(1) == KIND[truth]).double().mean().item()
    assert share >= 0.65, f"with 60 other scenes to learn from, only {share:.0%} of 400 unseen ones are right."
    # Another task: the classes swapped. It must be learned from the labels that are given.
    with own_work():
        said = transfer(source, learned, 2 - KIND[which])(asked)
    share = (said.argmax(1) == 2 - KIND[truth]).double().mean().item()
    assert share >= 0.65, f"with the classes 0 and 2 swapped, only {share:.0%} of 400 unseen ones are right."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "transfer_ready", "grade": true, "points": 1}
# Ready for use: one picture alone gets the same logits as in company.
torch.manual_seed(1)
asked, truth = some_scenes(60, seed=400)
with own_work():
    net = transfer(source, pictures, KIND[shapes])
    together, alone = net(asked), net(asked[:1])
expect_shape(alone, (1, 3), "the logits for one picture")
expect_close(alone.detach(), together[:1].detach(), "the logits of a picture alone", atol=1e-3)
assert (together.argmax(1) == KIND[truth]).double().mean() > 0.55, "55 % or fewer of 60 unseen scenes are right."
### BEGIN HIDDEN TESTS
asked, truth = some_scenes(90, seed=int(torch.randint(1000, 10**6, ())))
with own_work():
    net = transfer(source, pictures, KIND[shapes])
    before, again = net(asked), net(asked.flip(0)).flip(0)
expect_close(again.detach(), before.detach(), "the logits for scenes in another order", atol=1e-3)
expect_close(net(asked[40:50]).detach(), before[40:50].detach(), "the logits for ten of the scenes", atol=1e-3)
assert (before.argmax(1) == KIND[truth]).double().mean() > 0.55, "55 % or fewer of 90 unseen scenes are right."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "transfer_source", "grade": true, "points": 1}
# The source is as it was, and the result is right on unseen scenes all the same.
torch.manual_seed(2)
lent, (asked, truth) = copy.deepcopy(source), some_scenes(60, seed=500)
with own_work():
    net = transfer(lent, pictures, KIND[shapes])
    said = net(asked)
for name, tensor in source.state_dict().items():
    assert name in lent.state_dict(), f"the source has lost its {name}: work on a copy."
    assert torch.equal(lent.state_dict()[name], tensor), f"{name} of the source has changed: work on a copy."
expect_shape(said, (60, 3), "the logits for 60 scenes")
assert (said.argmax(1) == KIND[truth]).double().mean() > 0.55, "55 % or fewer of 60 unseen scenes are right."
for tensor in lent.parameters():  # what others do to the source is not yours to feel, either
    tensor.data.zero_()
with own_work():
    later = net(asked)
expect_close(later.detach(), said.detach(), "your network's logits, after all weights of the source were set to 0", atol=1e-5)
### BEGIN HIDDEN TESTS
lent, (asked, truth) = copy.deepcopy(source), some_scenes(90, seed=int(torch.randint(1000, 10**6, ())))
with own_work():
    said = transfer(lent, pictures[:40], KIND[shapes[:40]])(asked)
for name, tensor in source.state_dict().items():
    assert torch.equal(lent.state_dict()[name], tensor), f"{name} of the source has changed: work on a copy."
assert (said.argmax(1) == KIND[truth]).double().mean() > 0.55, "55 % or fewer of 90 unseen scenes are right."
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** Your own tools read EfficientNet-Lite0 with its real ImageNet weights: four layers, and two
# questions about the same scenes. Write down first what you expect.


# %% tags=["skip-grading"]
@torch.no_grad()
def experiment() -> None:
    """Share of 100 unseen scenes, by layer, for a probe and for the vote of three neighbours."""
    world = scenes.sample(400, seed=600, size=64, difficulty=0.4, objects=(1, 1), truths=("boxes",))
    x = (world.images[:, 0] - MEAN) / STD
    middle = world.boxes[:, 0, 0, [0, 2]].mean(1)
    place = (middle[:, None] > middle.quantile(torch.tensor([1 / 3, 2 / 3]))).sum(1)
    lite = models.efficientnet_lite0(pretrained=True)
    for layer in ("_blocks.4", "_blocks.10", "_blocks.14", "_dropout"):
        read = torch.cat([Features(lite, layer)(batch) for batch in x.split(50)])
        read = (read - read[:300].mean(0)) / (read[:300].std(0) + 1e-3) / read.shape[1] ** 0.5
        shares = {}
        for question, labels in (("shape", world.labels[:, 0]), ("place", place)):
            weight, bias = ridge(read[:300], labels[:300], 8, 1.0)
            answers = {"probe": (read[300:] @ weight.T + bias).argmax(1), "vote": vote(read[:300], labels[:300], read[300:], 3)}
            for way, found in answers.items():
                shares[f"{question}, {way}"] = f"{(found == labels[300:]).double().mean():.2f}"
        print(f"{layer:<11}", shares)


experiment()

# %% [markdown]
# ## Exercise 6: what is borrowed? (3 points)
#
# In about 150 words:
#
# 1. On which layer is the probe for the shape best, and on which worst? Explain with *general* and *specific*. Quote the numbers.
# 2. Compare with the probe for the place. Why can a network of 75 % accuracy on ImageNet be worth little to this question?
# 3. You froze a network, and its results change from epoch to epoch. Name the likely culprit, and the line that mends it.
#
# | points | the answer |
# |---|---|
# | 1 | early layers are general but simple, middle ones best, last ones specific to ImageNet; with numbers |
# | 1 | ImageNet's classes do not depend on the place, so training and the mean over places drop it; with numbers |
# | 1 | batch normalisation in training mode, running averages are buffers; `.eval()` for the frozen part, again after each `.train()` |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. The probe for the shape is worst on block 4 and best around block 10 or 14; on the last layer it is a little lower again. Early
#    maps are general, they would serve any task, but they hold edges and colours, no shapes. Later ones combine them. The last are
#    specific: they keep what separates ImageNet's thousand classes, and our stars and rings are none of those.
# 2. The place is read best around block 10 and much worse on the last layer. A dog is a dog wherever it stands, so ImageNet rewards a
#    network for forgetting the place, and the mean over all places drops most of what is left. Features transfer as far as the source
#    needed what the target needs.
# 3. Batch normalisation: requires_grad = False stops the weights, but in training mode the layers use the batch's statistics and overwrite
#    their running averages, which are buffers. `net.eval()` for the frozen part, after every call of `train()`.
# ### END SOLUTION
