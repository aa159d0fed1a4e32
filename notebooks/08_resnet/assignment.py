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
# # Assignment 08: add or append
#
# You build the networks that the rest of this course stands on, and you build them so that published weights fit: every
# layer carries the name that torchvision gave it, so that `net.load_state_dict(torch.load("resnet50.pth"))` works on
# your own class. Two residual blocks, the one with the clean path, a ResNet from a line of numbers, and the block that
# appends instead of adding.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `Basic` | 5 |
# | 2 | `BottleneckBlock` | 4 |
# | 3 | `PreActivation` | 5 |
# | 4 | `ResNet` | 5 |
# | 5 | `Dense` | 4 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 08.
#
# **How it is graded.** Write between the `def` or `class` line and the end of each solution cell, then run the check
# cells below it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we
# grade, the same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said,
# to within $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.
#
# torch's layers (`nn.Conv2d`, `nn.BatchNorm2d`, `nn.Sequential` …) are welcome; the course's and torchvision's finished
# blocks are not. Three rules hold for all five classes:
#
# * a convolution has **no bias**, because the normalisation that follows has one;
# * the attributes have exactly the **names** that the exercise gives, in that spelling;
# * the tensor that comes in is **not changed**. `nn.ReLU(inplace=True)` on it would also change what the shortcut adds.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models as torchvision_models
from torchvision.models.resnet import BasicBlock as TorchvisionBasic
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck

from course_lib import models
from course_lib.checks import expect_close, expect_equal, expect_shape, own_work
from course_lib.models.projected import ProjectedBasic, ProjectedBottleneck


def shapes(state: dict) -> dict:
    """The names in a state dict, each with the shape of what it names."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def expect_names(state: dict, expected: dict, what: str) -> None:
    """Say which name of a state dict is missing, which one is too much, and which shape is wrong."""
    missing, extra = [[n for n in a if n not in b] for a, b in ((expected, state), (state, expected))]
    unknown = f", but {extra[0]!r}" if extra else ""
    assert not missing, f"{what}: there is no {missing[0]!r}{unknown} (missing: {len(missing)} of {len(expected)} names)."
    assert not extra, f"{what}: nothing should be called {extra[0]!r}."
    found = shapes(state)
    for name, tensor in expected.items():
        expect_equal(found[name], tuple(tensor.shape), f"{what}, the shape of {name}")


def randomise(module: nn.Module) -> nn.Module:
    """In float64, in evaluation mode, with random weights and random statistics in every normalisation."""
    for name, tensor in module.double().eval().state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else 0.5 * torch.randn_like(tensor))
    return module


def wave(state: dict) -> dict:
    """The same names and shapes, filled with cosines; variances between 0.5 and 1.5."""
    filled = {}
    for name, tensor in state.items():
        numbers = torch.arange(tensor.numel()).double().cos().view(tensor.shape)
        filled[name] = tensor if "num_batches" in name else numbers / 2 + 1 if "running_var" in name else numbers
    return filled


def torchvision_block(kind: type, in_channels: int, width: int, stride: int, projected: bool) -> nn.Module:
    """torchvision's own block, randomised, with a projection as its shortcut or without."""
    shortcut, deep = None, width * kind.expansion
    if projected:
        shortcut = nn.Sequential(nn.Conv2d(in_channels, deep, 1, stride, bias=False), nn.BatchNorm2d(deep))
    return randomise(kind(in_channels, width, stride, shortcut))


# %% [markdown]
# ## Exercise 1: the basic block (5 points)
#
# The block of ResNet-18 and 34, an `nn.Module`. `Basic(in_channels, width, stride=1)` maps `[B, in_channels, H, W]` to
# `[B, width, H/stride, W/stride]`:
#
# $$ y = \mathrm{relu}\big(\text{shortcut}(x) + F(x)\big) \qquad
# F: \text{conv1} \to \text{bn1} \to \text{relu} \to \text{conv2} \to \text{bn2} $$
#
# | attribute | is |
# |---|---|
# | `conv1` | 3×3, padding 1, from `in_channels` to `width` maps, with the stride |
# | `conv2` | 3×3, padding 1, from `width` to `width` maps |
# | `bn1`, `bn2` | batch normalisation after each |
# | `downsample` | the shortcut: `None` where $x$ can be added as it is; else an `nn.Sequential` of a 1×1 convolution with the stride and a batch normalisation |
#
# The class also has an attribute `expansion = 1`: how many times `width` it puts out. It is given.
#
# **By hand.** One map of one pixel, `width` 1. A 3×3 filter on one pixel sees padding on all sides, so only its middle
# counts. Let both filters have 2 in the middle, and both normalisations do nothing. $x = 3$ becomes 6, 12, and with the
# shortcut 15; $x = -3$ becomes $-6$, then 0, 0, and $-3 + 0$, which the last ReLU makes 0.
#
# <details><summary>Hint: when is the shortcut a projection?</summary>
#
# Whenever the shape changes: where `stride` is not 1, and where `in_channels` is not `width`. Either alone is enough.
#
# </details>
#
# <details><summary>Hint: how do the names come about?</summary>
#
# An `nn.Sequential(conv, bn)` as `self.downsample` gives names such as `downsample.0.weight` and `downsample.1.running_mean`.
# `None` in its place gives none.
#
# </details>


