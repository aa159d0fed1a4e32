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
# # Assignment 11: ask the network
#
# Five ways to question a trained network, each a function of about ten lines: hide a part of the picture, take the logit
# apart, weigh maps by their gradients, make the picture that a unit likes, and fool it. In the end you turn all of
# them on a real network and a real cat.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `occlusion` | 5 |
# | 2 | `activation_map` | 4 |
# | 3 | `grad_cam` | 5 |
# | 4 | `maximise` | 4 |
# | 5 | `fgsm` | 5 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 11.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we grade, the
# same checks run once more with networks and pictures that nobody has seen, in `float64` and, where nothing else is
# said, to within $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.
#
# torch is welcome whole, `course_lib.understand` is not. One rule holds for all five: **the network is lent to you.** It comes in
# evaluation mode; leave its mode, its weights and its buffers as they are, and leave nothing in the `.grad` of a
# weight. The pictures are not yours either. `torch.autograd.grad(y, x)` returns a gradient and writes nothing down;
# `y.backward()` writes into everything on its way.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import models, understand
from course_lib.checks import expect_close, expect_shape, own_work
from course_lib.data import datasets
from course_lib.models.efficientnet_lite import MEAN, STD


def linear_net(weight: list) -> nn.Module:
    """Scores that can be worked out by hand: a row of weights a class, no bias."""
    weight = torch.tensor(weight, dtype=torch.float64)
    net = nn.Sequential(nn.Flatten(), nn.Linear(weight.shape[1], len(weight), bias=False)).double().eval()
    net[1].weight.data = weight
    return net


def random_net(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """Two convolutions with normalisation and a linear layer, all random, in float64 and in evaluation mode."""
    parts = [nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1), nn.Softplus()]
    net = nn.Sequential(*parts, nn.Flatten(), nn.Linear(3 * height * width, classes)).double().eval()
    net[1].running_mean, net[1].running_var = torch.randn(4).double(), torch.rand(4).double() + 0.5
    return net


def wave_net(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """The same network with waves for weights: alike for everybody."""
    net = random_net(channels, height, width, classes)
    for p in net.parameters():
        p.data = (0.7 * torch.arange(1, p.numel() + 1).double().square()).sin().view(p.shape)
    net[1].running_mean, net[1].running_var = torch.zeros(4).double(), torch.ones(4).double()
    return net


def expect_lent(net: nn.Module, x: Tensor, before: tuple, what: str) -> None:
    """The network and the picture are as they were."""
    state, pixels = before
    for name, p in net.named_parameters():
        assert p.grad is None, f"{what}: something is left in the .grad of {name}; torch.autograd.grad leaves nothing."
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, state[name]), f"{what}: {name} of the network has changed."
    assert x.grad is None, f"{what}: something is left in the .grad of x; torch.autograd.grad leaves nothing."
    assert torch.equal(x.detach(), pixels), f"{what}: the picture itself has changed; work on a copy."


def photocopy(net: nn.Module, x: Tensor) -> tuple:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}, x.detach().clone()


# %% [markdown]
# ## Exercise 1: hide it, and see (5 points)
#
# Cover a square of the picture with grey and note by how much the class's score falls; then move the square on.
#
# `occlusion(model, x, target, side, step, grey)` returns a tensor `[rows, columns]` of **drops**: the score of the whole
# picture minus that of the covered one.
#
# | argument | is |
# |---|---|
# | `model` | maps `[B, C, H, W]` to logits `[B, classes]` |
# | `x` | one picture, `[C, H, W]` |
# | `target` | the class; its score is the **logit** |
# | `side`, `step` | side of the square, and how far it moves, in pixels |
# | `grey` | the value that it puts in all channels |
#
# The square starts in the upper left corner and stays inside the picture: in a picture of $H$ rows there are $\lfloor (H - \text{side}) /
# \text{step} \rfloor + 1$ positions down, and likewise across. Entry $(i, j)$ belongs to the square whose upper left pixel is
# $(i \cdot \text{step}, j \cdot \text{step})$. The result carries no graph: it is a number to look at.
#
# **By hand.** A picture of 2×4 ones, and a score that is the sum of the pixels, each times its weight:
#
# $$ \begin{pmatrix} 1 & 2 & 3 & 4 \\ 5 & 6 & 7 & 8 \end{pmatrix} $$
#
# Side 2, step 2, grey 0: the left square takes away $1 + 2 + 5 + 6 = 14$, the right one 22. With step 1 there are three:
# 14, 18, 22. With grey 0.5 half of it stays, and the drops are 7 and 11.
#
# <details><summary>Hint</summary>
#
# `x.clone()`, then assign to a slice of the copy. The model wants a batch: `covered[None]`. No graph is made in a
# function decorated with `@torch.no_grad()`.
#
# </details>


