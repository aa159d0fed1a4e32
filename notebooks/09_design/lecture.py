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
# # Designing a network
#
# You have ten million multiply-adds for a picture of 32×32 pixels. **How do you spend them?** On a single layer of 33
# filters, on seven layers in the manner of VGG, or on fifty layers that recognise a thousand things? All three cost the
# same. This lecture is about the difference.
#
# **After this lecture you can**
#
# 1. say what a convolution costs before you build it, and which knob makes it cheaper by how much;
# 2. apply six guidelines of design, and say which of them a measurement supports and where;
# 3. write grouped, depthwise, low-rank and dilated layers as dense ones whose weights have a structure;
# 4. compute what a stack of layers sees, holes included;
# 5. take a modern network apart, name the guideline behind each part, and the one that it breaks.
#
# It builds on cost and receptive field (lecture 4), groups (lecture 6), 1×1 filters (lecture 7) and shortcuts
# (lecture 8).

# %%
import copy
import re
import time
from functools import partial
from itertools import pairwise, product
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import get_model_weights

from course_lib import models, ops, runtime, scale, train, viz
from course_lib.data import datasets
from course_lib.models import efficientnet_lite
from course_lib.models.mobilenet_v2 import InvertedResidual

torch.set_num_threads(1)  # sharing so small a step costs more than it saves

# %% [markdown]
# A network is again a line of text. `3x12` is a convolution with 12 filters of 3×3; `s2` gives it stride 2 and `g4`
# cuts it into 4 groups; `v3x12` has tall filters of 3×1, `h3x12` wide ones of 1×3. After each come batch normalisation
# and ReLU, and after the last the mean of each map and one linear layer.

# %%
WORD = re.compile(r"([vh]?)(\d+)x(\d+)(?:s(\d+))?(?:g(\d+))?")


def build(line: str, inputs=1, classes=10) -> nn.Sequential:
    parts, depth = [], inputs
    for word in line.split():
        shape, *numbers = WORD.fullmatch(word).groups()
        k, filters, stride, groups = (int(n or 1) for n in numbers)
        kernel = {"": (k, k), "v": (k, 1), "h": (1, k)}[shape]
        padding = tuple(side // 2 for side in kernel)
        parts.append(nn.Sequential(
            nn.Conv2d(depth, filters, kernel, stride, padding,
                groups=groups, bias=False),
            nn.BatchNorm2d(filters), nn.ReLU()))
        depth = filters
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, classes)
    return nn.Sequential(*parts, *head)


# %%
with torch.device("meta"):  # shapes only: nothing computed
    ways = {
        "one layer": (nn.Conv2d(32, 33, 3, padding=1, bias=False), 32),
        "like VGG": (build("3x16 3x16 3x32s2 3x32 3x64s2 3x64", inputs=3), 3),
        "EfficientNet-Lite0": (models.efficientnet_lite0(), 3),
    }
bills = {
    name: [row.multiply_adds for row in models.walk(net, (maps, 32, 32))
        if row.multiply_adds] for name, (net, maps) in ways.items()}
for name, bill in bills.items():
    print(f"{name:<19} {sum(bill) / 1e6:5.2f} M multiply-adds, "
        f"layers with weights: {len(bill)}")
assert [len(bill) for bill in bills.values()] == [1, 7, 50]
assert all(9e6 < sum(bill) < 10e6 for bill in bills.values())
assert sum(bills["EfficientNet-Lite0"]) == 9_114_848

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(8, 2.3))
for row, bill in enumerate(bills.values()):
    left = 0.0
    for place, cost in enumerate(bill):
        colour, hatch = (viz.BLUE, "") if place % 2 else (viz.SKY, "//")
        ax.barh(row, cost / 1e6, 0.6, left, color=colour, edgecolor=viz.GROUND, hatch=hatch, lw=0.4)
        left += cost / 1e6
ax.axvline(10, color=viz.VERMILION, ls="--", lw=1.3)
ax.set_yticks(range(3), [f"{name}\n({len(bill)} layer{'s' * (len(bill) > 1)})" for name, bill in bills.items()])
ax.set(xlabel="millions of multiply-adds for one image of 32×32", xlim=(0, 10.6), title="Three ways to spend ten million", ylim=(2.6, -0.6))
viz.show(
    fig,
    alt="Three bars, each nearly ten million multiply-adds long and cut into one piece a layer. The first is one piece, the "
    f"second has {len(bills['like VGG'])} pieces, EfficientNet-Lite0 has {len(bills['EfficientNet-Lite0'])} thin ones.",
)

# %% [markdown]
# ## What a layer costs
#
# Every output number of a convolution is a sum over a window through all maps below. So a layer with $C$ maps below,
# $K$ filters of $H_f \times W_f$ and an image of $H \times W$ takes
#
# $$ \text{operations} = \frac{H \cdot H_f}{\text{stride}} \cdot \frac{W \cdot W_f}{\text{stride}} \cdot C \cdot K $$
#
# $$ \text{parameters} = H_f \cdot W_f \cdot C \cdot K $$

# %%
H, W, Hf, Wf, C, K, stride = 56, 48, 3, 5, 24, 40, 2
layer = nn.Conv2d(C, K, (Hf, Wf), stride, (1, 2), bias=False)
counted = models.walk(layer, (C, H, W))[-1]
operations = (H * Hf / stride) * (W * Wf / stride) * C * K
print(f"{operations:,.0f} operations, {Hf * Wf * C * K:,} parameters")
assert counted.multiply_adds == operations == 9_676_800
assert counted.parameters == Hf * Wf * C * K == 14_400

# %% [markdown]
# There are four knobs: pixels, filter size, maps, and (below) who reads whom. For the six guidelines we turn one at a
# time on one small network, and put every result into the same picture: **cost to the right, what we get for it
# upwards.** Near the end all of them stand in it. The network:

# %%
BASE = "3x8s2 3x12 3x24s2 3x24"
train_set, test_set = (
    datasets.load("fashion_mnist", part) for part in ("train", "test"))
few = train_set[:scale.pick(cpu=1000, gpu=10_000)]
held_out = test_set[:scale.pick(cpu=500, gpu=10_000)]
plan = dict(epochs=scale.pick(cpu=5, gpu=10), batch_size=50)


class Arm(NamedTuple):
    cost: float  # millions of multiply-adds for one image
    scores: list[float]  # test accuracy in %, one a seed
    nets: list[nn.Module]


def cost_of(net: nn.Module, shape=(1, 28, 28)) -> float:
    return sum(row.multiply_adds for row in models.walk(net, shape)) / 1e6


def study(line: str) -> Arm:
    runs = train.over_seeds(
        partial(build, line), few, held_out, seeds=range(3), **plan)
    scores = [100 * history.test_accuracy[-1] for _, history in runs]
    return Arm(cost_of(build(line)), scores, [net for net, _ in runs])


def mean(arm: Arm) -> float:
    return sum(arm.scores) / len(arm.scores)


# %% tags=["remove-stderr"]
arms = {"the network": study(BASE)}
print(f"{BASE}: {arms['the network'].cost:.3f} M multiply-adds, "
    f"{min(arms['the network'].scores):.1f} to "
    f"{max(arms['the network'].scores):.1f} % on {held_out.name}")