# %% nbgrader={"grade_id": "basic", "solution": true}
class Basic(nn.Module):
    """relu(shortcut(x) + F(x)) with two 3×3 convolutions in F."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or in_channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return (shortcut + out).relu()
        ### END SOLUTION


# %% nbgrader={"grade_id": "basic_names", "grade": true, "points": 1}
# Names and shapes, without and with a projection.
for in_channels, width, stride, projected in ((4, 4, 1, False), (4, 4, 2, True), (4, 6, 1, True)):
    with own_work():
        block = Basic(in_channels, width, stride)
    expected = torchvision_block(TorchvisionBasic, in_channels, width, stride, projected).state_dict()
    expect_names(block.state_dict(), expected, f"Basic({in_channels}, {width}, stride={stride})")
### BEGIN HIDDEN TESTS
for in_channels, width, stride in torch.randint(1, 5, (12, 3)).tolist():
    with own_work():
        block = Basic(in_channels, width, stride)
    projected = stride > 1 or in_channels != width
    expected = torchvision_block(TorchvisionBasic, in_channels, width, stride, projected).state_dict()
    expect_names(block.state_dict(), expected, f"Basic({in_channels}, {width}, stride={stride})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "basic_identity", "grade": true, "points": 1}
# Where the shape stays. First the example by hand (2 in the middle of both filters), then torchvision's block.
with own_work():
    block = Basic(1, 1).double().eval()
    for p in (p for p in block.parameters() if p.ndim == 4):
        p.data = F.pad(torch.full((1, 1, 1, 1), 2.0).double(), (1, 1, 1, 1))
    y = block(torch.tensor([3.0, -3.0]).double().view(2, 1, 1, 1))
expect_close(y, torch.tensor([15.0, 0.0]).double().view(2, 1, 1, 1), "x = 3 and x = -3", atol=1e-3)
### BEGIN HIDDEN TESTS
for width, height in ((1, 5), (3, 6), (5, 7)):
    reference, x = torchvision_block(TorchvisionBasic, width, width, 1, False), torch.randn(2, width, height, 6).double()
    with own_work():
        block = Basic(width, width).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(y, reference(x.clone()), f"Basic({width}, {width}) on maps of {height}×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "basic_projection", "grade": true, "points": 1}
# Where it changes: a stride, other maps, or both. Weights and statistics are cosines.
with own_work():
    block, x = Basic(2, 3, stride=2).double().eval(), torch.linspace(-1, 1, 50).double().view(1, 2, 5, 5)
    block.load_state_dict(wave(block.state_dict()))
    y = block(x)
expect_shape(y, (1, 3, 3, 3), "the output of Basic(2, 3, stride=2) for maps of 5×5")
expect_close(y[0, 0, 0], [0.0, 0.1566, 0.2166], "the first row of its first map", atol=1e-4)
### BEGIN HIDDEN TESTS
for in_channels, width, stride in ((3, 3, 2), (2, 5, 1), (4, 2, 3), (5, 5, 2)):
    reference = torchvision_block(TorchvisionBasic, in_channels, width, stride, True)
    x = torch.randn(2, in_channels, 7, 6).double()
    with own_work():
        block = Basic(in_channels, width, stride).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(y, reference(x.clone()), f"Basic({in_channels}, {width}, stride={stride}) on maps of 7×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "basic_training", "grade": true, "points": 1}
# In training mode the batch's own statistics count, and the running ones move; gradients reach every weight.
with own_work():
    block, x = Basic(2, 3, stride=2).double().train(), torch.linspace(-1, 1, 100).double().view(2, 2, 5, 5)
    y = block(x.sin())
y.square().sum().backward()
for name, p in block.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
for name, buffer in block.state_dict().items():
    assert "running_mean" not in name or buffer.any(), f"{name} has not moved in a step of training."
### BEGIN HIDDEN TESTS
for in_channels, width, stride, projected in ((3, 3, 1, False), (2, 4, 2, True)):
    reference = torchvision_block(TorchvisionBasic, in_channels, width, stride, projected)
    x, upstream = torch.randn(4, in_channels, 6, 6).double(), None
    with own_work():
        block = Basic(in_channels, width, stride).double()
        block.load_state_dict(reference.state_dict())
        block.train()
        y = block(x)
    expected = reference.train()(x.clone())
    expect_close(y, expected, f"Basic({in_channels}, {width}, {stride}) in training mode")
    upstream = torch.randn_like(expected)
    (y * upstream).sum().backward()
    (expected * upstream).sum().backward()
    found = dict(block.named_parameters())
    for name, p in reference.named_parameters():
        expect_close(found[name].grad, p.grad, f"the gradient of {name}", atol=1e-8)
    found = block.state_dict()
    for name, buffer in reference.named_buffers():
        expect_close(found[name], buffer, f"{name} after a step")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "basic_untouched", "grade": true, "points": 1}
# The right values come out, and x is as before.
x = torch.linspace(-1, 1, 32).double().view(1, 2, 4, 4)
before = x.clone()
with own_work():
    block = Basic(2, 2).double().eval()
    state = {name: torch.zeros_like(t) if ".weight" in name else t for name, t in block.state_dict().items()}
    block.load_state_dict(state | {"bn2.bias": torch.ones(2).double()})
    y = block(x)
expect_close(x, before, "x after the call")
expect_close(y, (before + 1).relu(), "the output, where the branch always says 1")
### BEGIN HIDDEN TESTS
for stride in (1, 2):
    reference = torchvision_block(TorchvisionBasic, 3, 3, stride, stride > 1)
    x = torch.randn(2, 3, 6, 6).double()
    before = x.clone()
    with own_work():
        block = Basic(3, 3, stride).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(x, before, f"x after the call, stride {stride}")
    expect_close(y, reference(before.clone()), f"the output, stride {stride}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: the bottleneck (4 points)
#
# The block of ResNet-50 and deeper. `BottleneckBlock(in_channels, width, stride=1)` maps `[B, in_channels, H, W]` to
# `[B, 4·width, H/stride, W/stride]`:
#
# | attribute | is | followed by |
# |---|---|---|
# | `conv1` | 1×1, `in_channels` → `width` | `bn1`, ReLU |
# | `conv2` | 3×3, padding 1, `width` → `width`, **with the stride** | `bn2`, ReLU |
# | `conv3` | 1×1, `width` → `4·width` | `bn3`; then the addition, then ReLU |
# | `downsample` | as in exercise 1: `None`, or 1×1 convolution and normalisation | |
#
# The paper had the stride on `conv1`; torchvision's weights were trained with it on `conv2`.
#
# How many weights has `BottleneckBlock(256, 64)` in its convolutions? $256 \cdot 64 + 9 \cdot 64 \cdot 64 + 64 \cdot 256
# = 69{,}632$, and there is no projection: 256 maps come in, 4 · 64 go out.


# %% nbgrader={"grade_id": "bottleneck", "solution": true}
class BottleneckBlock(nn.Module):
    """relu(shortcut(x) + F(x)) with F = 1×1 down, 3×3, 1×1 up."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        ### BEGIN SOLUTION
        deep = width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, deep, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(deep)
        self.downsample = None
        if stride != 1 or in_channels != deep:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, deep, 1, stride, bias=False), nn.BatchNorm2d(deep))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return (shortcut + out).relu()
        ### END SOLUTION