# %% nbgrader={"grade_id": "occlusion", "solution": true}
def occlusion(model, x: Tensor, target: int, side: int, step: int, grey: float) -> Tensor:
    """By how much the logit of `target` falls, for each position of a grey square."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        whole = model(x[None])[0, target]
        drops = []
        for top in range(0, x.shape[1] - side + 1, step):
            for left in range(0, x.shape[2] - side + 1, step):
                covered = x.clone()
                covered[:, top : top + side, left : left + side] = grey
                drops.append(whole - model(covered[None])[0, target])
    return torch.stack(drops).view(-1, (x.shape[2] - side) // step + 1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "occlusion_hand", "grade": true, "points": 1}
# The example by hand.
ones, net = torch.ones(1, 2, 4).double(), linear_net([[0.0] * 8, [1.0, 2, 3, 4, 5, 6, 7, 8]])
with own_work():
    found = occlusion(net, ones, 1, 2, 2, 0.0), occlusion(net, ones, 1, 2, 1, 0.0), occlusion(net, ones, 1, 2, 2, 0.5)
expect_close(found[0], [[14.0, 22.0]], "side 2, step 2, grey 0")
expect_close(found[1], [[14.0, 18.0, 22.0]], "side 2, step 1, grey 0")
expect_close(found[2], [[7.0, 11.0]], "side 2, step 2, grey 0.5")
### BEGIN HIDDEN TESTS
weight, x = torch.randn(3, 24).double(), torch.rand(1, 4, 6).double()
with own_work():
    found = occlusion(linear_net(weight.tolist()), x, 2, 2, 2, 0.0)
parts = (weight[2] * x.flatten()).view(2, 2, 3, 2).sum((1, 3))
expect_close(found, parts, "a linear score with random weights, side 2, step 2, grey 0")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "occlusion_values", "grade": true, "points": 2}
# A network with convolutions, three channels, and each of its classes.
net, x = wave_net(3, 4, 4, 3), torch.arange(48.0).double().sin().view(3, 4, 4)
with own_work():
    found = occlusion(net, x, 1, 2, 2, 0.5)
expected = [[0.0, 0.0], [0.0, 0.0]]
for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
    partly = x.clone()
    partly[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = 0.5
    expected[i][j] = (net(x[None]) - net(partly[None]))[0, 1].item()
expect_close(found, expected, "a picture of 3×4×4, class 1, side 2, step 2, grey 0.5")
### BEGIN HIDDEN TESTS
for channels, height, width, target, side, step, grey in ((1, 5, 5, 0, 3, 1, 0.0), (3, 6, 4, 2, 2, 2, 0.3), (2, 5, 7, 1, 1, 2, -1.0)):
    net, x = random_net(channels, height, width, 3), torch.randn(channels, height, width).double()
    with own_work():
        found = occlusion(net, x, target, side, step, grey)
    rows, columns = (height - side) // step + 1, (width - side) // step + 1
    expected = torch.zeros(rows, columns).double()
    for i in range(rows):
        for j in range(columns):
            partly = x.clone()
            partly[:, step * i : step * i + side, step * j : step * j + side] = grey
            expected[i, j] = (net(x[None]) - net(partly[None]))[0, target].item()
    expect_close(found, expected, f"{channels}×{height}×{width} pixels, class {target}, side {side}, step {step}, grey {grey}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "occlusion_geometry", "grade": true, "points": 1}
# How many positions there are, and which: a score that is one single pixel falls only where that pixel is covered.
where = torch.zeros(1, 35).double()
where[0, 7 * 3 + 5] = 1  # row 3, column 5 of 5×7 pixels
with own_work():
    found = occlusion(linear_net(where.tolist()), torch.ones(1, 5, 7).double(), 0, 2, 3, 0.0)
expect_shape(found, (2, 2), "the map for 5×7 pixels, side 2, step 3")
expect_close(found, [[0.0, 0.0], [0.0, 0.0]], "pixel (3, 5) lies between the squares")
with own_work():
    found = occlusion(linear_net(where.tolist()), torch.ones(1, 5, 7).double(), 0, 2, 1, 0.0)
expected = torch.zeros(4, 6).double()
expected[2:4, 4:6] = 1
expect_close(found, expected, "pixel (3, 5) is covered by four of the squares of side 2, step 1")
### BEGIN HIDDEN TESTS
for height, width, side, step in ((6, 9, 4, 1), (7, 4, 3, 2), (4, 4, 4, 1), (8, 5, 2, 5)):
    weight = torch.randn(1, height * width).double()
    with own_work():
        found = occlusion(linear_net(weight.tolist()), torch.ones(1, height, width).double(), 0, side, step, 0.0)
    expected = weight.view(height, width).unfold(0, side, step).unfold(1, side, step).sum((2, 3))
    expect_close(found, expected, f"{height}×{width} pixels, side {side}, step {step}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "occlusion_lent", "grade": true, "points": 1}
# The picture and the network are as before, and the result carries no graph.
net, x = wave_net(1, 4, 4, 2), torch.arange(16.0).double().sin().view(1, 4, 4)
before = photocopy(net, x)
with own_work():
    found = occlusion(net, x, 0, 4, 4, 0.0)
expect_close(found, (net(x[None]) - net(torch.zeros(1, 1, 4, 4).double()))[:, :1].detach(), "everything hidden")
expect_lent(net, x, before, "occlusion")
assert not found.requires_grad, "the drops still carry a graph; compute them under torch.no_grad()."
### BEGIN HIDDEN TESTS
net, x = random_net(2, 3, 3, 2), torch.randn(2, 3, 3).double()
before = photocopy(net, x)
with own_work():
    found = occlusion(net, x, 1, 3, 1, 0.25)
expect_close(found, (net(x[None]) - net(torch.full((1, 2, 3, 3), 0.25).double()))[:, 1:].detach(), "everything grey")
expect_lent(net, x, before, "occlusion")
assert not found.requires_grad, "the drops still carry a graph; compute them under torch.no_grad()."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: take the logit apart (4 points)
#
# A network that ends in a mean over all places and one linear layer has
# $\text{logit}_c = b_c + \sum_k w_{ck} \cdot \text{mean}_p A_{kp}$. Change the order of the sums, and each place has its own account.
#
# `activation_map(maps, weight, target)` returns `[B, h, w]`: in each place $\sum_k w_{ck} A_{kp}$, for the class $c$
# that is asked for of *that* picture. Nothing is cut off: evidence against the class is negative.
#
# | argument | is |
# |---|---|
# | `maps` | `[B, K, h, w]`, what enters the mean |
# | `weight` | `[classes, K]`, of the linear layer |
# | `target` | `[B]`, whole numbers: one class for each picture |
#
# **By hand.** Two maps of 2×2, and a class with the weights $3$ and $-1$:
#
# $$ 3 \begin{pmatrix} 1 & 0 \\ 0 & 0 \end{pmatrix} - 1 \begin{pmatrix} 0 & 0 \\ 0 & 2 \end{pmatrix} =
# \begin{pmatrix} 3 & 0 \\ 0 & -2 \end{pmatrix} $$
#
# Its mean is $0.25$, and that plus the bias is the logit.
#
# <details><summary>Hint</summary>
#
# `weight[target]` is `[B, K]`. Multiply and sum over K: `torch.einsum("bkhw,bk->bhw", …)`, or with axes of length 1.
#
# </details>


# %% nbgrader={"grade_id": "activation_map", "solution": true}
def activation_map(maps: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """For each place what it contributes to the class of its picture."""
    ### BEGIN SOLUTION
    return torch.einsum("bkhw,bk->bhw", maps, weight[target])
    ### END SOLUTION


# %% nbgrader={"grade_id": "activation_map_hand", "grade": true, "points": 1}
# The example by hand.
maps = torch.tensor([[[[1.0, 0], [0, 0]], [[0, 0], [0, 2]]]]).double()
with own_work():
    found = activation_map(maps, torch.tensor([[5.0, 5.0], [3.0, -1.0]]).double(), torch.tensor([1]))
expect_close(found, [[[3.0, 0.0], [0.0, -2.0]]], "two maps of 2×2, class 1")
### BEGIN HIDDEN TESTS
weight, pixel = torch.randn(4, 3).double(), torch.randn(2, 3, 1, 1).double()
with own_work():
    found = activation_map(pixel, weight, torch.tensor([2, 2]))
expect_close(found.flatten(), pixel[:, :, 0, 0] @ weight[2], "maps of a single place")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "activation_map_values", "grade": true, "points": 2}
# A batch, in which each picture has a class of its own.
maps, weight = torch.arange(36.0).double().cos().view(2, 3, 2, 3), torch.arange(12.0).double().sin().view(4, 3)
with own_work():
    found = activation_map(maps, weight, torch.tensor([3, 1]))
expect_shape(found, (2, 2, 3), "the maps of 2 pictures with 2×3 places")
for b, c in ((0, 3), (1, 1)):
    expected = weight[c, 0] * maps[b, 0] + weight[c, 1] * maps[b, 1] + weight[c, 2] * maps[b, 2]
    expect_close(found[b], expected, f"picture {b}, class {c}")
### BEGIN HIDDEN TESTS
for batch, depth, height, width, classes in ((3, 5, 4, 2, 6), (1, 1, 3, 3, 2), (4, 4, 4, 4, 4), (3, 3, 3, 3, 3), (2, 4, 5, 6, 3)):
    maps, weight = torch.randn(batch, depth, height, width).double(), torch.randn(classes, depth).double()
    target = torch.randint(classes, (batch,))
    with own_work():
        found = activation_map(maps, weight, target)
    expected = sum(weight[target, k].view(-1, 1, 1) * maps[:, k] for k in range(depth))
    expect_close(found, expected, f"{batch} pictures, {depth} maps of {height}×{width}, classes {target.tolist()}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "activation_map_account", "grade": true, "points": 1}
# The account balances: its mean over all places, plus the bias, is the logit of the network.
net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).double()
maps = torch.linspace(-3, 2, 72).double().sin().view(2, 4, 3, 3)
with own_work():
    found = activation_map(maps, net[2].weight.detach(), torch.tensor([4, 0]))
expected = torch.stack([net(maps)[0, 4], net(maps)[1, 0]])
expect_close(found.mean((1, 2)) + net[2].bias[[4, 0]].detach(), expected, "mean of the map plus bias, and the logit")
### BEGIN HIDDEN TESTS
for classes in (2, 3, 7):
    net, maps = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)).double(), torch.randn(5, 6, 3, 4).double()
    target = torch.randint(classes, (5,))
    with own_work():
        found = activation_map(maps, net[2].weight.detach(), target)
    expected = net(maps).gather(1, target[:, None])[:, 0]
    expect_close(found.mean((1, 2)) + net[2].bias[target].detach(), expected, f"mean plus bias, {classes} classes")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: weights from gradients (5 points)
#
# Where the maps go through more than a mean and one linear layer, Grad-CAM asks the gradient for the weights:
#
# $$ \alpha_k = \frac{1}{hw} \sum_p \frac{\partial\, \text{logit}_c}{\partial A_{kp}} \qquad
# \text{map}(p) = \max\Big(0, \sum_k \alpha_k A_{kp}\Big) $$
#
# `grad_cam(features, head, x, target)` returns `[B, h, w]`. The network comes in two parts, so that no hook is needed:
#
# | argument | is |
# |---|---|
# | `features` | maps pictures `[B, C, H, W]` to maps `[B, K, h, w]` |
# | `head` | maps those to logits `[B, classes]` |
# | `target` | `[B]`, one class for each picture |
#
# The pictures of a batch do not meet, so one backward pass from the sum of the wanted logits gives each its own
# gradient. It must work for a **frozen** network too, whose weights ask for no gradient. The result carries no graph.
#
# **By hand.** Let `features` do nothing, so that the picture is its own two maps, and let the head have a weight for each place:
#
# | | map | weights of the class | their mean $\alpha$ |
# |---|---|---|---|
# | 0 | (1, 2, 3, 4) | (1, 0, 0, 3) | 1 |
# | 1 | (2, 2, 2, 2) | (−4, 0, 0, 0) | −1 |
#
# The sum is $(1, 2, 3, 4) - (2, 2, 2, 2) = (-1, 0, 1, 2)$, and what is negative becomes 0.
#
# <details><summary>Hint</summary>
#
# `.detach().requires_grad_()` makes the maps a starting point of their own. The wanted logits are
# `logits.gather(1, target[:, None])`, and `torch.autograd.grad(their sum, maps)` is a tuple of one.
#
# </details>


# %% nbgrader={"grade_id": "grad_cam", "solution": true}
def grad_cam(features, head, x: Tensor, target: Tensor) -> Tensor:
    """The positive part of the maps' sum, each weighted by its mean gradient."""
    ### BEGIN SOLUTION
    maps = features(x).detach().requires_grad_()
    wanted = head(maps).gather(1, target[:, None]).sum()
    (slope,) = torch.autograd.grad(wanted, maps)
    alpha = slope.mean((2, 3), keepdim=True)
    return (alpha * maps).sum(1).relu().detach()
    ### END SOLUTION