# %% tags=["hide-input"]
def say(names, between: str = "; ") -> str:
    return between.join(
        f"{name} {arms[name].cost:.2f} M, {min(arms[name].scores):.1f} to {max(arms[name].scores):.1f} %" for name in names
    )


def plane(names, title: str) -> None:
    """The lecture's picture: cost to the right, accuracy upwards, three seeds a line."""
    fig, ax = plt.subplots(figsize=(7, 2.4))
    for name, colour, mark in zip(names, (viz.INK, viz.BLUE, viz.VERMILION), "osd"):
        arm = arms[name]
        ax.plot([arm.cost] * 3, arm.scores, "-", color=colour, lw=1.5)
        ax.plot([arm.cost] * 3, arm.scores, mark, color=colour, ms=7, label=name, ls="", mec=viz.GROUND)
    ax.set(xscale="log", xlim=(0.04, 3), xlabel="millions of multiply-adds (log scale)", ylabel="test accuracy in %", title=title)
    ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, high - 15), high + 1)  # no picture is closer than 15 points
    ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=9)
    viz.show(fig, alt=f"Test accuracy against cost, three seeds each: {say(names)}.")


# %% [markdown]
# A thousand images of garments and five passes over them: enough to see differences of several points, and no more.
# Where ranges overlap, we shall say that they do.

# %% [markdown]
# ## Guideline 1: no tight bottleneck
#
# From the image to the label the resolution falls and the channels grow. What flows is the **data volume** $H \times W
# \times C$. *Let it fall slowly.* How slowly do good networks do it?

# %%
with torch.device("meta"):
    nets = {"VGG-16": models.vgg16(), "ResNet-50": models.resnet50(),
        "EfficientNet-Lite0": models.efficientnet_lite0()}


def volumes(net: nn.Module) -> list[int]:
    found = []
    for row in models.walk(net, (3, 224, 224)):
        narrow = "_expand" not in row.name and "_depthwise" not in row.name
        if "Conv2d" in row.layer and narrow and ".downsample" not in row.name:
            found.append(torch.Size(row.output).numel())
    return found


flow = {name: volumes(net) for name, net in nets.items()}
steepest = {name: max(a / b for a, b in pairwise(v))
    for name, v in flow.items()}
print({name: f"{drop:.1f} times" for name, drop in steepest.items()})
assert all(drop <= 4 for drop in steepest.values())

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 2.6))
for (name, volume), mark in zip(flow.items(), "os^"):
    depth = [place / (len(volume) - 1) for place in range(len(volume))]
    ax.plot(depth, volume, mark + "-", ms=4, lw=1.2, label=name)
ax.axhline(3 * 224 * 224, color=viz.INK, lw=1, ls=":")
ax.text(1, 3 * 224 * 224 * 1.15, "the image", ha="right", fontsize=9)
ax.set(yscale="log", xlabel="depth (0: first convolution, 1: last)", ylabel="numbers H·W·C (log scale)")
ax.set_title("The data volume falls slowly")
ax.legend(fontsize=9, bbox_to_anchor=(1.01, 1), loc="upper left")
viz.show(
    fig,
    alt="Numbers put out against relative depth, on a log scale: VGG-16 falls in steps of two to four from 3.2 million to 0.1 million; "
    "ResNet-50 stays around a half million and zigzags inside its blocks; EfficientNet-Lite0's narrow ends fall from 0.4 million to 16 thousand, then rise to 63 thousand.",
)

# %% [markdown]
# No single step divides the volume by more than four. Now squeeze our network: between the second and the third layer, a
# 1×1 convolution with a single filter.

# %% tags=["remove-stderr"]
arms["through 1 map"] = study("3x8s2 3x12 1x1 3x24s2 3x24")
names = ["the network", "through 1 map"]
print(say(names, "\n"))
assert mean(arms["through 1 map"]) < mean(arms["the network"])

# %% tags=["hide-input"]
plane(names, "Guideline 1: a bottleneck saves little and costs much")

# %% [markdown]
# One map makes the bill 20 % shorter and the accuracy about 10 points worse, and the ranges do not touch. What it cannot
# carry is lost for every layer above, however wide. **Confirmed.**

# %% [markdown]
# ## Guideline 2: prefer chains of small filters
#
# Three layers of 3×3 see as much as one of 7×7 (lecture 6): 27 weights for each pair of maps, not 49. Eight maps, all
# else equal:

# %% tags=["remove-stderr"]
arms["one 7×7"] = study("3x8s2 7x8 3x24s2 3x24")
arms["three 3×3"] = study("3x8s2 3x8 3x8 3x8 3x24s2 3x24")
names = ["the network", "one 7×7", "three 3×3"]
print(say(names, "\n"))
parts = [build("3x8s2 7x8"), build("3x8s2 3x8 3x8 3x8")]
one, three = (cost_of(part) - cost_of(build("3x8s2")) for part in parts)
print(f"this part alone: {one:.3f} M and {three:.3f} M")
assert abs(three / one - 27 / 49) < 1e-3

# %% [markdown]
# The chain is cheaper, as computed. Is it better? At our size the ranges overlap, and the single 7×7 has the highest
# score of all. **The saving is confirmed, the gain in accuracy is not**: each layer more has to be learned, and five
# passes are few. Keep what the guideline says, *same field, fewer weights*, and be careful with what it promises.

# %% [markdown]
# ## Guideline 3: keep the channels at bay
#
# Operations grow with $C \cdot K$. Make every layer twice as wide, and $C$ and $K$ both double.

# %% tags=["remove-stderr"]
arms["half as wide"] = study("3x4s2 3x6 3x12s2 3x12")
arms["twice as wide"] = study("3x16s2 3x24 3x48s2 3x48")
names = ["the network", "half as wide", "twice as wide"]
print(say(names, "\n"))
ratio = arms["twice as wide"].cost / arms["the network"].cost
print(f"twice as wide costs {ratio:.2f} times as much")
assert 3.9 < ratio < 4
assert mean(arms["half as wide"]) < mean(arms["twice as wide"])

# %% [markdown]
# Four times the cost bought 10 points at first, then 4. Width helps, at a quadratic price and with falling returns.
# **Confirmed.** (Not quite four times, because the image has one channel, whatever we do.)
#
# Lecture 8 met the moral in two real networks: ResNet-101 has six times the layers of VGG-16, a third of its parameters
# and *half* of its multiply-adds, because it has far fewer channels. Cut channels, buy layers.

# %% [markdown]
# ## Guideline 4: filter groups
#
# Cut the $C$ maps and the $K$ filters into $G$ parts, and let each filter read its own part only: $C \cdot K / G$. *Did
# we see this before?* Yes: AlexNet on two cards (lecture 6). Seen as a matrix, at one pixel, a layer has $K$ rows and
# $C \cdot H_f \cdot W_f$ columns, and groups leave it blocks on the diagonal.

# %%
runtime.seed_all(0)


def dense_weight(grouped: torch.Tensor, groups: int) -> torch.Tensor:
    """The filters of the dense layer that equals a grouped one."""
    blocks = [block.flatten(1) for block in grouped.chunk(groups)]
    return torch.block_diag(*blocks).view(len(grouped), -1, *grouped.shape[2:])