# %% nbgrader={"grade_id": "bottleneck_names", "grade": true, "points": 1}
# Names and shapes, without and with a projection.
for in_channels, width, stride, projected in ((8, 2, 1, False), (8, 2, 2, True), (2, 2, 1, True)):
    with own_work():
        block = BottleneckBlock(in_channels, width, stride)
    expected = torchvision_block(TorchvisionBottleneck, in_channels, width, stride, projected).state_dict()
    expect_names(block.state_dict(), expected, f"BottleneckBlock({in_channels}, {width}, stride={stride})")
### BEGIN HIDDEN TESTS
for in_channels, width, stride in ((4, 1, 1), (4, 1, 3), (12, 3, 1), (12, 3, 2), (3, 3, 1), (4, 2, 1), (5, 3, 2)):
    with own_work():
        block = BottleneckBlock(in_channels, width, stride)
    projected = stride > 1 or in_channels != 4 * width
    expected = torchvision_block(TorchvisionBottleneck, in_channels, width, stride, projected).state_dict()
    expect_names(block.state_dict(), expected, f"BottleneckBlock({in_channels}, {width}, stride={stride})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bottleneck_identity", "grade": true, "points": 1}
# Where the shape stays: four maps of one pixel, all filters and variances cosines, means and shifts too.
with own_work():
    block = BottleneckBlock(4, 1).double().eval()
    block.load_state_dict(wave(block.state_dict()))
    y = block(torch.tensor([1.0, -2.0, 3.0, -4.0]).double().view(1, 4, 1, 1))
expect_close(y.flatten(), [1.1835, 0.0, 2.3893, 0.0], "the output for the pixel (1, -2, 3, -4)", atol=1e-4)
### BEGIN HIDDEN TESTS
for width, height in ((1, 5), (2, 6), (3, 4)):
    reference = torchvision_block(TorchvisionBottleneck, 4 * width, width, 1, False)
    x = torch.randn(2, 4 * width, height, 6).double()
    before = x.clone()
    with own_work():
        block = BottleneckBlock(4 * width, width).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(y, reference(before.clone()), f"BottleneckBlock({4 * width}, {width}) on maps of {height}×6")
    expect_close(x, before, "x after the call")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bottleneck_projection", "grade": true, "points": 1}
# Where it changes. With the stride on the 3×3 every pixel has a say; on the first 1×1 three quarters would have none.
with own_work():
    block, x = BottleneckBlock(2, 1, stride=2).double().eval(), torch.linspace(-9, 9, 50).double().sin().view(1, 2, 5, 5)
    block.load_state_dict(wave(block.state_dict()))
    y = block(x)
expect_shape(y, (1, 4, 3, 3), "the output of BottleneckBlock(2, 1, stride=2) for maps of 5×5")
expect_close(y[0, 1:3, 1], [[0.7409, 0.8357, 0.8519], [0.0, 0.0, 0.0]], "the middle rows of its second and third map", atol=1e-4)
### BEGIN HIDDEN TESTS
for in_channels, width, stride in ((8, 2, 2), (3, 2, 1), (5, 1, 3), (4, 2, 2)):
    reference = torchvision_block(TorchvisionBottleneck, in_channels, width, stride, True)
    x = torch.randn(2, in_channels, 7, 6).double()
    with own_work():
        block = BottleneckBlock(in_channels, width, stride).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(y, reference(x.clone()), f"BottleneckBlock({in_channels}, {width}, stride={stride}) on maps of 7×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bottleneck_training", "grade": true, "points": 1}
# In training mode: gradients reach every weight, and the running statistics move.
with own_work():
    block, x = BottleneckBlock(2, 2, stride=2).double().train(), torch.linspace(-9, 9, 100).double().view(2, 2, 5, 5)
    y = block(x.sin())
y.square().sum().backward()
for name, p in block.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
for name, buffer in block.state_dict().items():
    assert "running_mean" not in name or buffer.any(), f"{name} has not moved in a step of training."