# %% nbgrader={"grade_id": "grad_cam_hand", "grade": true, "points": 1}
# The example by hand.
head, x = linear_net([[1.0, 0, 0, 3, -4, 0, 0, 0]]), torch.tensor([1.0, 2, 3, 4, 2, 2, 2, 2]).double().view(1, 2, 2, 2)
with own_work():
    found = grad_cam(nn.Identity(), head, x, torch.tensor([0]))
expect_close(found, [[[0.0, 0.0], [1.0, 2.0]]], "two maps of 2×2")
### BEGIN HIDDEN TESTS
weight, x = torch.randn(3, 24).double(), torch.randn(2, 4, 2, 3).double()
with own_work():
    found = grad_cam(nn.Identity(), linear_net(weight.tolist()), x, torch.tensor([2, 0]))
alpha = weight[[2, 0]].view(2, 4, 6).mean(2)
expected = torch.stack([sum(alpha[b, k] * x[b, k] for k in range(4)) for b in (0, 1)]).clamp(min=0)
expect_close(found, expected, "a head with random weights")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "grad_cam_values", "grade": true, "points": 2}
# A head that is not linear: the gradient depends on the picture.
net, x = wave_net(2, 4, 3, 3), torch.arange(48.0).double().sin().view(2, 2, 4, 3)
features, head = net[:3], net[3:]
with own_work():
    found = grad_cam(features, head, x, torch.tensor([2, 1]))