x = torch.randn(2, 8, 6, 6, dtype=torch.double)
matrices = {}
for groups in (1, 2, 4, 8):
    weight = torch.randn(8, 8 // groups, 3, 3, dtype=torch.double)
    full = dense_weight(weight, groups)
    assert torch.allclose(F.conv2d(x, weight, padding=1, groups=groups),
        F.conv2d(x, full, padding=1), atol=1e-10)
    assert (full != 0).sum() == 8 * 8 * 9 // groups
    matrices[groups] = full.flatten(1)

# %% [markdown]
# The price is that groups do not talk. Follow the paths through two grouped layers: the product of two block-diagonal
# matrices is block-diagonal. Shuffle the maps in between (ShuffleNet, 2017), or mix them with one layer of 1×1, and
# every output knows every input.

# %%
maps, groups = 16, 4
block = torch.block_diag(*[torch.ones(maps // groups, maps // groups)] * groups)
shuffle = torch.arange(maps).view(groups, -1).T.flatten()
reach = {
    "two grouped layers": block @ block,
    "shuffled between": block @ block[shuffle],
    "1×1 between": block @ torch.ones(maps, maps) @ block,
}
for name, paths in reach.items():
    print(f"{name}: {(paths > 0).float().mean():.0%} of the pairs connected")
assert (reach["two grouped layers"] > 0).float().mean() == 1 / 4
assert (reach["shuffled between"] > 0).all()
assert (reach["1×1 between"] > 0).all()

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, 4, figsize=(9, 4.2), height_ratios=[1, 1.3])
for ax, (groups, matrix) in zip(axes[0], matrices.items()):
    ax.imshow(matrix, cmap="PuOr", vmin=-3, vmax=3, aspect="auto")
    ax.set_title(f"G = {groups}: {72 * 8 // groups} weights", fontsize=9)
    ax.set(xticks=[4 + 9 * c for c in range(8)], yticks=[])
    ax.set_xticklabels(range(1, 9), fontsize=8)
axes[0, 0].set_ylabel("8 filters")
axes[0, 0].set_xlabel("map below, 9 weights each", fontsize=9)
for ax, (name, paths) in zip(axes[1], reach.items()):
    ax.imshow(paths > 0, cmap="Blues", vmin=0, vmax=1.4)
    ax.set_title(name, fontsize=9)
    ax.set(xticks=range(16), yticks=range(16), xticklabels=[], yticklabels=[])
    ax.set_xlabel("maps below", fontsize=9)
axes[1, 0].set_ylabel("maps two layers up")
axes[1, 3].axis("off")
viz.show(
    fig,
    alt="Above: the weights of 8 filters over 8 maps as a matrix, in 1, 2, 4 and 8 groups: the blocks on the diagonal get smaller, 576, 288, "
    "144 and 72 weights. Below: which of 16 maps reach which through two layers in 4 groups: a quarter of the pairs; "
    "with a shuffle between, and with a 1×1 layer between, all of them.",
)

# %% [markdown]
# In our network, four groups in every layer but the first. Beside it the network of half the width, which happens to
# cost the same.

# %% tags=["remove-stderr"]
arms["4 groups"] = study("3x8s2 3x12g4 3x24s2g4 3x24g4")
names = ["the network", "half as wide", "4 groups"]
print(say(names, "\n"))
assert abs(arms["4 groups"].cost / arms["half as wide"].cost - 1) < 0.1

# %% [markdown]
# A quarter of the cost for 6 points, and hardly better than a network of half the width for the same money: the ranges
# overlap. **Confirmed as a saving, not as a bargain.** Do groups need somebody who mixes?

# %% [markdown]
# ## Guideline 5: low rank, then mix
#
# A layer is a matrix, and matrices have good approximations of low rank. Two ways to cut one in two:
#
# * **in space**: $R$ tall filters of $k \times 1$, then $K$ wide ones of $1 \times k$; $R\,k\,(C + K)$ weights;
# * **between space and channels**: one $k \times k$ filter for each map (as many groups as maps: *depthwise*), then a
#   1×1 layer which mixes (*pointwise*); $C\,k^2 + C K$ weights.
#
# Both are dense layers with structured weights. Here they are, spelt out.

# %%
runtime.seed_all(0)
depthwise = torch.randn(8, 1, 3, 3, dtype=torch.double)
pointwise = torch.randn(12, 8, 1, 1, dtype=torch.double)
full = pointwise * depthwise[:, 0]  # [12, 8, 3, 3]
pair = F.conv2d(F.conv2d(x, depthwise, padding=1, groups=8), pointwise)
assert torch.allclose(pair, F.conv2d(x, full, padding=1), atol=1e-10)

# what one map contributes to all filters is one kernel, times a number each
ranks = {torch.linalg.matrix_rank(full[:, c].flatten(1)).item()
    for c in range(8)}
assert ranks == {1}

vertical = torch.randn(5, 8, 3, 1, dtype=torch.double)
horizontal = torch.randn(12, 5, 1, 3, dtype=torch.double)
full = torch.einsum("rchi,krjw->kchw", vertical, horizontal)
pair = F.conv2d(F.conv2d(x, vertical, padding=(1, 0)), horizontal,
    padding=(0, 1))
assert torch.allclose(pair, F.conv2d(x, full, padding=1), atol=1e-10)

# %% [markdown]
# So a trained network can be cut *afterwards*, without training: write a layer's weights as a matrix of $C k$ rows and
# $K k$ columns and keep the $R$ largest singular values. We do that to the last two layers of our network.

# %%
def cut(net: nn.Module, rank: int) -> nn.Module:
    net = copy.deepcopy(net)
    for block in net[2:4]:
        K, C, s = *block[0].weight.shape[:2], block[0].stride[0]
        R = min(rank, 3 * C, 3 * K)
        tall = nn.Conv2d(C, R, (3, 1), (s, 1), (1, 0), bias=False)
        wide = nn.Conv2d(R, K, (1, 3), (1, s), (0, 1), bias=False)
        tall.weight.data, wide.weight.data = ops.low_rank_factors(
            block[0].weight.detach(), R)
        block[0] = nn.Sequential(tall, wide)
    return net


# %%
inputs = held_out[:500].inputs(runtime.device())
labels = held_out[:500].labels
kept = {}
for rank in (2, 4, 8, 12, 18, 72):
    nets_cut = [cut(net, rank) for net in arms["the network"].nets]
    kept[rank] = (cost_of(nets_cut[0]),
        [100 * train.accuracy(net, inputs, labels) for net in nets_cut])
    print(f"rank {rank:>2}: {kept[rank][0]:.3f} M, "
        f"{min(kept[rank][1]):.1f} to {max(kept[rank][1]):.1f} %")
uncut = [100 * train.accuracy(net, inputs, labels)
    for net in arms["the network"].nets]
assert max(abs(a - b) for a, b in zip(kept[72][1], uncut)) < 1  # nothing cut

# %% [markdown]
# And trained in two pieces from the start: in space, with as many maps in between as above; depthwise with a 1×1 after
# it; and depthwise without any mixing, wider, so that it costs the same as the one with.

# %% tags=["remove-stderr"]
arms["low rank, trained"] = study("3x8s2 v3x8 h3x12 v3x12s2 h3x24 v3x24 h3x24")
arms["depthwise + 1×1"] = study("3x8s2 3x8g8 1x12 3x12s2g12 1x24 3x24g24 1x24")
arms["depthwise, no mixing"] = study("3x16s2 3x16g16 3x48s2g16 3x48g48")
names = ["the network", "low rank, trained", "depthwise + 1×1",
    "depthwise, no mixing"]
print(say(names, "\n"))
mixed, unmixed = (arms[name].cost for name in names[2:])
assert abs(unmixed / mixed - 1) < 0.1

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.1), sharey=True)
ax = axes[0]
costs, low, high = zip(*((cost, min(v), max(v)) for cost, v in kept.values()))
ax.fill_between(costs, low, high, color=viz.SKY, alpha=0.5, lw=0)
for rank, (cost, values) in kept.items():
    ax.plot([cost] * 3, values, "o", color=viz.BLUE, ms=5, mec=viz.GROUND)
    ax.annotate(f"{rank}", (cost, max(values)), (0, 5), textcoords="offset points", ha="center", fontsize=9)
ax.axvline(arms["the network"].cost, color=viz.INK, ls=":", lw=1.2)
ax.text(arms["the network"].cost * 0.99, 12, "uncut", ha="right", fontsize=9)
ax.set(xlabel="millions of multiply-adds", ylabel="test accuracy in %", title="Cut after training, by rank", ylim=(5, 82))
for name, colour, mark in zip(names, (viz.INK, viz.SKY, viz.BLUE, viz.GREEN), "os^D"):
    axes[1].plot([arms[name].cost] * 3, arms[name].scores, mark, color=colour, ms=7, mec=viz.GROUND, label=name, ls="")
axes[1].set(xlabel="millions of multiply-adds", title="Trained in two pieces", xlim=(0, None))
axes[1].legend(fontsize=8, loc="lower right")
viz.show(
    fig,
    alt="Left: accuracy of the trained network with its last two layers cut to ranks 2 to 72 against cost: "
    + ", ".join(f"rank {r} {min(v):.0f} to {max(v):.0f} %" for r, (_, v) in kept.items())
    + f". Right, trained so from the start: {say(names)}.",
)

# %% [markdown]
# Cut afterwards, the network loses a little down to rank 18, where it costs four fifths, and then a lot. Trained in two
# pieces, it stays within reach of the original at three fifths of the cost. **Low rank: confirmed.**
#
# "Make sure to mix the information", says the deck. *Must we?* Here the network that never mixes is the *better* one, 67
# to 69 % against 61 to 65 %, for the same money. (Our first attempt compared it with a narrow, cheaper one, which lost
# by eight points. We nearly believed it.) But then, what is there to mix? Our garments are grey, all maps stem from one
# channel, and the linear layer at the end mixes anyway. So take a task with two channels. In each there is one bright
# pixel: *are they at the same place?*

# %%
def dots(count: int, side: int = 10) -> datasets.ImageSet:
    first, second = torch.randint(side**2, (2, count))
    second = torch.where(torch.rand(count) < 0.5, first, second)
    images = torch.zeros(count, 2, side**2, dtype=torch.uint8)
    images[torch.arange(count), 0, first] = 255
    images[torch.arange(count), 1, second] = 255
    return datasets.ImageSet(
        "dots", images.view(count, 2, side, side), (first == second).long(),
        ("apart", "together"), (0.0, 0.0), (1.0, 1.0), source="drawn here")


runtime.seed_all(0)
train_dots, test_dots = dots(600), dots(400)

# %% tags=["remove-stderr"]
on_dots = {}
for name, line in {"no mixing": "3x8g2 3x8g8 3x8g8",
        "one 1×1": "3x8g2 1x8 3x8g8"}.items():
    on_dots[name] = train.over_seeds(partial(build, line, 2, 2), train_dots,
        test_dots, seeds=range(3), epochs=4, batch_size=30)
    print(f"{name}: {on_dots[name].range}")
blind, seeing = ([history.test_accuracy[-1] for _, history in runs]
    for runs in on_dots.values())
assert max(blind) < 0.65 and min(seeing) > 0.85

# %% [markdown]
# Guessing, against all but perfect, and for fewer multiply-adds. Without mixing the answer is a sum $f(\text{first}) +
# g(\text{second})$, and each channel by itself looks the same in both classes. **Mixing: not confirmed on grey
# garments, and indispensable as soon as a class is a matter of two maps at once.**

# %% [markdown]
# ## Guideline 6: dilation
#
# A unit can only recognise what it sees. To see more, one can use larger filters (the price grows with the square),
# longer chains (two pixels a layer), or strides (resolution is lost). Or one spreads the nine weights of a 3×3 apart:
# with **dilation** $d$ they stand $d$ pixels from each other, and zeros fill the holes.
#
# Our deck notes: "25 coefficients, 9 degrees of freedom" and "49 coefficients, 18 degrees of freedom". The first is one
# 3×3 with dilation 2: a 5×5 filter with 16 zeros. The second is that filter on top of a plain 3×3. Count:

# %%
def composite(first, second, dilation):
    """The one filter that equals two: `second`, spread, on top of `first`."""
    return F.conv_transpose2d(
        first[None, None], second[None, None], dilation=dilation)[0, 0]


runtime.seed_all(0)
a, b = torch.randn(2, 3, 3, dtype=torch.double)
spread = composite(torch.ones(1, 1, dtype=torch.double), b, 2)
assert spread.shape == (5, 5) and (spread != 0).sum() == 9

both = composite(a, b, 2)
assert both.shape == (7, 7) and (both != 0).sum() == 49
image = torch.randn(1, 1, 12, 12, dtype=torch.double)
two_layers = F.conv2d(F.conv2d(image, a[None, None]), b[None, None], dilation=2)
assert torch.allclose(two_layers, F.conv2d(image, both[None, None]), atol=1e-10)

# %% [markdown]
# The numbers are right: 18 weights make 49 coefficients, none of them zero. Are they 18 *degrees of freedom*? Move each
# weight a little, see how the 49 move, and ask how many of the 18 directions are independent.

# %%
jacobian = torch.cat([part.flatten(1) for part in
    torch.autograd.functional.jacobian(
        lambda a, b: composite(a, b, 2).flatten(), (a, b))], dim=1)  # [49, 18]
print("rank", torch.linalg.matrix_rank(jacobian).item())
assert jacobian.shape == (49, 18)
assert torch.linalg.matrix_rank(jacobian) == 17
assert torch.allclose(composite(2 * a, b / 2, 2), both)

# %% [markdown]
# Seventeen. Double the first filter and halve the second, and nothing changes: one direction leads nowhere. With a ReLU
# in between it is the same, as long as the factor is positive. So: 49 coefficients, 18 weights, 17 degrees of freedom.
#
# Two layers may have the dilations 1 and 2, a third one 4, and so on. The field doubles with each layer:

# %%
def field(dilations) -> int:
    windows = [ops.Window(3, dilation=d) for d in dilations]
    return ops.receptive_field(windows)[0]


doubling = [field([2**n for n in range(depth)]) for depth in range(1, 6)]
print("dilations 1, 2, 4, …:", doubling)
assert doubling == [2 ** (n + 1) - 1 for n in range(1, 6)] == [3, 7, 15, 31, 63]

# the same doubling with strides; then each layer knows fewer places
strided, step = ops.receptive_field([ops.Window(3, 2)] * 4)
assert strided == doubling[3] == 31 and step == 16

# %% [markdown]
# Dilation *is* stride with nothing thrown away. Wherever the strided network has an answer, the dilated one has the
# same; it also has all the answers between.

# %%
coarse = F.conv2d(F.conv2d(image, a[None, None], stride=2), b[None, None])
dense = F.conv2d(F.conv2d(image, a[None, None]), b[None, None], dilation=2)
assert torch.allclose(coarse, dense[..., ::2, ::2], atol=1e-10)
print("strided", tuple(coarse.shape[2:]), "→ dilated", tuple(dense.shape[2:]))

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.5, 2.7))
one = [(k * k, k) for k in range(3, 32, 2)]
chain = [(9 * n, 2 * n + 1) for n in range(1, 16)]
dilated = [(9 * n, f) for n, f in zip(range(1, 6), doubling)]
for points, label, mark in ((one, "one k×k filter", "s-"), (chain, "chain of 3×3", "o-"), (dilated, "dilations 1, 2, 4, …", "^-")):
    ax.plot(*zip(*points), mark, ms=5, lw=1.3, label=label)