### BEGIN HIDDEN TESTS
for in_channels, width, stride, projected in ((8, 2, 1, False), (3, 2, 2, True)):
    reference = torchvision_block(TorchvisionBottleneck, in_channels, width, stride, projected)
    x = torch.randn(4, in_channels, 6, 6).double()
    with own_work():
        block = BottleneckBlock(in_channels, width, stride).double()
        block.load_state_dict(reference.state_dict())
        block.train()
        y = block(x)
    expected = reference.train()(x.clone())
    expect_close(y, expected, f"BottleneckBlock({in_channels}, {width}, {stride}) in training mode")
    upstream = torch.randn_like(expected)
    (y * upstream).sum().backward()
    (expected * upstream).sum().backward()
    found = dict(block.named_parameters())
    for name, p in reference.named_parameters():
        expect_close(found[name].grad, p.grad, f"the gradient of {name}", atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: the clean path (5 points)
#
# Full pre-activation: normalisation and ReLU stand *before* each convolution, and nothing stands after the addition.
# `PreActivation(in_channels, width, stride=1)` maps `[B, in_channels, H, W]` to `[B, width, H/stride, W/stride]`:
#
# $$ a = \mathrm{relu}(\text{bn1}(x)) \qquad y = \text{shortcut} + \text{conv2}\big(\mathrm{relu}(\text{bn2}(\text{conv1}(a)))\big) $$
#
# | attribute | is |
# |---|---|
# | `bn1` | normalises $x$: `in_channels` maps |
# | `conv1` | 3×3, padding 1, `in_channels` → `width`, with the stride |
# | `bn2`, `conv2` | `width` maps; 3×3, padding 1, `width` → `width` |
# | `downsample` | `None` where the shape stays: the shortcut is $x$ itself, untouched. Else one 1×1 convolution with the stride and **no** normalisation, and it reads $a$, not $x$ |
#
# **By hand.** One map of one pixel, both filters 2 in the middle, both normalisations doing nothing: $x = 3$ becomes
# $3 + 12 = 15$, and $x = -3$ becomes $-3 + 0 = -3$. Unlike in exercise 1 it survives: there is no ReLU on the path.


# %% nbgrader={"grade_id": "preact", "solution": true}
class PreActivation(nn.Module):
    """x + F(x), or a projection of relu(bn1(x)) plus F(x), where F = bn relu conv bn relu conv."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        ### BEGIN SOLUTION
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.downsample = None
        if stride != 1 or in_channels != width:
            self.downsample = nn.Conv2d(in_channels, width, 1, stride, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        a = self.bn1(x).relu()
        shortcut = x if self.downsample is None else self.downsample(a)
        out = self.conv1(a)
        out = self.conv2(self.bn2(out).relu())
        return shortcut + out
        ### END SOLUTION


# %% nbgrader={"grade_id": "preact_names", "grade": true, "points": 1}
# Names and shapes, without and with a projection.
for in_channels, width, stride in ((3, 3, 1), (3, 5, 1), (3, 3, 2)):
    with own_work():
        block = PreActivation(in_channels, width, stride)
    expected = nn.ModuleDict({"bn1": nn.BatchNorm2d(in_channels), "conv1": nn.Conv2d(in_channels, width, 3, bias=False)})
    expected.update({"bn2": nn.BatchNorm2d(width), "conv2": nn.Conv2d(width, width, 3, bias=False)})
    if stride > 1 or in_channels != width:
        expected["downsample"] = nn.Conv2d(in_channels, width, 1, bias=False)
    expect_names(block.state_dict(), expected.state_dict(), f"PreActivation({in_channels}, {width}, stride={stride})")
### BEGIN HIDDEN TESTS
for in_channels, width, stride in torch.randint(1, 5, (12, 3)).tolist():
    with own_work():
        block = PreActivation(in_channels, width, stride)
    expected = nn.ModuleDict({"bn1": nn.BatchNorm2d(in_channels), "conv1": nn.Conv2d(in_channels, width, 3, bias=False)})
    expected.update({"bn2": nn.BatchNorm2d(width), "conv2": nn.Conv2d(width, width, 3, bias=False)})
    if stride > 1 or in_channels != width:
        expected["downsample"] = nn.Conv2d(in_channels, width, 1, bias=False)
    expect_names(block.state_dict(), expected.state_dict(), f"PreActivation({in_channels}, {width}, stride={stride})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "preact_identity", "grade": true, "points": 1}
# Where the shape stays: the example by hand, and a branch that says nothing.
with own_work():
    block = PreActivation(1, 1).double().eval()
    for p in (p for p in block.parameters() if p.ndim == 4):
        p.data = F.pad(torch.full((1, 1, 1, 1), 2.0).double(), (1, 1, 1, 1))
    y = block(torch.tensor([3.0, -3.0]).double().view(2, 1, 1, 1))
expect_close(y, torch.tensor([15.0, -3.0]).double().view(2, 1, 1, 1), "x = 3 and x = -3", atol=1e-3)
### BEGIN HIDDEN TESTS
for width, height in ((1, 5), (3, 6), (5, 4)):
    x = torch.randn(2, width, height, 6).double()
    before = x.clone()
    with own_work():
        block = PreActivation(width, width).double().eval()
        reference = nn.ModuleDict({"bn1": nn.BatchNorm2d(width), "conv1": nn.Conv2d(width, width, 3, 1, 1, bias=False)})
        reference.update({"bn2": nn.BatchNorm2d(width), "conv2": nn.Conv2d(width, width, 3, 1, 1, bias=False)})
        block.load_state_dict(randomise(reference).state_dict())
        y = block(x)
    inner = reference["conv1"](reference["bn1"](before).relu())
    expected = before + reference["conv2"](reference["bn2"](inner).relu())
    expect_close(y, expected, f"PreActivation({width}, {width}) on maps of {height}×6")
    expect_close(x, before, "x after the call")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "preact_projection", "grade": true, "points": 1}
# Where it changes, the projection reads relu(bn1(x)).
with own_work():
    block, x = PreActivation(2, 3, stride=2).double().eval(), torch.linspace(-1, 1, 50).double().view(1, 2, 5, 5)
    block.load_state_dict(wave(block.state_dict()))
    y = block(x)
expect_shape(y, (1, 3, 3, 3), "the output of PreActivation(2, 3, stride=2) for maps of 5×5")
expect_close(y[0, 0, 0], [0.3419, 0.5546, 0.5816], "the first row of its first map", atol=1e-4)
### BEGIN HIDDEN TESTS
for old, width, stride in ((3, 3, 2), (2, 5, 1), (4, 2, 3)):
    x = torch.randn(2, old, 7, 6).double()
    with own_work():
        block = PreActivation(old, width, stride).double().eval()
        reference = nn.ModuleDict({"bn1": nn.BatchNorm2d(old), "conv1": nn.Conv2d(old, width, 3, stride, 1, bias=False)})
        reference.update({"bn2": nn.BatchNorm2d(width), "conv2": nn.Conv2d(width, width, 3, 1, 1, bias=False)})
        reference["downsample"] = nn.Conv2d(old, width, 1, stride, bias=False)
        block.load_state_dict(randomise(reference).state_dict())
        y = block(x)
    a = reference["bn1"](x).relu()
    expected = reference["downsample"](a) + reference["conv2"](reference["bn2"](reference["conv1"](a)).relu())
    expect_close(y, expected, f"PreActivation({old}, {width}, stride={stride}) on maps of 7×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "preact_sum", "grade": true, "points": 1}
# A chain of blocks is a sum. Where all branches say nothing, signal and gradient pass a hundred layers unchanged.
with own_work():
    chain = [PreActivation(2, 2).double() for _ in range(50)]
    for block in chain:
        block.load_state_dict({n: torch.zeros_like(t) if "conv2" in n else t for n, t in block.state_dict().items()})
    x = torch.linspace(-1, 1, 36).double().view(2, 2, 3, 3).requires_grad_()
    y = x
    for block in chain:
        y = block(y)
upstream = torch.arange(36.0).double().view(2, 2, 3, 3)
(found,) = torch.autograd.grad(y, x, upstream)
expect_close(y.detach(), x.detach(), "what comes out of 50 blocks whose conv2 is 0")
expect_close(found, upstream, "the gradient that arrives below them")
### BEGIN HIDDEN TESTS
with own_work():
    chain = [PreActivation(3, 3).double().eval() for _ in range(4)]
    states, branches = [torch.randn(2, 3, 5, 4).double()], []
    for block in chain:
        fresh = {n: 0.3 * torch.randn_like(t) if ".weight" in n else t for n, t in block.state_dict().items()}
        block.load_state_dict(fresh)
        inner = F.conv2d((states[-1] / (1 + 1e-5) ** 0.5 * fresh["bn1.weight"].view(3, 1, 1)).relu(), fresh["conv1.weight"], padding=1)
        inner = (inner / (1 + 1e-5) ** 0.5 * fresh["bn2.weight"].view(3, 1, 1)).relu()
        branches.append(F.conv2d(inner, fresh["conv2.weight"], padding=1))
        states.append(block(states[-1]))
expect_close(states[-1].detach(), states[0] + sum(branches).detach(), "x_L minus x_0 is the sum of the branches")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "preact_training", "grade": true, "points": 1}
# In training mode: gradients reach every weight, and the running statistics move.
with own_work():
    block, x = PreActivation(2, 3, stride=2).double().train(), torch.linspace(-9, 9, 100).double().view(2, 2, 5, 5)
    y = block(x.sin() + 1)
y.square().sum().backward()
for name, p in block.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
for name, buffer in block.state_dict().items():
    assert "running_mean" not in name or buffer.any(), f"{name} has not moved in a step of training."
### BEGIN HIDDEN TESTS
for old, width, stride in ((3, 3, 1), (2, 4, 2)):
    reference = nn.ModuleDict({"bn1": nn.BatchNorm2d(old), "conv1": nn.Conv2d(old, width, 3, stride, 1, bias=False)})
    reference.update({"bn2": nn.BatchNorm2d(width), "conv2": nn.Conv2d(width, width, 3, 1, 1, bias=False)})
    if stride > 1:
        reference["downsample"] = nn.Conv2d(old, width, 1, stride, bias=False)
    x = torch.randn(4, old, 6, 6).double()
    with own_work():
        block = PreActivation(old, width, stride).double()
        block.load_state_dict(randomise(reference).state_dict())
        block.train()
        y = block(x)
    a = reference.train()["bn1"](x).relu()
    shortcut = reference["downsample"](a) if stride > 1 else x
    expected = shortcut + reference["conv2"](reference["bn2"](reference["conv1"](a)).relu())
    expect_close(y, expected, f"PreActivation({old}, {width}, {stride}) in training mode")
    (y * expected.detach()).sum().backward()
    (expected * expected.detach()).sum().backward()
    found = dict(block.named_parameters())
    for name, p in reference.named_parameters():
        expect_close(found[name].grad, p.grad, f"the gradient of {name}", atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: a ResNet from its numbers (5 points)
#
# `ResNet(block, depths, width=64, num_classes=1000)` is an `nn.Module` that maps images `[B, 3, H, W]` to logits:
#
# | attribute | is |
# |---|---|
# | `conv1`, `bn1` | 7×7, stride 2, padding 3, 3 → `width`; normalisation, then ReLU |
# | | max pooling 3×3, stride 2, padding 1 (it learns nothing, so its name is free) |
# | `layer1`, `layer2`, … | one stage for each number in `depths`: an `nn.Sequential` of so many blocks |
# | `fc` | a linear layer with bias, on the mean of each map over all places |
#
# A block is made by `block(in_channels, w, stride)`, puts out `block.expansion * w` maps and makes its own projection.
# Stage number $s = 1, 2, \dots$ has $w = \text{width} \cdot 2^{s-1}$. The first block of each stage but the first has
# stride 2; all others have stride 1. Blocks come as an argument: the checks use the course's, so that this exercise
# does not rest on the first two. Yours fit too.
#
# With `depths=(1, 2)`, `width=8` and basic blocks: `layer1` is `block(8, 8, 1)`; `layer2` is `block(8, 16, 2)` and
# `block(16, 16, 1)`; `fc` reads 16 numbers. With bottlenecks the three are `block(8, 8, 1)`, `block(32, 16, 2)` and
# `block(64, 16, 1)`, and `fc` reads 64.
#
# <details><summary>Hint</summary>
#
# One number travels along: the maps that the next block will see. `self.add_module(f"layer{s}", stage)` gives a part a
# name that is computed; `getattr(self, name)` finds it again.
#
# </details>


# %% nbgrader={"grade_id": "resnet", "solution": true}
class ResNet(nn.Module):
    """A stem, stages of residual blocks, a global mean and one linear layer."""

    def __init__(self, block: type, depths: tuple[int, ...], width: int = 64, num_classes: int = 1000):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.names, channels = [], width
        for stage, depth in enumerate(depths):
            blocks = []
            for i in range(depth):
                blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
                channels = width * 2**stage * block.expansion
            self.names.append(f"layer{stage + 1}")
            self.add_module(self.names[-1], nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, num_classes)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
        for name in self.names:
            x = getattr(self, name)(x)
        return self.fc(x.mean(dim=(2, 3)))
        ### END SOLUTION


# %% nbgrader={"grade_id": "resnet_names", "grade": true, "points": 1}
# Names and shapes are torchvision's, here with one basic block a stage, cut after the second stage: 64 and 128 maps.
reference = torchvision_models.ResNet(TorchvisionBasic, [1, 1, 1, 1])
reference.layer3, reference.layer4, reference.fc = nn.Identity(), nn.Identity(), nn.Linear(128, 1000)
expect_names(ResNet(ProjectedBasic, (1, 1)).state_dict(), reference.state_dict(), "ResNet(ProjectedBasic, (1, 1))")
### BEGIN HIDDEN TESTS
for block, depths, width in ((ProjectedBasic, (2, 1), 2), (ProjectedBottleneck, (1, 2, 3), 2), (ProjectedBottleneck, (3,), 4)):
    parts, below = {"conv1": nn.Conv2d(3, width, 7, bias=False), "bn1": nn.BatchNorm2d(width)}, width
    for stage, depth in enumerate(depths):
        for i in range(depth):
            made = block(below, width * 2**stage, 2 if stage and not i else 1)
            below = width * 2**stage * block.expansion
            parts |= {f"layer{stage + 1}.{i}.{name}": part for name, part in made.named_children() if name != "relu"}
    parts["fc"] = nn.Linear(below, 7)
    expected = {f"{name}.{n}": t for name, part in parts.items() for n, t in part.state_dict().items()}
    got = ResNet(block, depths, width, 7).state_dict()
    expect_names(got, expected, f"ResNet({block.__name__}, {depths}, {width}, 7)")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "resnet_stages", "grade": true, "points": 1}
# Maps shrink where they should: what comes out of stages of 1, 2 and 1 blocks, for an image of 64×64.
net = ResNet(ProjectedBottleneck, (1, 2, 1), width=2, num_classes=5).eval()
x = torch.zeros(1, 2, 16, 16)
for name, shape in (("layer1", (1, 8, 16, 16)), ("layer2", (1, 16, 8, 8)), ("layer3", (1, 32, 4, 4))):
    x = getattr(net, name)(x)
    expect_shape(x, shape, f"the output of {name}")
expect_equal([len(getattr(net, f"layer{stage}")) for stage in (1, 2, 3)], [1, 2, 1], "the number of blocks in each stage")
### BEGIN HIDDEN TESTS
for block, depths in ((ProjectedBasic, (2, 2, 1, 1)), (ProjectedBottleneck, (1, 3))):
    net, x = ResNet(block, depths, width=3, num_classes=5).eval(), torch.zeros(2, 3, 9, 12)
    for stage, depth in enumerate(depths):
        x = getattr(net, f"layer{stage + 1}")(x)
        shape = (2, 3 * 2**stage * block.expansion, -(-9 // 2**stage), -(-12 // 2**stage))
        expect_shape(x, shape, f"{block.__name__}, the output of layer{stage + 1}")
        expect_equal(len(getattr(net, f"layer{stage + 1}")), depth, f"{block.__name__}, the blocks of layer{stage + 1}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "resnet_logits", "grade": true, "points": 2}
# The whole computation: weights and statistics are cosines, the image is a wave.
net = ResNet(ProjectedBasic, (1, 1), width=2, num_classes=3).double().eval()
net.load_state_dict(wave(net.state_dict()))
logits = net(torch.linspace(-9, 9, 3 * 24 * 24).double().sin().view(1, 3, 24, 24))
expect_close(logits, [[3.6393, -0.9421, -1.1176]], "the logits of the wave", atol=1e-4)
### BEGIN HIDDEN TESTS
for block, depths, side in ((ProjectedBasic, (1, 2), 33), (ProjectedBottleneck, (2, 1, 1), 40), (ProjectedBasic, (2,), 31)):
    parts, below = [nn.Conv2d(3, 2, 7, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 2
    names = ["conv1", "bn1", "relu", "maxpool"]
    for stage, depth in enumerate(depths):
        for i in range(depth):
            parts.append(block(below, 2 * 2**stage, 2 if stage and not i else 1))
            names.append(f"layer{stage + 1}.{i}")
            below = 2 * 2**stage * block.expansion
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(below, 4)]
    names += ["pool", "flat", "fc"]
    reference, x = randomise(nn.Sequential(*parts)), torch.randn(2, 3, side, side + 5).double()
    state = {f"{name}.{n}": t for name, part in zip(names, reference) for n, t in part.state_dict().items()}
    net = ResNet(block, depths, 2, 4).double().eval()
    net.load_state_dict(state)
    expect_close(net(x), reference(x), f"{block.__name__}, {depths}, images of {side}×{side + 5}", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "resnet_training", "grade": true, "points": 1}
# torchvision's weights fit, its logits come out, and in training mode gradients reach every weight.
reference = torchvision_models.ResNet(TorchvisionBasic, [1, 1, 1, 1])
reference.layer3, reference.layer4, reference.fc = nn.Identity(), nn.Identity(), nn.Linear(128, 4)
net, x = ResNet(ProjectedBasic, (1, 1), num_classes=4).eval(), torch.rand(2, 3, 33, 33)
net.load_state_dict(reference.eval().state_dict())
expect_close(net(x).detach(), reference(x).detach(), "the logits with torchvision's weights", atol=1e-4)
net.train()(x).square().sum().backward()
for name, p in net.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
### BEGIN HIDDEN TESTS
net = ResNet(ProjectedBottleneck, (2, 2), width=2, num_classes=3).train()
before = {name: t.clone() for name, t in net.state_dict().items()}
net(torch.rand(3, 3, 40, 40)).square().sum().backward()
for name, p in net.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
after = net.state_dict()
for name in before:
    assert "running_var" not in name or (after[name] != before[name]).any(), f"{name} has not moved in a step of training."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: append (4 points)
#
# A dense block. `Dense(layers, in_channels, growth)` maps `[B, in_channels, H, W]` to `[B, in_channels + layers·growth,
# H, W]`. Its parts are called `denselayer1`, `denselayer2`, … as in torchvision. Layer number $i$ reads everything
# written so far, $C_i = \text{in\_channels} + (i-1) \cdot \text{growth}$ maps, and makes `growth` new ones:
#
# | attribute of a layer | is | followed by |
# |---|---|---|
# | `norm1` | normalises $C_i$ maps | ReLU |
# | `conv1` | 1×1, $C_i$ → `4·growth` | |
# | `norm2` | normalises `4·growth` maps | ReLU |
# | `conv2` | 3×3, padding 1, `4·growth` → `growth` | |
#
# The new maps are appended **after** the old ones, which stay as they are. What comes out begins with the input, then
# come the maps of layer 1, of layer 2, and so on.
#
# With `Dense(3, 6, 2)` the layers read 6, 8 and 10 maps, and 12 come out.
#
# <details><summary>Hint</summary>
#
# An `nn.Sequential` made from an `OrderedDict` has parts with names; so has a small class of your own. `torch.cat([a,
# b], dim=1)` appends maps. ReLU must not work in place on what the next layers still want to read.
#
# </details>


# %% nbgrader={"grade_id": "dense", "solution": true}
class Dense(nn.Module):
    """Layers that each read all maps written so far, and append `growth` new ones."""

    def __init__(self, layers: int, in_channels: int, growth: int):
        super().__init__()
        ### BEGIN SOLUTION
        for i in range(layers):
            layer = nn.Sequential()
            layer.add_module("norm1", nn.BatchNorm2d(in_channels + i * growth))
            layer.add_module("relu1", nn.ReLU())
            layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
            layer.add_module("relu2", nn.ReLU())
            layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            self.add_module(f"denselayer{i + 1}", layer)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x
        ### END SOLUTION


# %% nbgrader={"grade_id": "dense_names", "grade": true, "points": 1}
# Names and shapes are torchvision's.
for layers, in_channels, growth in ((3, 6, 2), (1, 2, 3)):
    expected = torchvision_models.DenseNet(growth, (layers,), in_channels).features.denseblock1.state_dict()
    with own_work():
        block = Dense(layers, in_channels, growth)
    expect_names(block.state_dict(), expected, f"Dense({layers}, {in_channels}, {growth})")
### BEGIN HIDDEN TESTS
for layers, in_channels, growth in torch.randint(1, 6, (8, 3)).tolist():
    expected = torchvision_models.DenseNet(growth, (layers,), in_channels).features.denseblock1.state_dict()
    with own_work():
        block = Dense(layers, in_channels, growth)
    expect_names(block.state_dict(), expected, f"Dense({layers}, {in_channels}, {growth})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "dense_maps", "grade": true, "points": 1}
# What comes out, with weights and statistics as cosines: first the input, as it was, then the new maps.
x = torch.linspace(-1, 1, 18).double().view(1, 2, 3, 3)
before = x.clone()
with own_work():
    block = Dense(2, 2, 1).double().eval()
    block.load_state_dict(wave(block.state_dict()))
    y = block(x)
expect_shape(y, (1, 4, 3, 3), "the output of Dense(2, 2, 1) for maps of 3×3")
expect_close(y[:, :2].detach(), before, "the first two maps: the input")
expect_close(y[0, 2:, 0], [[0.2025, 0.3479, 0.2976], [0.1582, 0.2854, 0.2523]], "the first rows of the two new maps", atol=1e-4)
expect_close(x, before, "x after the call")
### BEGIN HIDDEN TESTS
for layers, in_channels, growth in ((1, 3, 2), (3, 4, 2), (4, 1, 3)):
    reference = randomise(torchvision_models.DenseNet(growth, (layers,), in_channels).features.denseblock1)
    x = torch.randn(2, in_channels, 5, 6).double()
    with own_work():
        block = Dense(layers, in_channels, growth).double().eval()
        block.load_state_dict(reference.state_dict())
        y = block(x)
    expect_close(y, reference(x.clone()), f"Dense({layers}, {in_channels}, {growth}) on maps of 5×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "dense_reuse", "grade": true, "points": 1}
# Every layer reads all that was written before it: if layer 1 writes other maps, layers 2 and 3 write other maps as well.
with own_work():
    block, x = Dense(3, 2, 1).double().eval(), torch.linspace(-1, 1, 18).double().view(1, 2, 3, 3)
    state = {n: t + 5 if "bias" in n else t for n, t in wave(block.state_dict()).items()}  # + 5: every ReLU is open
    block.load_state_dict(state)
    before = block(x)
    block.load_state_dict(state | {"denselayer1.conv2.weight": -state["denselayer1.conv2.weight"]})
    after = block(x)
expect_shape(before, (1, 5, 3, 3), "the output of Dense(3, 2, 1) for maps of 3×3")
expect_close(after[:, 2].detach(), -before[:, 2].detach(), "layer 1's map with its last filters negated")
assert (after[:, 3] != before[:, 3]).any(), "layer 2 does not read what layer 1 wrote."
assert (after[:, 4] != before[:, 4]).any(), "layer 3 does not read what layer 1 wrote."
### BEGIN HIDDEN TESTS
with own_work():
    block, x = Dense(4, 3, 2).double().eval(), torch.randn(1, 3, 4, 4).double()
    reference = randomise(torchvision_models.DenseNet(2, (4,), 3).features.denseblock1).state_dict()
    state = {n: t + 5 if "bias" in n else t for n, t in reference.items()}
    block.load_state_dict(state)
    before = block(x)
    for i in range(1, 5):
        name = f"denselayer{i}.conv2.weight"
        block.load_state_dict(state | {name: -state[name]})
        after, own = block(x), 3 + 2 * (i - 1)
        expect_close(after[:, :own].detach(), before[:, :own].detach(), f"what was written before layer {i}")
        expect_close(after[:, own : own + 2].detach(), -before[:, own : own + 2].detach(), f"layer {i}'s maps, negated")
        for k in range(i + 1, 5):
            rest = slice(3 + 2 * (k - 1), 3 + 2 * k)
            assert (after[:, rest] != before[:, rest]).any(), f"layer {k} does not read what layer {i} wrote."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "dense_training", "grade": true, "points": 1}
# In training mode: gradients reach every weight, and the running statistics move.
with own_work():
    block, x = Dense(3, 2, 2).double().train(), torch.linspace(-9, 9, 64).double().view(2, 2, 4, 4)
    y = block(x.sin() + 1)
y.square().sum().backward()
for name, p in block.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
for name, buffer in block.state_dict().items():
    assert "running_mean" not in name or buffer.any(), f"{name} has not moved in a step of training."
### BEGIN HIDDEN TESTS
reference = randomise(torchvision_models.DenseNet(2, (3,), 4).features.denseblock1)
x = torch.randn(4, 4, 5, 5).double()
with own_work():
    block = Dense(3, 4, 2).double()
    block.load_state_dict(reference.state_dict())
    block.train()
    y = block(x)
expected = reference.train()(x.clone())
expect_close(y, expected, "Dense(3, 4, 2) in training mode")
upstream = torch.randn_like(expected)
(y * upstream).sum().backward()
(expected * upstream).sum().backward()
found = dict(block.named_parameters())
for name, p in reference.named_parameters():
    expect_close(found[name].grad, p.grad, f"the gradient of {name}", atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** Your own blocks in your own network: what do ResNet-34, ResNet-50 and a dense block cost, for
# an image of 224×224? And what does a gradient look like below 30 blocks, with and without the clean path? Write down
# first what you expect.


# %% tags=["skip-grading"]
def price(net: nn.Module, shape: tuple[int, ...]) -> str:
    """Parameters, multiply-adds and the memory of all tensors that one image makes."""
    rows = models.walk(net, shape)
    learned, work, held = (sum(row[column] for row in rows) for column in (3, 4, 5))
    return f"{learned / 1e6:6.2f} M parameters, {work / 1e9:5.2f} G multiply-adds, {held / 1e6:4.0f} MB"


print("ResNet-34                  ", price(ResNet(Basic, (3, 4, 6, 3)), (3, 224, 224)))
print("ResNet-50                  ", price(ResNet(BottleneckBlock, (3, 4, 6, 3)), (3, 224, 224)))
print("12 dense layers, 28×28     ", price(Dense(12, 128, 32), (128, 28, 28)))
print("6 bottlenecks of 512, 28×28", price(nn.Sequential(*[BottleneckBlock(512, 128) for _ in range(6)]), (512, 28, 28)))

torch.manual_seed(0)
for title, kind in (("original", Basic), ("pre-activation", PreActivation)):
    x = torch.randn(16, 8, 8, 8, requires_grad=True)
    net = nn.Sequential(*[kind(8, 8) for _ in range(30)])
    y = net(x)
    (below,) = torch.autograd.grad(y, x, above := torch.randn_like(y))
    alike = F.cosine_similarity(above.flatten(), below.flatten(), dim=0)
    print(f"30 blocks, {title:<15} gradient below / above: {below.norm() / above.norm():.2f}, cosine {alike:.2f}")

# %% [markdown]
# ## Exercise 6: what does a shortcut buy? (3 points)
#
# In about 150 words:
#
# 1. Plain networks of 56 layers train worse than those of 20. Why is that neither overfitting nor a lack of capacity? Name
#    the observation for each.
# 2. Derive from $x_L = x_l + \sum F(x_i)$ what arrives at $x_l$ of a gradient at $x_L$, and compare with what the experiment prints
#    for both kinds of block. What stands in the way of the original block?
# 3. ResNet-50 has 16 layers more than ResNet-34. What do they cost, and why so little? And what does appending cost that adding does
#    not? Quote the numbers.
#
# | points | the answer |
# |---|---|
# | 1 | training error for the one, the construction with identities for the other |
# | 1 | the derivative with its 1, tied to the printed ratios and cosines, and the ReLU after the addition named |
# | 1 | bottleneck: 3×3 on a quarter of the maps, with both bills; dense: memory for concatenations, with numbers |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. An overfitting network has a low training error; here the training error itself is higher. Capacity: the trained 20
#    layers with 36 layers of identities between them are a network of 56 layers with the same training error. It exists, and is
#    not found: a failure of optimisation.
# 2. $\partial E/\partial x_l = \partial E/\partial x_L \,(1 + \partial \sum F / \partial x_l)$: the gradient from above arrives
#    whole, plus what comes through the branches. Below 30 blocks the
#    pre-activation gradient is 4.2 times as long and still points partly where it came from (cosine 0.22); the original's is 19
#    times as long, and its direction is lost (cosine 0.01). There a ReLU stands after each addition and cuts about half of the 1
#    away each time, so the product is back.
# 3. 16 layers more cost 0.43 G multiply-adds (4.09 against 3.66) and 3.8 M parameters, because the 3×3 work on a quarter of
#    the maps, and 1×1 have a ninth of the weights. The price is memory: 151 against 51 MB, for the blocks put out four times as many
#    maps. Appending: 12 dense layers that end at 512 maps make 52 MB, as much as six bottlenecks on 512 maps (55 MB) that do
#    nearly twice the arithmetic, since every concatenation writes all earlier maps again.
# ### END SOLUTION