expect_shape(found, (2, 4, 3), "the maps of two pictures of 4×3")
for b, c in ((0, 2), (1, 1)):
    expected = understand.grad_cam(net, "2", x[b : b + 1], c)
    assert expected.max() > 1e-3
    expect_close(found[b : b + 1], expected, f"picture {b}, class {c}")
### BEGIN HIDDEN TESTS
for batch, height, width, cut in ((1, 4, 4, 3), (3, 3, 5, 3), (4, 5, 2, 5), (2, 6, 6, 1)):
    net, x = random_net(2, height, width, 4), torch.randn(batch, 2, height, width).double()
    target = torch.randint(4, (batch,))
    with own_work():
        found = grad_cam(net[:cut], net[cut:], x, target)
    expect_close(found, understand.grad_cam(net, str(cut - 1), x, target), f"{batch} pictures of {height}×{width}, cut after part {cut}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "grad_cam_is_cam", "grade": true, "points": 1}
# Where the head is a mean and a linear layer, Grad-CAM is ReLU(CAM) divided by the number of places.
features = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Tanh()).double()
head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)).double()
for p in (*features.parameters(), *head.parameters()):
    p.data = torch.arange(p.numel()).double().add(1).sin().view(p.shape)
x = torch.linspace(-2, 3, 32).double().cos().view(2, 1, 4, 4)
with own_work():
    found = grad_cam(features, head, x, torch.tensor([0, 1]))