ax.set(xscale="log", xlabel="multiply-adds a pixel and pair of maps (log scale)", ylabel="field in pixels", ylim=(0, 66))
ax.set_xticks([9, 18, 45, 135, 961], [9, 18, 45, 135, 961])
ax.minorticks_off()
ax.set_title("Guideline 6: what a unit sees, and what it pays")
ax.legend(fontsize=9)
viz.show(
    fig,
    alt="Field against cost at full resolution. To see 31 pixels, one filter takes 961 multiply-adds a pixel and pair of maps, a chain of 3×3 "
    "takes 135, and four layers with dilations 1, 2, 4 and 8 take 36; with 45 they see 63.",
)

# %% [markdown]
# For 31 pixels: 961, or 135, or 36. Exponential, at full resolution. **Confirmed**, and it needed no training. But the
# field is only an outline. *Does the unit see every pixel inside?* Count the paths from each pixel to the unit. Turn
# the knob: three layers, 27 weights, always the same cost.

# %%
def paths(dilations) -> torch.Tensor:
    """In how many ways each pixel of the field reaches the unit."""
    counts = torch.ones(1, 1)
    for d in dilations:
        counts = composite(counts, torch.ones(3, 3), d)
    return counts


PATTERNS = ["1 1 1", "1 2 4", "1 3 9", "2 2 2", "1 2 8"]
rates = {text: [int(d) for d in text.split()] for text in PATTERNS}
unseen = {text: (paths(d) == 0).double().mean().item()
    for text, d in rates.items()}