cam = understand.cam(features(x), head[2], torch.tensor([0, 1]))
expect_close(found, (cam.relu() / 9).detach(), "ReLU(CAM) / 9 for maps of 3×3")
### BEGIN HIDDEN TESTS
for side, depth, classes in ((3, 2, 4), (5, 6, 3), (4, 3, 2)):
    features, x = nn.Sequential(nn.Conv2d(2, depth, 2), nn.Tanh()).double(), torch.randn(3, 2, side, side).double()
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, classes)).double()
    target = torch.randint(classes, (3,))
    with own_work():
        found = grad_cam(features, head, x, target)
    cam = understand.cam(features(x), head[2], target).relu()
    expect_close(found, (cam / (side - 1) ** 2).detach(), f"ReLU(CAM) / {(side - 1) ** 2} for maps of {side - 1}×{side - 1}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "grad_cam_lent", "grade": true, "points": 1}
# The network is as before and keeps no gradient; a frozen one works as well; the result carries no graph.
net, x = wave_net(1, 3, 3, 2), torch.arange(9.0).double().sin().view(1, 1, 3, 3)
expected = understand.grad_cam(net, "2", x, 1)
for frozen in (False, True):
    net.requires_grad_(not frozen)
    before = photocopy(net, x)
    with own_work():
        found = grad_cam(net[:3], net[3:], x, torch.tensor([1]))
    expect_close(found.detach(), expected, "a frozen network" if frozen else "a network that is not frozen")
    expect_lent(net, x, before, "grad_cam")
    assert not found.requires_grad, "the map still carries a graph; detach it."
### BEGIN HIDDEN TESTS
for frozen in (False, True):
    net, x = random_net(2, 4, 3, 3).requires_grad_(not frozen), torch.randn(2, 2, 4, 3).double()
    before, target = photocopy(net, x), torch.tensor([2, 0])
    with own_work():
        found = grad_cam(net[:3], net[3:], x, target)
    expect_close(found.detach(), understand.grad_cam(net, "2", x, target), "a frozen network" if frozen else "a network that is not frozen")
    expect_lent(net, x, before, "grad_cam")
    assert not found.requires_grad, "the map still carries a graph; detach it."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: the picture a unit likes (4 points)
#
# Now the network stays and the picture changes. `maximise(model, x, unit, steps, lr, decay)` climbs, from the pictures `x` `[B,
# C, H, W]`, the objective
#
# $$ f(x) = \text{logit}_{\text{unit}}(x) - \text{decay} \cdot \sum_i \big(x_i - \tfrac12\big)^2 $$
#
# by plain gradient ascent, and after **each** step puts all pixels back into the range from 0 to 1:
#
# $$ x \leftarrow \mathrm{clip}\big(x + \text{lr} \cdot \nabla f(x),\ 0,\ 1\big) $$
#
# It returns the pictures after `steps` steps, without a graph. Each picture of a batch climbs for itself.
#
# **By hand.** A picture of two pixels, $(0.5, 0.5)$, a unit with the weights $(1, -2)$, rate 0.1, no decay. Step by step:
# $(0.6, 0.3)$, $(0.7, 0.1)$, and $(0.8, 0)$, where the second pixel is stopped at 0. With decay 1 the second step starts at $(0.6, 0.3)$ with the
# gradient $(1, -2) - 2 \cdot (0.1, -0.2) = (0.8, -1.6)$ and arrives at $(0.68, 0.14)$.


# %% nbgrader={"grade_id": "maximise", "solution": true}
def maximise(model, x: Tensor, unit: int, steps: int, lr: float, decay: float) -> Tensor:
    """Pictures that excite one unit more and more, with pixels from 0 to 1."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        x = x.detach().clone().requires_grad_()
        objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
        (slope,) = torch.autograd.grad(objective, x)
        x = (x + lr * slope).clamp(0, 1)
    return x.detach()
    ### END SOLUTION


# %% nbgrader={"grade_id": "maximise_hand", "grade": true, "points": 1}
# The example by hand.
net, x = linear_net([[9.0, 9.0], [1.0, -2.0]]), torch.full((1, 1, 1, 2), 0.5).double()
with own_work():
    found = [maximise(net, x, 1, steps, 0.1, 0.0) for steps in (1, 2, 3)]
    decayed = maximise(net, x, 1, 2, 0.1, 1.0)
for steps, image, expected in zip((1, 2, 3), found, ([0.6, 0.3], [0.7, 0.1], [0.8, 0.0])):
    expect_close(image, [[[expected]]], f"after step {steps}, no decay")
expect_close(decayed, [[[[0.68, 0.14]]]], "after step 2, decay 1")
### BEGIN HIDDEN TESTS
weight, x = torch.randn(2, 6).double(), torch.rand(3, 1, 2, 3).double()
with own_work():
    found = maximise(linear_net(weight.tolist()), x, 0, 1, 0.2, 0.7)
expected = (x + 0.2 * (weight[0].view(1, 1, 2, 3) - 1.4 * (x - 0.5))).clamp(0, 1)
expect_close(found, expected, "one step with random weights, rate 0.2, decay 0.7")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "maximise_values", "grade": true, "points": 2}
# A network that is not linear, two pictures at once, steps that meet the end of the range.
net, x = wave_net(1, 3, 3, 2), torch.arange(18.0).double().sin().abs().view(2, 1, 3, 3)
with own_work():
    found = maximise(net, x, 1, 4, 0.5, 0.1)
expected = x
for _ in range(4):
    slope = torch.func.grad(lambda image: net(image)[:, 1].sum())(expected)
    expected = (expected + 0.5 * (slope - 0.2 * (expected - 0.5))).clamp(0, 1).detach()
expect_close(found, expected, "two pictures of 3×3, 4 steps, rate 0.5, decay 0.1")
### BEGIN HIDDEN TESTS
for batch, height, width, unit, steps, lr, decay in ((1, 3, 4, 0, 5, 0.3, 0.0), (3, 4, 2, 2, 3, 2.0, 0.5), (2, 3, 3, 1, 1, 0.1, 2.0)):
    net, x = random_net(2, height, width, 3), torch.rand(batch, 2, height, width).double()
    with own_work():
        found = maximise(net, x, unit, steps, lr, decay)
    expected = x
    for _ in range(steps):
        slope = torch.func.grad(lambda image, net=net, unit=unit: net(image)[:, unit].sum())(expected)
        expected = (expected + lr * (slope - 2 * decay * (expected - 0.5))).clamp(0, 1).detach()
    expect_close(found, expected, f"{batch} pictures of {height}×{width}, {steps} steps, rate {lr}, decay {decay}", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "maximise_lent", "grade": true, "points": 1}
# The score has risen, and the network and the first picture are as before.
net, x = wave_net(1, 3, 3, 2), torch.full((1, 1, 3, 3), 0.5).double()
before = photocopy(net, x)
with own_work():
    found = maximise(net, x, 0, 10, 0.05, 0.0)
assert net(found)[0, 0] > net(x)[0, 0] + 0.01, "after 10 steps the unit should be excited more than before."
expect_lent(net, x, before, "maximise")
assert not found.requires_grad, "the pictures still carry a graph; detach them."
### BEGIN HIDDEN TESTS
net, x = random_net(2, 4, 4, 3), torch.full((2, 2, 4, 4), 0.5).double()
before = photocopy(net, x)
with own_work():
    found = maximise(net, x, 2, 10, 0.02, 0.0)
assert (net(found)[:, 2] > net(x)[:, 2]).all(), "after 10 steps the unit should be excited more than before."
expect_lent(net, x, before, "maximise")
assert not found.requires_grad, "the pictures still carry a graph; detach them."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: fool it (5 points)
#
# The fast gradient sign method: one step up the loss, by the same $\varepsilon$ in every pixel.
#
# $$ x' = \mathrm{clip}\big(x + \varepsilon \cdot \mathrm{sign}(\nabla_x \text{loss}),\ 0,\ 1\big) $$
#
# `fgsm(model, x, labels, epsilon)` takes pictures `[B, C, H, W]` with pixels from 0 to 1 and their `labels` `[B]`; the loss is the cross-entropy
# of logits and labels. It returns the changed pictures, without a graph. Since only the sign counts, it does not matter whether the
# loss is summed or averaged over the batch.
#
# **By hand.** Two classes with the logits $0$ and $x_0 - 2 x_1$, and a picture of class 1. Its loss falls when the second logit
# rises, so the slope has the signs $(-, +)$: with $\varepsilon = 0.1$ the picture $(0.5, 0.5)$ becomes $(0.4, 0.6)$, and $(0.05, 0.95)$
# becomes $(0, 1)$. A pixel without influence has slope 0, and stays.


# %% nbgrader={"grade_id": "fgsm", "solution": true}
def fgsm(model, x: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Pictures within epsilon of x, with pixels from 0 to 1 and a larger loss."""
    ### BEGIN SOLUTION
    x = x.detach().clone().requires_grad_()
    loss = F.cross_entropy(model(x), labels, reduction="sum")
    (slope,) = torch.autograd.grad(loss, x)
    return (x + epsilon * slope.sign()).clamp(0, 1).detach()
    ### END SOLUTION


# %% nbgrader={"grade_id": "fgsm_hand", "grade": true, "points": 1}
# The example by hand, with a third pixel that has no influence.
net = linear_net([[0.0, 0.0, 0.0], [1.0, -2.0, 0.0]])
x = torch.tensor([[0.5, 0.5, 0.5], [0.05, 0.95, 0.3]], dtype=torch.float64).view(2, 1, 1, 3)
with own_work():
    found = fgsm(net, x, torch.tensor([1, 1]), 0.1), fgsm(net, x, torch.tensor([0, 1]), 0.1)
expect_close(found[0], [[[[0.4, 0.6, 0.5]]], [[[0.0, 1.0, 0.3]]]], "both pictures of class 1")
expect_close(found[1], [[[[0.6, 0.4, 0.5]]], [[[0.0, 1.0, 0.3]]]], "the first picture of class 0, the second of class 1")
### BEGIN HIDDEN TESTS
weight, x = torch.randn(6).double(), 0.2 + 0.6 * torch.rand(2, 1, 2, 3).double()
with own_work():
    found = fgsm(linear_net([[0.0] * 6, weight.tolist()]), x, torch.tensor([0, 1]), 0.07)
signs = weight.sign().view(1, 2, 3)
expect_close(found, torch.stack([x[0] + 0.07 * signs, x[1] - 0.07 * signs]), "two classes with random weights, ε = 0.07")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "fgsm_values", "grade": true, "points": 1}
# A network with three classes, each picture with its own label.
net, x = wave_net(1, 3, 3, 3), torch.arange(27.0).double().sin().abs().view(3, 1, 3, 3)
with own_work():
    found = fgsm(net, x, torch.tensor([2, 0, 1]), 0.05)
expect_close(found, understand.adversarial_step(net, x, torch.tensor([2, 0, 1]), 0.05), "three pictures, ε = 0.05")
### BEGIN HIDDEN TESTS
for batch, classes, epsilon in ((1, 2, 0.01), (4, 5, 0.1), (3, 3, 0.3)):
    net, x = random_net(2, 4, 3, classes), torch.rand(batch, 2, 4, 3).double()
    labels = torch.randint(classes, (batch,))
    with own_work():
        found = fgsm(net, x, labels, epsilon)
    expect_close(found, understand.adversarial_step(net, x, labels, epsilon), f"{batch} pictures, {classes} classes, ε = {epsilon}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "fgsm_bounds", "grade": true, "points": 1}
# Every pixel moves by ε, unless it meets 0 or 1.
net, x = wave_net(1, 3, 4, 2), torch.linspace(0, 1, 12).double().view(1, 1, 3, 4)
with own_work():
    found = fgsm(net, x, torch.tensor([1]), 0.2)
expect_shape(found, (1, 1, 3, 4), "the changed picture")
assert found.min() >= 0 and found.max() <= 1, f"pixels run from {found.min():.3g} to {found.max():.3g}; valid ones from 0 to 1."
moved = (found - x).abs()
assert moved.max() <= 0.2 + 1e-10, f"a pixel moves by {moved.max():.3g}, which is more than ε = 0.2."
inside = (found > 0) & (found < 1)
expect_close(moved[inside], torch.full_like(moved[inside], 0.2), "how far pixels move that do not meet 0 or 1")
assert inside.any(), "all pixels became 0 or 1."
### BEGIN HIDDEN TESTS
for epsilon in (0.02, 0.3):
    net, x = random_net(2, 4, 4, 3), torch.rand(3, 2, 4, 4).double()
    with own_work():
        found = fgsm(net, x, torch.tensor([0, 1, 2]), epsilon)
    moved, inside = (found - x).abs(), (found > 0) & (found < 1)
    assert found.min() >= 0 and found.max() <= 1, f"pixels run from {found.min():.3g} to {found.max():.3g}; valid ones from 0 to 1."
    assert moved.max() <= epsilon + 1e-10, f"a pixel moves by {moved.max():.3g}, which is more than ε = {epsilon}."
    expect_close(moved[inside], torch.full_like(moved[inside], epsilon), f"how far pixels move, ε = {epsilon}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "fgsm_loss", "grade": true, "points": 1}
# A small step raises the loss of every picture, and by nearly ε · Σ|slope|.
net, x = wave_net(1, 4, 4, 3), 0.3 + 0.4 * torch.arange(32.0).double().sin().abs().view(2, 1, 4, 4)
labels = torch.tensor([0, 2])
with own_work():
    found = fgsm(net, x, labels, 1e-4)
rise = F.cross_entropy(net(found), labels, reduction="none") - F.cross_entropy(net(x), labels, reduction="none")
slope = torch.func.grad(lambda image: F.cross_entropy(net(image), labels, reduction="sum"))(x)
expect_close(rise.detach() / 1e-4, slope.abs().sum((1, 2, 3)).detach(), "how much the loss rises, divided by ε", atol=1e-2)
### BEGIN HIDDEN TESTS
net, x, labels = random_net(2, 4, 4, 4), 0.2 + 0.6 * torch.rand(3, 2, 4, 4).double(), torch.randint(4, (3,))
with own_work():
    found = fgsm(net, x, labels, 1e-5)
rise = F.cross_entropy(net(found), labels, reduction="none") - F.cross_entropy(net(x), labels, reduction="none")
slope = torch.func.grad(lambda image: F.cross_entropy(net(image), labels, reduction="sum"))(x)
expect_close(rise.detach() / 1e-5, slope.abs().sum((1, 2, 3)).detach(), "how much the loss rises, divided by ε", atol=2e-2)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "fgsm_lent", "grade": true, "points": 1}
# The network and the pictures are as before; the result carries no graph.
net, x = wave_net(1, 3, 3, 2), torch.linspace(0.2, 0.8, 9).double().view(1, 1, 3, 3)
before = photocopy(net, x)
with own_work():
    found = fgsm(net, x, torch.tensor([1]), 0.1)
expect_lent(net, x, before, "fgsm")
assert not found.requires_grad, "the pictures still carry a graph; detach them."
expect_close(found, understand.adversarial_step(net, x, 1, 0.1), "the changed picture")
### BEGIN HIDDEN TESTS
net, x, labels = random_net(3, 3, 4, 3), torch.rand(2, 3, 3, 4).double(), torch.tensor([2, 1])
before = photocopy(net, x)
with own_work():
    found = fgsm(net, x, labels, 0.1)
expect_lent(net, x, before, "fgsm")
assert not found.requires_grad, "the pictures still carry a graph; detach them."
expect_close(found, understand.adversarial_step(net, x, labels, 0.1), "the changed pictures")
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** Your functions, the network of lecture 9, and the cat beside the espresso (left and right). Write
# down first what you expect: how much of each map lies on the cat, and what is left of it when the last layer is random?


# %% tags=["skip-grading"]
def square(name: str, left: int) -> Tensor:
    photo = datasets.photograph(name)[None]
    photo = photo[..., left : left + photo.shape[2]]
    return F.interpolate(photo, size=(128, 128), mode="bilinear", antialias=True).clamp(0, 1)


def on_the_left(heat: Tensor) -> str:
    heat = heat.relu()
    return f"{heat[..., : heat.shape[-1] // 2].sum() / heat.sum():.0%} on the left"


body, CAT, CUP = models.efficientnet_lite0(pretrained=True).eval(), 285, 967
both = torch.cat([square("cat", 75), square("coffee", 120)], dim=3)
untrained = nn.Linear(1280, 1000)
untrained.weight.data = 0.1 * torch.randn(1000, 1280, generator=torch.Generator().manual_seed(0))
heads = {title: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer)
         for title, layer in (("trained", body._fc), ("last layer random", untrained))}