for text, d in rates.items():
    print(f"{text}: field {field(d)}, unseen {unseen[text]:.0%}")
assert unseen["1 2 4"] == 0 and abs(unseen["2 2 2"] - 120 / 169) < 1e-12
assert paths([1, 3, 9]).shape == (27, 27) and (paths([1, 3, 9]) == 1).all()


# %% tags=["hide-input"]
def draw_pattern(text: str) -> plt.Figure:
    dilations, side = rates[text], field(rates[text])
    fig, (tree, seen) = plt.subplots(1, 2, figsize=(9, 3.3), width_ratios=[1.6, 1])
    units = {0}
    for level, d in zip((3, 2, 1), reversed(dilations)):
        below = {u + d * tap for u in units for tap in (-1, 0, 1)}
        for u, tap in product(units, (-1, 0, 1)):
            tree.plot([u, u + d * tap], [level, level - 1], color=viz.BLUE, lw=0.7, alpha=0.6)
        units = below
    for level in range(4):
        tree.plot(range(-13, 14), [level] * 27, "o", color=viz.PALE, ms=3.5, zorder=0)
    reached = sorted(units)
    tree.plot(reached, [0] * len(reached), "o", color=viz.BLUE, ms=5)
    gaps = [u for u in range(reached[0], reached[-1] + 1) if u not in units]
    tree.plot(gaps, [0] * len(gaps), "x", color=viz.VERMILION, ms=8, mew=2)
    tree.plot(0, 3, "s", color=viz.INK, ms=7)
    tree.set(yticks=range(4), xlim=(-14, 14), xlabel="pixel", title="along one axis: × is not seen")
    tree.set_yticklabels(["image", *(f"dilation {d}" for d in dilations)], fontsize=9)
    counts = torch.nn.functional.pad(paths(dilations), [(27 - side) // 2] * 4)
    seen.imshow(torch.where(counts > 0, counts.log() + 1, torch.nan), cmap="Blues", vmin=0, vmax=4, extent=(-13.5, 13.5, -13.5, 13.5))
    seen.add_patch(plt.Rectangle((-side / 2, -side / 2), side, side, fill=False, edgecolor=viz.VERMILION, lw=1.2))
    seen.set(xticks=[-13, 0, 13], yticks=[-13, 0, 13])
    seen.set_title(f"{side}×{side}, {1 - unseen[text]:.0%} seen", fontsize=10)
    return fig


def say_pattern(text: str) -> str:
    counts = paths(rates[text])
    return (
        f"Three layers of 3×3 with dilations {text.replace(' ', ', ')}. Left, the paths from the unit down to the pixels along one axis. Right, the "
        f"pixels that the unit sees, darker for more paths: a field of {field(rates[text])}×{field(rates[text])}, of which {unseen[text]:.0%} are "
        f"not seen; the others are reached in {int(counts[counts > 0].min())} to {int(counts.max())} ways."
    )


viz.knob(draw_pattern, say_pattern, default=1, dilations=PATTERNS)

# %% [markdown]
# `1 1 1` sees 7×7 and looks at its middle 49 times as often as at its corners. `1 2 4` sees 15×15 without a hole. `1 3 9`
# sees 27×27, each of its 729 pixels along exactly one path, as every number has one spelling in base three. `2 2 2`
# sees every other pixel only: four of such networks would live side by side and never meet. That is **gridding**, and
# so is what `1 2 8` does. The rule: no dilation may be larger than the field of those before it.

# %%
for d in product(range(1, 8), repeat=3):
    ordered = sorted(d)  # the order does not change what is seen
    rule = all(ordered[n] <= field(ordered[:n]) for n in range(3))
    assert rule == bool((paths(d) > 0).all())
print("checked on", 7**3, "patterns")

# %% [markdown]
# ## Blocks from these parts
#
# **Depthwise separable**: 3×3 depthwise, then 1×1. Laurent Sifre put it into a network in 2014, François Chollet built
# all of Xception from it in 2016, and Andrew Howard and colleagues brought it to telephones in 2017 (MobileNet). Against
# the dense layer it takes $1/K + 1/k^2$ of the cost, so about a ninth.

# %%
K = 64
dense = nn.Conv2d(K, K, 3, padding=1, bias=False)
per_map = nn.Conv2d(K, K, 3, padding=1, groups=K, bias=False)
separable = nn.Sequential(per_map, nn.Conv2d(K, K, 1, bias=False))
costs = [cost_of(net, (K, 56, 56)) for net in (dense, separable)]
print(f"{costs[0]:.1f} M and {costs[1]:.1f} M: "
    f"{costs[0] / costs[1]:.1f} times fewer")
assert abs(costs[1] / costs[0] - (1 / K + 1 / 9)) < 1e-10

# %% [markdown]
# *Is it that much faster, too?* A processor has to fetch numbers before it multiplies them. Count multiply-adds for each
# number moved, and hold a watch beside it.

# %%
maps = torch.randn(1, K, 56, 56)
seconds = {}
for name, conv in (("dense", dense), ("depthwise", per_map)):
    work = cost_of(conv, (K, 56, 56)) * 1e6
    moved = 2 * maps.numel() + conv.weight.numel()
    with torch.inference_mode():
        laps = []
        for _ in range(20):
            begin = time.perf_counter()
            conv(maps)
            laps.append(time.perf_counter() - begin)
    seconds[name] = min(laps) / work
    print(f"{name:<9} {work / moved:5.1f} multiply-adds a number moved, "
        f"{1e12 * seconds[name]:.0f} ps for each")
assert seconds["depthwise"] > seconds["dense"]

# %% [markdown]
# A depthwise layer does 4.5 multiply-adds for each number it moves, a dense one 264. So it waits for memory, and each of
# them takes several times as long. Count, but measure before you promise.
#
# **Inverted residual** (MobileNetV2, Sandler and colleagues 2018). ResNet's bottleneck is wide, narrow, wide, with the
# shortcut between the wide ends. Once the 3×3 is depthwise, width is cheap in the middle, so turn it round: narrow,
# wide, narrow. Up with 1×1, filter each map, down with 1×1, and the shortcut joins the narrow ends.

# %%
block = InvertedResidual(24, 24, stride=1, expansion=6)
rows = models.walk(block, (24, 28, 28))
steps = [row for row in rows if row.layer == "Conv2d"]
for row, step in zip(steps, ("1×1 up", "depthwise 3×3", "1×1 down")):
    print(f"{step:<14} {row.output[0]:>3} maps, {row.multiply_adds:>9,}")
total = sum(row.multiply_adds for row in steps)
dense_cost = 28 * 28 * 9 * 144 * 144
print(f"together {total:,}; a dense 3×3 in the middle alone {dense_cost:,}")
assert total == 28 * 28 * 144 * (24 + 9 + 24) and dense_cost > 20 * total

# %% [markdown]
# *Why no ReLU after the last 1×1?* A ReLU sets half of the numbers to zero. Among many maps somebody else knows what
# was lost; among few nobody does. Take a curve in the plane, send it by a random matrix into $n$ maps, through ReLU,
# and ask for the best way back. A point can be restored if at least two of its $n$ numbers survive, and they fail to do
# so with probability $(1 + n)/2^n$.

# %%
runtime.seed_all(1)
angle = torch.linspace(1, 6 * torch.pi, 600, dtype=torch.double)
spiral = angle[:, None] * torch.stack([angle.cos(), angle.sin()], 1)  # [600, 2]


def there_and_back(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    up = torch.randn(2, n, dtype=torch.double)
    wide = (spiral @ up).relu()
    return wide @ torch.linalg.pinv(up), (wide > 0).sum(1) < 2


for n in (2, 3, 5, 15):
    lost = torch.cat([there_and_back(n)[1] for _ in range(400)]).double().mean()
    print(f"{n:>2} maps: {lost:.1%} of the points lost, "
        f"computed {(1 + n) / 2**n:.1%}")
    assert abs(lost - (1 + n) / 2**n) < 0.06

# %% tags=["hide-input"]
runtime.seed_all(0)
fig, axes = plt.subplots(1, 5, figsize=(9, 2.2))
losses = []
for ax, n in zip(axes, (None, 2, 3, 15, 30)):
    back, gone = (spiral, torch.zeros(600, dtype=bool)) if n is None else there_and_back(n)
    losses.append(gone.double().mean().item())
    ax.scatter(*back.T, c=torch.where(gone, torch.nan, angle), cmap="viridis", s=3)
    ax.scatter(*back[gone].T, color=viz.VERMILION, marker="x", s=14, lw=0.8)
    ax.set(aspect="equal")
    ax.axis("off")
    ax.set_title("the curve" if n is None else f"through {n} maps", fontsize=9)
viz.show(
    fig,
    alt="A spiral, and what comes back after ReLU in 2, 3, 15 and 30 maps. In 2 it is a few lines, in 3 it has lost whole sides, in 15 and 30 it is a "
    f"spiral again. Points that no longer have two numbers are crosses: {losses[1]:.0%}, {losses[2]:.0%}, {losses[3]:.0%} and {losses[4]:.0%}.",
)

# %% [markdown]
# So: bend where it is wide, and leave the narrow ends linear. That is guideline 1 once more.
#
# ## All in one picture
#
# Spend the savings. Depthwise with 1×1, and twice as wide:

# %% tags=["remove-stderr"]
arms["depthwise + 1×1, wide"] = study(
    "3x16s2 3x16g16 1x24 3x24s2g24 1x48 3x48g48 1x48")
print(say(["the network", "depthwise + 1×1",
    "depthwise + 1×1, wide"], "\n"))
assert arms["depthwise + 1×1, wide"].cost < 0.6 * arms["the network"].cost

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(8, 3.8))
kinds = {
    "1: bottleneck": (("through 1 map",), viz.VERMILION, "p"),
    "2: filter size": (("one 7×7", "three 3×3"), viz.ORANGE, "s"),
    "3: width": (("half as wide", "the network", "twice as wide"), viz.INK, "o"),
    "4: groups": (("4 groups",), viz.PURPLE, "v"),
    "5: in space": (("low rank, trained",), viz.SKY, "<"),
    "5: depthwise, no mixing": (("depthwise, no mixing",), viz.GREEN, "D"),
    "5: depthwise + 1×1": (("depthwise + 1×1", "depthwise + 1×1, wide"), viz.BLUE, "^"),
}
for label, (members, colour, mark) in kinds.items():
    ax.plot([arms[m].cost for m in members], [mean(arms[m]) for m in members], mark + "-", color=colour, ms=8, lw=1.3, label=label)
    for m in members:
        ax.plot([arms[m].cost] * 2, [min(arms[m].scores), max(arms[m].scores)], color=colour, lw=1)
ax.set(xscale="log", xlabel="millions of multiply-adds (log scale)", ylabel="test accuracy in %", title="Every network of this lecture")
ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
ax.minorticks_off()
ax.legend(fontsize=9, bbox_to_anchor=(1.01, 1), loc="upper left", title="guideline")
viz.show(fig, alt=f"Mean and range of accuracy against cost: {say(arms)}. All networks of guideline 5 lie above the line of widths.")

# %% [markdown]
# Up and to the left is good. The black line is what money alone buys: the same network, wider. The bottleneck lies below
# it, groups and large filters about on it. What lies above is guideline 5, on our grey images even without the mixing:
# the wide depthwise network has the accuracy of our first one for 59 % of its cost.

# %% [markdown]
# ## EfficientNet-Lite0, taken apart
#
# In 2019 Mingxing Tan and Quoc Le let a search choose a small network, and showed how to scale depth, width and
# resolution together. Lite0 is the form for small devices, and its weights come with this course. First, does it see?

# %%
lite = models.efficientnet_lite0(pretrained=True).eval()
categories = get_model_weights("resnet18").IMAGENET1K_V1.meta["categories"]
cat = F.interpolate(datasets.photograph("cat")[None, :, :, 75:375],
    size=224, mode="bilinear", antialias=True)


def normalise(images: torch.Tensor) -> torch.Tensor:
    return (images - efficientnet_lite.MEAN) / efficientnet_lite.STD


with torch.inference_mode():
    top = lite(normalise(cat)).softmax(1)[0].topk(3)
for p, index in zip(*(t.tolist() for t in top)):
    print(f"{categories[index]}: {p:.0%}")
assert top.indices[0].item() in datasets.PHOTOGRAPHS["cat"]

# %% [markdown]
# It is a stem, sixteen inverted residual blocks in seven stages, and a head. With `walk` and the windows, the whole
# design is one table.

# %% tags=["hide-input"]
rows = {r.name: r for r in models.walk(lite, (3, 224, 224), depth=2)}
windows, place = [ops.Window(3, 2)], 0
print("stage     blocks kernel output      parameters  M mult-adds field")
print(f"stem           1      3 32×112×112 "
    f"{rows['_conv_stem'].parameters:>11,} "
    f"{rows['_conv_stem'].multiply_adds / 1e6:>12.1f} {3:>5}")
for stage, (grow, _, repeats, step, kernel) in enumerate(
        efficientnet_lite.STAGES, start=1):
    blocks = [rows[f"_blocks.{place + n}"] for n in range(repeats)]
    windows += [ops.Window(kernel, step)]
    windows += [ops.Window(kernel)] * (repeats - 1)
    place += repeats
    print(f"{stage} (×{grow})  {repeats:>8} {kernel:>6} "
        f"{'×'.join(map(str, blocks[-1].output)):<11} "
        f"{sum(b.parameters for b in blocks):>11,} "
        f"{sum(b.multiply_adds for b in blocks) / 1e6:>12.1f} "
        f"{ops.receptive_field(windows)[0]:>5}")
field_of_lite = ops.receptive_field(windows)[0]
for part in ("_conv_head", "_fc"):
    print(f"{part:<24} {'×'.join(map(str, rows[part].output)):<11} "
        f"{rows[part].parameters:>11,} "
        f"{rows[part].multiply_adds / 1e6:>12.1f}")

# %%
assert sum(r.parameters for r in rows.values()) == 4_652_008
assert sum(r.multiply_adds for r in rows.values()) == 385_187_552
assert place == 16
single = models.walk(lite, (3, 224, 224))
kinds = {"1×1 up": "_expand_conv", "depthwise": "_depthwise_conv",
    "1×1 down": "_project_conv"}
share = {kind: sum(r.multiply_adds for r in single if name in r.name)
    for kind, name in kinds.items()}
share["stem, head, linear"] = 385_187_552 - sum(share.values())
print({kind: f"{cost / 385_187_552:.0%}" for kind, cost in share.items()})
assert share["depthwise"] < 0.2 * 385_187_552
assert sum(n for _, _, n, _, kernel in efficientnet_lite.STAGES
    if kernel == 5) == 9  # blocks with 5×5 filters
print(f"field {field_of_lite} pixels, for an image of 224")
assert field_of_lite > 224

# %% [markdown]
# Nearly all of the work is done by 1×1 filters. That is why the search could take 5×5 filters in nine of sixteen blocks:
# they are depthwise, where a larger filter costs almost nothing. **Guideline 2 is broken here, and rightly so**: its
# reason was the price of $k^2$ *times* $C K$, and that product is no longer paid.

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 1.9))
left, blocks = 0.0, 0
for (kind, cost), colour, hatch in zip(share.items(), (viz.BLUE, viz.ORANGE, viz.SKY, viz.PALE), ("", "//", "..", "")):
    part = 100 * cost / 385_187_552
    ax.barh(0, part, 0.5, left, color=colour, hatch=hatch, edgecolor=viz.INK, lw=0.8)
    ax.text(left + part / 2, 0.3 + 0.3 * (blocks % 2), f"{kind}\n{part:.0f} %", ha="center", fontsize=9, va="bottom")
    left, blocks = left + part, blocks + 1
ax.set(ylim=(-0.4, 1.3), yticks=[], xlabel="% of 0.385 G multiply-adds", title="Who does the work in EfficientNet-Lite0")
viz.show(fig, alt="Shares of EfficientNet-Lite0's multiply-adds: " + ", ".join(f"{kind} {cost / 3851875.52:.0f} %" for kind, cost in share.items()) + ".")

# %% [markdown]
# | guideline | in EfficientNet-Lite0 |
# |---|---|
# | 1 no tight bottleneck | the narrow ends shrink by a factor below 3 from stage to stage, and are linear |
# | 2 small filters | broken: 5×5 in nine blocks, because depthwise filters are cheap |
# | 3 channels at bay | 16 to 320 maps between blocks; wide only where it costs $C$, not $C^2$ |
# | 4 groups | as many as there are maps |
# | 5 low rank, then mix | every block: depthwise, then 1×1 |
# | 6 dilation | not used: a single label needs no full resolution; lecture 17 will |
#
# And the answer to the first question. With 9.1 of your ten million you can have all of this, at 32×32 pixels.

# %% tags=["hide-input"]
known = ["alexnet", "googlenet", "vgg16", "resnet18", "resnet50", "resnet101", "mobilenet_v2"]
points = {}
for name in known:
    facts = get_model_weights(name).IMAGENET1K_V1.meta
    points[name] = (facts["_ops"], facts["_metrics"]["ImageNet-1K"]["acc@1"])