def features(x: Tensor) -> Tensor:
    return body.features((x - MEAN) / STD)


def see(x: Tensor) -> Tensor:
    return head(features(x))


for title, head in heads.items():
    for name, target in (("cat", CAT), ("espresso", CUP)):
        maps, wanted = features(both).detach(), torch.tensor([target])
        print(f"{title}, {name}: occlusion {on_the_left(occlusion(see, both[0], target, 32, 32, 0.5))}, CAM "
              f"{on_the_left(activation_map(maps, head[2].weight.detach(), wanted))}, Grad-CAM {on_the_left(grad_cam(features, head, both, wanted))}")

head = heads["trained"]
cat, label = both[..., :128], torch.tensor([CAT])
noise = 4 / 255 * torch.randn(cat.shape, generator=torch.Generator().manual_seed(0)).sign()
pictures = {"the cat": cat, "after fgsm": fgsm(see, cat, label, 4 / 255), "after noise": (cat + noise).clamp(0, 1)}
pictures["maximised for espresso"] = maximise(see, torch.full((1, 3, 96, 96), 0.5), CUP, 30, 0.3, 0.0)
for name, picture in pictures.items():
    p = see(picture).softmax(1)[0].detach()
    print(f"{name}: all cats {p[281:286].sum():.2f}, espresso {p[CUP]:.2f}, loss of “Egyptian cat” {-p[CAT].log():.2f}")