points["EfficientNet-Lite0"] = (0.385, 75.1)
fig, ax = plt.subplots(figsize=(7, 2.9))
for name, (cost, accuracy) in points.items():
    ours = name == "EfficientNet-Lite0"
    ax.plot(cost, accuracy, "^" if ours or "mobile" in name else "o", color=viz.VERMILION if ours else viz.BLUE, ms=8)
    ax.annotate(name, (cost, accuracy), (0, -14 if name in ("vgg16", "mobilenet_v2", "resnet18") else 7), textcoords="offset points", ha="center", fontsize=9)
ax.set(xscale="log", xlabel="G multiply-adds for one image (log scale)", ylabel="top-1 accuracy in %", xlim=(0.2, 30), ylim=(54, 81))
ax.set_xticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
ax.minorticks_off()
ax.set_title("Published networks on ImageNet, in the same plane")
better = points["EfficientNet-Lite0"][1] - points["vgg16"][1]
assert round(better, 1) == 3.5 and round(points["vgg16"][0] / 0.385) == 40
viz.show(fig, alt="Top-1 accuracy against cost: " + "; ".join(f"{name} {cost:.2f} G, {accuracy:.1f} %" for name, (cost, accuracy) in points.items()) + ".")

# %% [markdown]
# The same plane as ours, with 1.2 million images and days or weeks of training behind each point (Lite0's accuracy is its
# authors'). Two depthwise networks stand in the upper left corner. Lite0 is better than VGG-16 by 3.5 points, with a
# fortieth of its arithmetic.