# %% [markdown]
# ## Exercise 6: what have you seen? (3 points)
#
# In about 150 words:
#
# 1. Occlusion, CAM and Grad-CAM all answer *where*. Name for each what it needs of the network or costs, and one thing that it does not
#    tell. Use the printed shares for the cat and the espresso.
# 2. What must happen to a map when the last layer is made random, and why? Did it? Say why this check alone does not make a map trustworthy.
# 3. FGSM and noise change each pixel by the same 4/255. Explain the difference of the two losses. What does the maximised picture say about
#    high probabilities?
#
# | points | the answer |
# |---|---|
# | 1 | needs or cost of each, and a limit of each, with numbers |
# | 1 | the map must change since the answer has; tied to the printout; necessary, not sufficient |
# | 1 | aligned signs add up to ε Σ\|g\|, random ones cancel; a high probability far from photographs means nothing |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. Occlusion needs only the outputs, but one pass a position (32 here), and does not see parts that stand in for each other. CAM is free and exact,
#    but needs a mean and one linear layer at the end, and has 4×8 places. Grad-CAM needs one backward pass and any network; it averages the
#    gradient over the map, so details are lost. Trained, most of the cat's map lies on the left, most of the espresso's on the right.
# 2. The answer no longer depends on what was learned, so a map that explains it must change, and the shares do move, towards no
#    preference or the wrong side. A map can change and still be wrong for the trained network: the check finds bad maps and proves none good.
# 3. All signs of FGSM agree with the gradient, so the effects add up to ε Σ|g|; random signs cancel to about ε √Σg². The loss rises from 0.3 to several nats
#    after FGSM and hardly after noise. The maximised picture is noise to us and espresso to the network: probabilities far from the training data mean nothing.
# ### END SOLUTION