# %% [markdown]
# ## What breaks next
#
# A good design, and we cannot train it: its 4.7 million parameters on our thousand images would know them by heart. But
# somebody has trained it, on other pictures. Take its last maps, average each over all places, and call these 1,280
# numbers the image's description. Then *ten* garments a class, no training at all: an image belongs to the class whose
# mean description is nearest.

# %%
shown = torch.cat([(train_set.labels == k).nonzero()[:10, 0]
    for k in range(10)])
hundred, others = train_set[shown], test_set[:200]


def describe(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    large = F.interpolate(images.float() / 255, size=56, mode="bilinear")
    large = large.expand(-1, 3, -1, -1)
    with torch.inference_mode():
        return F.normalize(net.features(normalise(large)).mean((2, 3)), dim=1)


def nearest_mean(known: torch.Tensor, asked: torch.Tensor) -> float:
    means = known.view(10, 10, -1).mean(1)
    guess = torch.cdist(asked, means).argmin(1)
    return 100 * (guess == others.labels).double().mean().item()


runtime.seed_all(0)
untrained = models.efficientnet_lite0().eval()
right = {"pixels": nearest_mean(*(s.images.flatten(1).float()
    for s in (hundred, others)))}
for name, net in (("untrained Lite0", untrained), ("trained Lite0", lite)):
    right[name] = nearest_mean(
        *(describe(net, s.images) for s in (hundred, others)))
print({name: f"{score:.0f} %" for name, score in right.items()})
assert right["trained Lite0"] > right["untrained Lite0"]

# %% [markdown]
# 76 %, with a tenth of the images and nothing learned: more than our own network reached with all thousand. It has
# never seen a garment in grey at 28 pixels. *Why does that work, and how far does it carry?* That is lecture 10.
#
# ## Summary
#
# * **Cost**: operations $= (H H_f/\text{stride}) (W W_f/\text{stride})\, C K$, parameters $= H_f W_f C K$.
# * **No tight bottleneck**: the volume $H W C$ falls slowly. **Small filters in chains**: 27 weights for 49. **Channels
#   at bay**: twice as wide costs four times.
# * **Groups**: $C K / G$, a block-diagonal matrix, and no exchange between the blocks. **Low rank, then mix**: depthwise
#   and 1×1 cost $1/K + 1/k^2$ of the dense layer.
# * **Dilation**: the field $2^{n+1} - 1$ at full resolution; no dilation larger than the field before it. A 3×3 and one
#   of dilation 2 make 49 coefficients from 18 weights, with 17 degrees of freedom.
# * **Inverted residual**: up, depthwise, down; shortcut between narrow, linear ends. EfficientNet-Lite0 is sixteen of
#   them: 4.65 M parameters, 0.385 G multiply-adds, 75.1 %.
# * At our size every saving was confirmed. Chains and groups showed no better accuracy for their money, and mixing paid
#   only where a class was a matter of two maps. Compare at one price.
#
# ## Five-minute quiz
#
# **1. A 3×3 layer reads 64 maps and makes 64. You give it 8 groups. What happens to its cost?**
#
# (a) it falls to 1/64  (b) it falls to 1/8  (c) it stays: there are still 64 filters  (d) it falls to 1/16
#
# <details><summary>Answer</summary>
#
# **(b)**: $C K / G$; each filter reads 8 maps, not 64. (a) divides both $C$ and $K$, but all 64 filters stay, which is
# where (c) stops too early. (d) has no reason.
#
# </details>
#
# **2. Which stack of three 3×3 layers sees every pixel of the largest field?**
#
# (a) dilations 2, 2, 2  (b) 1, 2, 4  (c) 1, 3, 9  (d) 1, 4, 16
#
# <details><summary>Answer</summary>
#
# **(c)**: 27×27, each pixel along one path. (d) has a larger field, 43, but 4 is more than the field 3 before it, so
# there are gaps. (a) sees a quarter of the pixels of 13×13. (b) has no gaps, and sees 15×15 only.
#
# </details>
#
# **3. In a depthwise-separable layer with many maps, where is most of the work?**
#
# (a) in the k×k filters  (b) in the 1×1 layer  (c) half and half  (d) in the normalisation
#
# <details><summary>Answer</summary>
#
# **(b)**: $C K$ against $C k^2$ a pixel, so with $K = 64$ and $k = 3$ seven times as much. (a) is true of dense layers.
# (c) would need $K = k^2$. (d) is one multiply-add a number, and not counted here.
#
# </details>
#
# **4. Why does MobileNetV2 leave out the ReLU after the last 1×1 of a block?**
#
# (a) to save time  (b) among few maps what a ReLU deletes is lost for good  (c) batch normalisation does its work
# (d) because of the shortcut
#
# <details><summary>Answer</summary>
#
# **(b)**: with $n$ maps a point in the plane is lost with probability $(1+n)/2^n$. (a) A ReLU costs next to nothing. (c)
# Normalisation is linear when the network is used. (d) ResNet has a shortcut and a ReLU behind it.
#
# </details>
#
# **5. Network A has half the multiply-adds of network B. What do you know about their speed?**
#
# (a) A is twice as fast  (b) A is at least faster  (c) nothing before you measure: it depends on how many numbers have to
# be moved  (d) B is faster, because it is wider
#
# <details><summary>Answer</summary>
#
# **(c)**: a depthwise multiply-add took several times as long as a dense one. (a) and (b) hold among layers of one kind.
# (d) can happen, but width is not the reason.
#
# </details>
#
# ## Papers
#
# * M. Jaderberg, A. Vedaldi, A. Zisserman. [Speeding up convolutional neural networks with low rank expansions](https://arxiv.org/abs/1405.3866). BMVC 2014.
# * K. Simonyan, A. Zisserman. [Very deep convolutional networks for large-scale image recognition](https://arxiv.org/abs/1409.1556). ICLR 2015.
# * C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. [Rethinking the Inception architecture for computer vision](https://arxiv.org/abs/1512.00567). CVPR 2016: guidelines 1, 2 and 5 in the words of their inventors.
# * F. Yu, V. Koltun. [Multi-scale context aggregation by dilated convolutions](https://arxiv.org/abs/1511.07122). ICLR 2016.
# * F. Chollet. [Xception: deep learning with depthwise separable convolutions](https://arxiv.org/abs/1610.02357). CVPR 2017.
# * A. G. Howard et al. [MobileNets: efficient convolutional neural networks for mobile vision applications](https://arxiv.org/abs/1704.04861). 2017.
# * P. Wang et al. [Understanding convolution for semantic segmentation](https://arxiv.org/abs/1702.08502). WACV 2018: gridding, and the rule against it.
# * X. Zhang, X. Zhou, M. Lin, J. Sun. [ShuffleNet: an extremely efficient convolutional neural network for mobile devices](https://arxiv.org/abs/1707.01083). CVPR 2018.
# * M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen. [MobileNetV2: inverted residuals and linear bottlenecks](https://arxiv.org/abs/1801.04381). CVPR 2018.
# * M. Tan, Q. V. Le. [EfficientNet: rethinking model scaling for convolutional neural networks](https://arxiv.org/abs/1905.11946). ICML 2019.
# * R. Liu. [Higher accuracy on vision models with EfficientNet-Lite](https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html). TensorFlow blog, 2020.
