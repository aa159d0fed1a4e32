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
# # Inception
#
# A face may fill the photograph or be ten pixels wide. So which size should a layer's filters have: 1×1, 3×3, 5×5? VGG
# said 3×3, always. In the same summer of 2014 a group at Google gave the greedy answer, *all of them, side by side*, and
# then had to find out how to pay for it. Their network beat VGG with a twentieth of its parameters. **Where did the bill
# go?** To filters of one pixel.
#
# **After this lecture you can**
#
# 1. say what a convolution of one pixel can do and what it cannot;
# 2. compute the bill of an Inception module, branch by branch, with and without reduction;
# 3. read GoogLeNet's table row by row, and tell a misprint from a fact;
# 4. explain what side branches were for, measure it, and say why they are gone;
# 5. tell a block that concatenates from a block that adds.
#
# It builds on counting parameters and multiply-adds (lectures 4 and 6) and on initialisation and batch normalisation
# (lecture 5).

# %%
from functools import partial

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F

from course_lib import models, runtime, scale, train, viz
from course_lib.data import datasets
from course_lib.models.googlenet import ConvReLU, Inception
from course_lib.models.inception_v4 import InceptionA, InceptionResNetA

torch.set_num_threads(1)  # sharing so small a step costs more than it saves

BRANCHES = ["1×1", "3×3", "5×5", "pool"]

# %% tags=["hide-input"]
def draw_module(ax, title: str, below: int, lanes: list[list[int]], joined: str = "concatenated", names=BRANCHES) -> None:
    """Bars as high as there are maps: the input, each branch's steps, and what they become together."""
    gap, colours = 45, [viz.BLUE, viz.ORANGE, viz.VERMILION, viz.GREEN]
    steps = max(map(len, lanes))
    height = sum(max(lane) for lane in lanes) + gap * (len(lanes) - 1)
    total = sum(lane[-1] for lane in lanes)
    ax.bar(0, below, 0.18, bottom=-below / 2, color=viz.PALE, edgecolor=viz.INK)
    ax.text(0, below / 2 + 8, f"{below}\nmaps", ha="center", va="bottom", fontsize=9)
    top, stack = height / 2, total / 2
    for name, lane, colour in zip(names, lanes, colours):
        centre, before, x = top - max(lane) / 2, None, 0.09
        for place, maps in enumerate(lane, start=1 + steps - len(lane)):
            if before is None:
                ax.plot([x, place - 0.09], [0, centre], color=viz.INK, lw=0.8, zorder=0)
            else:
                ends = [centre + before / 2, centre + maps / 2, centre - maps / 2, centre - before / 2]
                ax.fill([x, place - 0.09, place - 0.09, x], ends, color=colour, alpha=0.25, lw=0)
            ax.bar(place, maps, 0.18, bottom=centre - maps / 2, color=colour, edgecolor=viz.INK)
            ax.text(place, centre + maps / 2 + 5, f"{maps}", ha="center", va="bottom", fontsize=9)
            before, x = maps, place + 0.09
        ax.text(x + 0.04, centre, name, fontsize=9, va="center", bbox=dict(facecolor=viz.GROUND, edgecolor="none", pad=0.5))
        last, end = lane[-1], steps + 1 - 0.09
        ax.fill(
            [x, end, end, x],
            [centre + last / 2, stack, stack - last, centre - last / 2],
            color=colour, alpha=0.25, lw=0, zorder=0,
        )  # fmt: skip
        ax.bar(steps + 1, last, 0.18, bottom=stack - last, color=colour, edgecolor=viz.INK)
        stack, top = stack - last, top - max(lane) - gap
    ax.text(steps + 1, total / 2 + 8, f"{total}\nmaps", ha="center", va="bottom", fontsize=9)
    floor = max(height, total + 50, below) / 2 + 25
    ax.text(steps + 1.5, -floor + 5, joined, ha="right", va="bottom", fontsize=9)
    ax.set(title=title, xlim=(-0.3, steps + 1.6), ylim=(-floor, max(height, total, below) / 2 + 60))
    ax.axis("off")


fig, ax = plt.subplots(figsize=(7, 4))
draw_module(ax, "Module 3a of GoogLeNet, its maps drawn to scale", 192, [[64], [96, 128], [16, 32], [192, 32]])
viz.show(
    fig,
    alt="An Inception module to scale. 192 maps enter four branches: 64 filters of 1×1; a reduction to 96 maps, then 128 filters of 3×3; "
    "a reduction to only 16 maps, then 32 filters of 5×5; max pooling of all 192, then 32 filters of 1×1. Stacked, they make 256 maps.",
)

# %% [markdown]
# Bars are as high as there are maps. Each branch looks at the same 192 maps and keeps their height and width, so that the
# results can be stacked in depth, and the next layer chooses among scales. Note the 16: before anything of 5×5 is
# computed, eleven maps out of twelve are gone.

# %% [markdown]
# ## All of them, side by side
#
# First without any trick, as the paper's "naïve version". Padding of half the kernel keeps the size; a 3×3 max pooling
# with stride 1 is one more branch, because no good network had done without pooling.

# %%
class Naive(nn.Module):
    """1×1, 3×3 and 5×5 filters and a pooling, side by side."""

    def __init__(self, depth: int, one: int, three: int, five: int):
        super().__init__()
        self.branches = nn.ModuleList([
            ConvReLU(depth, one, 1), ConvReLU(depth, three, 3),
            ConvReLU(depth, five, 5), nn.MaxPool2d(3, stride=1, padding=1)])

    def forward(self, x):  # [B, depth, H, W]
        return torch.cat([branch(x) for branch in self.branches], dim=1)


naive = Naive(192, one=64, three=128, five=32)
out = naive(torch.zeros(2, 192, 28, 28))
print(tuple(out.shape))
assert out.shape == (2, 64 + 128 + 32 + 192, 28, 28)

# %% [markdown]
# Two things are wrong with it. The pooling has no say in how many maps it hands on, so depth can only grow. And the large
# filters read all maps. Give this module to all nine places of GoogLeNet, with the paper's widths:

# %%
WIDTHS = {  # 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}
SIDE = {"3": 28, "4": 14, "5": 7}
depth, naive_work = 192, 0
for name, (one, _, three, _, five, _) in WIDTHS.items():
    weights = depth * (one + 9 * three + 25 * five)
    naive_work += weights * SIDE[name[0]] ** 2
    depth += one + three + five
    print(f"after {name}: {depth:>5} maps")
print(f"{naive_work / 1e9:.1f} G multiply-adds in nine modules")
assert depth == 4944

# %% [markdown]
# 4,944 maps at the end. Nobody wants that. The cure must cut depth *before* the expensive filters, and after the pooling.

# %% [markdown]
# ## A filter of one pixel
#
# *Why a 1×1 convolution? What can a filter find that sees a single pixel?* In one grey image it could only make it lighter
# or darker. But a pixel of a block is a whole vector, one number from each map, and a 1×1 filter takes a dot product with
# that vector. $K$ filters are a linear layer from $C$ to $K$ numbers, used at each place:

# %%
runtime.seed_all(0)
x = torch.randn(2, 192, 5, 6, dtype=torch.double)
mix = nn.Conv2d(192, 16, kernel_size=1).double()

linear = nn.Linear(192, 16).double()
linear.weight.data = mix.weight.data[:, :, 0, 0]  # [16, 192, 1, 1] → [16, 192]
linear.bias.data = mix.bias.data
pixels = x.permute(0, 2, 3, 1)  # [B, H, W, C]: a vector for each place

assert torch.allclose(mix(x), linear(pixels).permute(0, 3, 1, 2), atol=1e-10)
count = sum(p.numel() for p in mix.parameters())
print(f"192 maps → 16 maps: {count:,} numbers")

# %% [markdown]
# With a ReLU and a second one on top it is a small multilayer perceptron that visits every pixel: that was Min Lin's
# "network in network" of 2013, from which GoogLeNet took it. Here is one by hand on a photograph. Its first layer asks
# three questions about a pixel's colour; its second says "petal" where it is warm and not green.

# %%
photo = torch.tensor(load_sample_image("flower.jpg")).permute(2, 0, 1)
photo = photo[None].float() / 255  # [1, 3, H, W]
questions = torch.tensor([  # red, green, blue
    [1.0, -0.3, -0.7],  # warm?
    [-0.5, 1.0, -0.5],  # green?
    [0.33, 0.33, 0.33]])  # bright?
verdict = torch.tensor([[2.0, -4.0, 0.3]])
first = F.conv2d(photo, questions[:, :, None, None]).relu()
petal = F.conv2d(first, verdict[:, :, None, None]).relu()
print(f"{tuple(photo.shape)} → {tuple(first.shape)} → {tuple(petal.shape)}")

# %% [markdown]
# And what it cannot do. *Does it see shapes?* Shuffle all pixels of the photograph, apply it, and put them back.

# %%
places = torch.randperm(
    photo[0, 0].numel(), generator=torch.Generator().manual_seed(0))


def shuffled(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(2)[:, :, places].view_as(images)


def put_back(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(2)[:, :, places.argsort()].view_as(images)

# %%
def network(image, side=1):  # both layers, with filters of side×side
    blur = torch.full((side, side), 1 / side**2)
    h = F.conv2d(image, questions[:, :, None, None] * blur, padding=side // 2)
    return F.conv2d(h.relu(), verdict[:, :, None, None]).relu()


again = {side: put_back(network(shuffled(photo), side)) for side in (1, 3)}
assert torch.allclose(again[1], petal, atol=1e-6)  # one pixel: no difference
assert (again[3] - network(photo, 3)).abs().mean() > 0.05  # 3×3: another one

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.1))
shown = [photo[0].permute(1, 2, 0), petal[0, 0], again[1][0, 0], again[3][0, 0]]
for ax, picture, title in zip(axes, shown, ["photograph", "1×1 network", "shuffled, 1×1, back", "shuffled, 3×3, back"]):
    ax.imshow(picture, vmin=0, vmax=1)
    ax.set_title(title, fontsize=10)
    ax.axis("off")
viz.show(
    fig,
    alt="A photograph of an orange dahlia; the answer of the two 1×1 layers, bright on the petals and black elsewhere; the same answer when the "
    "pixels are shuffled before and put back afterwards; with 3×3 filters the shuffled photograph gives grain in which the flower is faint.",
)

# %% [markdown]
# Two answers alike to the last pixel, the third in ruins. So the answer to *why* has three parts, and none is about
# shapes: a 1×1 convolution **mixes maps**; it **sets the depth**, as cheaply as a layer can, with $C \cdot K$ weights; and
# with the ReLU after it, it is **one more layer** of nonlinearity. Seeing is left to others.
#
# *What is lost when 192 maps are squeezed through 16?* Leave the ReLU between away, and the 1×1 and the 5×5 behind it fold
# into one bank of 5×5 filters on 192 maps. It is a special one: all its filters are mixtures of the same 16 views.

# %%
squeeze = torch.randn(16, 192, dtype=torch.double)
look = torch.randn(32, 16, 5, 5, dtype=torch.double)
folded = torch.einsum("krij,rc->kcij", look, squeeze)  # [32, 192, 5, 5]
x = torch.randn(1, 192, 9, 9, dtype=torch.double)

two_steps = F.conv2d(F.conv2d(x, squeeze[:, :, None, None]), look, padding=2)
assert torch.allclose(two_steps, F.conv2d(x, folded, padding=2), atol=1e-8)
views = folded.permute(1, 0, 2, 3).flatten(1)  # [192, 32·25]: all that is seen
assert torch.linalg.matrix_rank(views) == 16
print(f"{folded.numel():,} weights, made of {squeeze.numel() + look.numel():,}")

# %% [markdown]
# The bet is that 192 maps hold far fewer than 192 different things. It is a bet that lecture 9 will check.

# %% [markdown]
# ## The bill, with and without
#
# The reduced module puts a 1×1 before each large filter and behind the pooling. Walk both, at the size of 3a.

# %%
reduced = Inception(192, *WIDTHS["3a"], batch_norm=False)
bill = {}
for name, module in (("naive", naive), ("reduced", reduced)):
    rows = models.walk(module, (192, 28, 28))
    convs = [row.multiply_adds for row in rows if row.layer == "Conv2d"]
    bill[name] = convs
    print(f"{name:<8} {sum(convs) / 1e6:6.1f} M multiply-adds =",
        " + ".join(f"{work / 1e6:.1f}" for work in convs))

# %%
assert sum(bill["naive"]) == 28 * 28 * 192 * (64 + 9 * 128 + 25 * 32)
assert sum(bill["reduced"]) == 28 * 28 * (
    192 * (64 + 96 + 16 + 32) + 96 * 128 * 9 + 16 * 32 * 25)
one, reduce3, three, reduce5, five, projection = bill["reduced"]
print(f"all: {sum(bill['naive']) / sum(bill['reduced']):.2f} times; "
    f"3×3: {bill['naive'][1] / (reduce3 + three):.2f} times; "
    f"5×5: {bill['naive'][2] / (reduce5 + five):.2f} times cheaper")
assert round(sum(bill["naive"]) / sum(bill["reduced"]), 2) == 2.37

# %% [markdown]
# The 5×5 branch is almost ten times cheaper, the 3×3 branch only 1.7 times, because its reduction, 192 to 96, is timid.
# *How far should one reduce?* With $C$ maps below, $r$ after the reduction and $K$ filters of 3×3, a place costs
# $r\,(C + 9K)$ multiply-adds instead of $9\,CK$. It pays below $r = 9CK/(C + 9K)$, here 164. Turn the knob: the width of
# the 3×3 reduction in 3a. (In Jupyter or Colab the slider redraws; on this page it turns prepared figures.)

# %%
def branch_bill(r: int) -> dict[str, int]:
    """Multiply-adds of 3a's branches if the 3×3 branch is reduced to r maps."""
    return {"1×1": 192 * 64 * 784, "3×3": r * (192 + 9 * 128) * 784,
        "5×5": 16 * (192 + 25 * 32) * 784, "pool": 192 * 32 * 784}


assert sum(branch_bill(96).values()) == sum(bill["reduced"])
break_even = 9 * 192 * 128 / (192 + 9 * 128)
print(f"break-even at {break_even:.1f} maps")
assert sum(branch_bill(16).values()) < 0.35 * sum(bill["reduced"])
assert (branch_bill(164)["3×3"] < bill["naive"][1] < branch_bill(165)["3×3"])

# %% tags=["hide-input"]
def draw_reduction(r: int) -> plt.Figure:
    fig, axes = plt.subplots(1, 2, figsize=(9, 3), width_ratios=[1.1, 1])
    costs = branch_bill(r)
    before = {"1×1": bill["naive"][0], "3×3": bill["naive"][1], "5×5": bill["naive"][2], "pool": 0}
    for place, name in enumerate(BRANCHES):
        axes[0].barh(place - 0.2, before[name] / 1e6, 0.36, color=viz.PALE, edgecolor=viz.INK, label="naive" if not place else None)
        bar = axes[0].barh(place + 0.2, costs[name] / 1e6, 0.36, color=viz.BLUE, edgecolor=viz.INK, label="reduced" if not place else None)
        axes[0].bar_label(bar, [f"{costs[name] / 1e6:.0f}"], padding=3, fontsize=9)
    axes[0].set_yticks(range(4), BRANCHES)
    axes[0].set(xlim=(0, 275), xlabel="multiply-adds in millions", title=f"Branches, 3×3 reduced to {r} maps")
    axes[0].invert_yaxis()
    axes[0].legend(loc="lower right", fontsize=9)
    widths = torch.arange(8, 193)
    axes[1].plot(widths, [sum(branch_bill(int(w)).values()) / 1e6 for w in widths], color=viz.BLUE)
    axes[1].plot(r, sum(costs.values()) / 1e6, "o", color=viz.VERMILION, ms=9)
    naive_3 = sum(branch_bill(0).values()) + bill["naive"][1]
    axes[1].axhline(naive_3 / 1e6, color=viz.INK, ls="--", lw=1)
    axes[1].text(10, naive_3 / 1e6 + 4, "3×3 not reduced", fontsize=9)
    axes[1].axvline(break_even, color=viz.INK, ls=":", lw=1)
    axes[1].set(xlabel="maps after the 3×3 reduction", ylabel="module, in millions", ylim=(0, 270), title=f"Module: {sum(costs.values()) / 1e6:.0f} M")
    return fig


def say_reduction(r: int) -> str:
    costs = branch_bill(r)
    return (
        f"With {r} maps after the reduction, the 3×3 branch costs {costs['3×3'] / 1e6:.0f} M multiply-adds instead of "
        f"{bill['naive'][1] / 1e6:.0f} M, the whole module {sum(costs.values()) / 1e6:.0f} M. The 5×5 branch costs {costs['5×5'] / 1e6:.0f} M "
        f"instead of {bill['naive'][2] / 1e6:.0f} M. The module's cost grows on a line with the width and crosses the unreduced one's at 165 maps."
    )


viz.knob(draw_reduction, say_reduction, default=2, reduction=[16, 48, 96, 144, 192])

# %% [markdown]
# At 16 maps everything is cheap and the 3×3 branch sees little; at 192 the "reduction" costs more than it saves. Reduced to
# 16 for both filters, the module would cost a third of what it does. The authors chose otherwise and spend four fifths of
# its bill on the 3×3 branch; why just so, the paper does not say.
#
# The explosion of the depth is over too, since the pooling's branch has a projection. All nine modules cost:

# %%
reduced_work, depth, widths = 0, 192, []
for name, (one, r3, three, r5, five, pool) in WIDTHS.items():
    weights = (depth * (one + r3 + r5 + pool) + 9 * r3 * three + 25 * r5 * five)
    reduced_work += weights * SIDE[name[0]] ** 2
    depth = one + three + five + pool
    widths.append(depth)
print(f"{reduced_work / 1e9:.2f} G, {naive_work / reduced_work:.1f} times less,"
    f" with {widths} maps")
assert widths[0] == 256 and depth == 1024
assert 10.5 < naive_work / reduced_work < 11.5

# %% [markdown]
# ## The table of GoogLeNet, row by row
#
# Christian Szegedy and colleagues stacked nine of these on a short stem, put a mean over the last 7×7 places where VGG had
# its cliff of linear layers, and called it GoogLeNet, a bow to LeNet. The module's name comes from Lin's title by way of
# the film: "we need to go deeper". The paper's table has two columns that can be checked, parameters and operations. We
# walk the paper's network and hold every row against it.

# %%
PRINTED = {  # thousands of parameters, millions of operations
    "conv1": (2.7, 34), "conv2, 3": (112, 360),
    "3a": (159, 128), "3b": (380, 304),
    "4a": (364, 73), "4b": (437, 88), "4c": (463, 100), "4d": (580, 119),
    "4e": (840, 170), "5a": (1072, 54), "5b": (1388, 71), "linear": (1000, 1),
}
with torch.device("meta"):  # shapes only: nothing computed, nothing allocated
    googlenet = models.googlenet_2014(aux_logits=False)
parts = {"conv1": ["conv1"], "conv2, 3": ["conv2", "conv3"], "linear": ["fc"]}
parts |= {name: [f"inception{name}"] for name in WIDTHS}
walked = {row.name: row
    for row in models.walk(googlenet, (3, 224, 224), depth=1)}

# %%
ours = {}
for name in PRINTED:
    weights = sum(p.numel() for part in parts[name]
        for p in googlenet.get_submodule(part).parameters() if p.ndim > 1)
    work = sum(walked[part].multiply_adds for part in parts[name])
    ours[name] = weights / 1024, work / 1e6  # the table's K is 1024, no biases

# %%
print("row          parameters in K       operations in M")
print("             printed     ours      printed   ours")
wrong = {"parameters": [], "operations": []}
for name, printed in PRINTED.items():
    marks = [abs(mine - theirs) > 1
        for mine, theirs in zip(ours[name], printed)]
    for column, mark in zip(wrong, marks):
        if mark:
            wrong[column].append(name)
    (k, m), (our_k, our_m) = printed, ours[name]
    print(f"{name:<10} {k:>9} {our_k:>9.1f} {'*' if marks[0] else ' '}"
        f"{m:>9} {our_m:>8.1f} {'*' if marks[1] else ' '}")

assert wrong["operations"] == ["conv1", "5a"]
assert wrong["parameters"] == ["conv1", "4a", "4c", "4d", "4e", "5a", "5b"]

# %% [markdown]
# Five rows are right in both columns, to within one of the last printed digit, and ten of twelve in the operations. A star
# marks the others.
# *Are they wrong, or are we?* A table that has two columns about the same thing can be cross-examined: in a convolution
# each weight works once a place, so parameters times places must be operations.

# %%
at = {name: walked[parts[name][0]].output[-1] ** 2 for name in WIDTHS}
for name in ("4a", "4c", "4d", "4e", "5a", "5b"):
    k, m = PRINTED[name]
    print(f"{name}: {k} K · {at[name]} places = "
        f"{k * 1024 * at[name] / 1e6:.1f} M, printed {m} M, "
        f"ours {ours[name][1]:.1f} M")

# %%
def contradicts_itself(name: str) -> bool:
    k, m = PRINTED[name]
    rounding = 1 + 1024 * at[name] / 1e6  # of one M, and of one K
    return abs(k * 1024 * at[name] / 1e6 - m) > rounding


assert [n for n in WIDTHS if contradicts_itself(n)] == ["4c", "4d", "4e", "5b"]
assert 112 * 112 * 9408 == 118_013_952  # conv1: 7·7·3·64 weights, 118 M
assert 2 * 7 * 3 * 64 == 2688 and round(2688 * 112**2 / 1e6) == 34
as_if = 928 * (256 + 160 + 32 + 128) + 160 * 320 * 9 + 32 * 128 * 25
assert as_if / 1024 == 1072 and round(as_if * 49 / 1e6) == 54  # 5a

# %% [markdown]
# Now each departure can be explained, or at least placed:
#
# * **conv1.** A 7×7 filter on three channels and 64 of them: 9,408 weights, 118 M operations. The printed 2.7 K and 34 M
#   are what one gets with $2 \cdot 7$ for $7 \cdot 7$. Whether that is a slip or a filter split in two, the paper does
#   not say.
# * **4c, 4d, 4e, 5b.** The rows contradict themselves. The operations fit the printed widths, the parameters fit neither:
#   they must belong to another version of the network. (4a is off by 0.8 %, too little to convict.)
# * **5a.** Both columns agree with each other and not with the widths. Both come out to the last digit if the module reads
#   928 maps, where the row above delivers 832. That is a guess, but a sharp one.
#
# The figure that a reader of the paper would have wanted:

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.9), sharey=True)
for ax, column, place in zip(axes, wrong, (0, 1)):
    for row, name in enumerate(PRINTED):
        change = 100 * (ours[name][place] / PRINTED[name][place] - 1)
        off = name in wrong[column]
        own = off and name in WIDTHS and contradicts_itself(name)
        colour, hatch = (viz.PALE, "") if not off else (viz.ORANGE, "//") if own else (viz.VERMILION, "")
        ax.barh(row, max(min(change, 9.5), -9.5), 0.7, color=colour, edgecolor=viz.INK, hatch=hatch)
        if change > 9.5:
            ax.text(9.3, row, f"+{change:.0f} % ▸", ha="right", va="center", fontsize=9, color="white", fontweight="bold")
        elif off:
            side = "left" if change > 0 else "right"
            ax.text(change + (0.25 if change > 0 else -0.25), row, f"{change:+.1f} %", ha=side, va="center", fontsize=9)
    ax.axvline(0, color=viz.INK, lw=0.8)
    ax.set(xlim=(-9.5, 11.5), xlabel="ours against printed, in %", title=column)
axes[0].set_yticks(range(len(PRINTED)), list(PRINTED))
axes[0].invert_yaxis()
kinds = {"within one of the last printed digit": (viz.PALE, ""), "row contradicts itself": (viz.ORANGE, "//"), "other departure": (viz.VERMILION, "")}
handles = [plt.Rectangle((0, 0), 1, 1, facecolor=c, edgecolor=viz.INK, hatch=h) for c, h in kinds.values()]
fig.legend(handles, list(kinds), loc="outside lower center", ncols=3, fontsize=9)
said = {
    column: ", ".join(f"{name} {100 * (ours[name][place] / PRINTED[name][place] - 1):+.1f} %" for name in wrong[column])
    for place, column in enumerate(wrong)
}
viz.show(
    fig,
    alt=f"Our counts against the printed ones, row by row. Parameters: {said['parameters']}, the other five equal. "
    f"Operations: {said['operations']}, the other ten equal. The rows 4c, 4d, 4e and 5b contradict themselves.",
)

# %% [markdown]
# Two lines of our deck stand beside that table: "only 5 million params", "12× less params" than AlexNet; and "2× more
# compute". *Do they hold?*

# %%
with torch.device("meta"):
    alexnet = models.alexnet_2012()
rows = list(walked.values())
old = models.walk(alexnet, (3, 227, 227))
parameters, work = (sum(r.parameters for r in rows),
    sum(r.multiply_adds for r in rows))
old_parameters = sum(row.parameters for row in old)
old_work = sum(row.multiply_adds for row in old)
column = sum(k for k, _ in PRINTED.values()) * 1024
print(f"{parameters:,} parameters; the printed column adds up to {column:,.0f}")
print(f"{old_parameters / parameters:.1f} times fewer than AlexNet, "
    f"{work / old_work:.2f} times its arithmetic ({work / 1e9:.2f} G)")
assert parameters == 6_998_552 and 6.9e6 < column < 7.0e6
assert 8.7 < old_parameters / parameters < 8.8  # not 12
assert 19 < 138_357_544 / parameters < 20  # VGG-16's: a twentieth
assert 2.1 < work / old_work < 2.2  # "2×": confirmed

# %% [markdown]
# **Twice the arithmetic: confirmed. Five million: not confirmed.** The printed column itself adds up to 7.0 M, and 8.7
# times fewer than AlexNet is still a great deal. Even without its last linear layer the network has 6.0 M. What the deck
# gives as the reason is right, though: no hidden linear layers. In AlexNet the linear layers hold 96 % of the parameters,
# here the one that is left holds 15 %. The mean in its place gained 0.6 points of top-1 accuracy, says the paper. The deck's
# third line, 6.67 % of errors against AlexNet's 16.4 %, is right if read with its footnote: seven networks, 144 crops of
# each image. One network with one crop makes 10.07 %.

# %%
def in_linear(rows) -> float:
    return (sum(row.parameters for row in rows if row.layer == "Linear")
        / sum(row.parameters for row in rows))


print(f"in linear layers: {in_linear(old):.0%} of AlexNet, "
    f"{in_linear(rows):.0%} of GoogLeNet")
assert 0.95 < in_linear(old) < 0.97 and 0.14 < in_linear(rows) < 0.15

with torch.device("meta"):
    vision = models.googlenet(aux_logits=False)
kernels = [vision.inception3a.branch3[1].conv.kernel_size[0],
    googlenet.inception3a.branch3[1].conv.kernel_size[0]]
saved = sum(16 * r5 * five for _, _, _, r5, five, _ in WIDTHS.values())
count = sum(p.numel() for p in vision.parameters())
print(f"torchvision: {count:,} parameters; "
    f"its '5×5' filters are {kernels[0]}×{kernels[0]}")
assert kernels == [3, 5] and count == 6_624_904

# %% [markdown]
# And a departure of another kind: the GoogLeNet that you get from torchvision is not this one. It has batch normalisation
# for biases, and its "5×5" branches hold 3×3 filters, a slip in the port of the weights that stays because the weights
# depend on it. That takes away $16\,r_5 K_5$ weights a module. If you count 6.6 M, now you know.

# %%
norms = sum(p.numel() for m in vision.modules()
    if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
assert count == parameters - saved + norms // 2  # a scale more for each bias

# %% [markdown]
# ## Why side branches?
#
# Halfway up, on top of 4a and 4d, GoogLeNet has two more classifiers: mean pooling to 4×4, a 1×1 convolution to 128 maps,
# 1,024 hidden units, a thousand scores. They work in training only; their losses are added with a weight of 0.3, and then
# they are thrown away. *Why do we need them?* The worry in 2014 was depth. Twenty-two layers, no batch normalisation: would
# any gradient reach the first one? The side branches inject some halfway down.
#
# So measure. The real network, eight rendered scenes, ten classes, the first backward pass, three seeds. We look at the
# norm of the gradient in eleven layers from bottom to top, once of the main loss alone and once with the two side losses,
# for three ways to begin: weights drawn with a deviation of 0.01, as was the custom; He's; and batch normalisation.

# %%
few = datasets.load("scenes10", "train")[:8]
images = F.interpolate(few.inputs(), size=(96, 96), mode="bilinear")
layers = ["conv1.conv", "conv3.conv"] + [
    f"inception{module}.branch2.1.conv" for module in WIDTHS]


def gradient_norms(build, std=None) -> torch.Tensor:  # [2, layers]
    net = build(10, dropout=0.0, dropout_aux=0.0).train()
    for module in net.modules() if std else ():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=std)
    main, side_2, side_1 = (
        F.cross_entropy(logits, few.labels) for logits in net(images))
    weights = [net.get_submodule(layer).weight for layer in layers]
    norms = []
    for loss in (main, main + 0.3 * (side_1 + side_2)):
        found = torch.autograd.grad(loss, weights, retain_graph=True)
        norms.append([gradient.norm().item() for gradient in found])
    return torch.tensor(norms)

# %%
STARTS = {
    "deviation 0.01": partial(gradient_norms, models.googlenet_2014, 0.01),
    "He's start": partial(gradient_norms, models.googlenet_2014),
    "batch normalisation": partial(gradient_norms, models.googlenet),
}
norms = {}
for title, measure in STARTS.items():
    found = []
    for seed in range(3):
        runtime.seed_all(seed)
        found.append(measure())
    norms[title] = torch.stack(found)  # [seeds, 2, layers]
    gain = norms[title][:, 1, 0] / norms[title][:, 0, 0]
    print(f"{title:<20} first layer: {norms[title][:, 0, 0].mean():.0e}, "
        f"with sides {gain.min():.4g} to {gain.max():.4g} times that")

# %%
old_way, he, normalised = (
    n[:, 1, 0] / n[:, 0, 0] for n in norms.values())
assert old_way.min() > 100 and (norms["deviation 0.01"][:, 0] < 1e-8).all()
assert he.min() > 1 and he.max() < 3
assert (normalised - 1).abs().max() < 0.1

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2))
ticks = ["c1", "c3", *WIDTHS]
for ax, (title, found) in zip(axes, norms.items()):
    for which, (label, mark, colour) in enumerate((("main loss", "o-", viz.BLUE), ("with side branches", "s--", viz.VERMILION))):
        values = found[:, which]
        ax.fill_between(range(len(layers)), values.amin(0), values.amax(0), color=colour, alpha=0.25, lw=0)
        ax.plot(range(len(layers)), values.log().mean(0).exp(), mark, color=colour, label=label, ms=5, lw=1.5)
    low, high = found.min().item(), found.max().item()
    ax.set(yscale="log", ylim=(low / 4, max(high * 4, low * 1e3)), title=title, xlabel="layer")
    ax.set_xticks(range(len(layers)), ticks, fontsize=8, rotation=90)
axes[0].set_ylabel("norm of the gradient (log scale)")
axes[0].legend(fontsize=8)
viz.show(
    fig,
    alt="Gradient norms from the first to the last layer. Starting at 0.01 the main loss leaves about 1e-11 everywhere; with side branches the layers "
    "below 4a get thousands of times more, about 1e-8 to 1e-7. With He's start both curves are near 10, the upper one half as high again in the lower layers. With batch "
    "normalisation the two curves coincide.",
)

# %% [markdown]
# Here is the answer, and its date. With weights of 0.01 the main loss leaves a gradient of $10^{-11}$ at the bottom, and
# the side branches make it some thousands of times larger, just below the places where they sit: the two stairs in the
# left picture. (Still only $10^{-7}$: a help, no cure.) With He's start they add half as much again; with batch
# normalisation nothing is left to do. Both came out in February 2015, five months after GoogLeNet. (We looked at small
# images and the first step only, without dropout; later steps may differ.)
#
# The authors took it back themselves, twice. Already GoogLeNet's paper reports that the branches are worth about 0.5
# points and that one of them suffices. In 2016 they found that training begins no faster with them, that the lower one
# can go without harm, and that what remains is a mild regulariser. The idea lives on where a network has something to say
# halfway: segmentation networks have such heads to this day. It is still right to *ask* whether the gradient arrives.
# Lecture 8 has a better answer.

# %% [markdown]
# ## One budget, two modules
#
# Does the reduction cost accuracy? At ImageNet's size, the naive module cannot be paid for, so nobody knows. At toy size we
# can give both the same number of multiply-adds: three modules on Fashion-MNIST, narrow and naive or wide and reduced.

# %%
def tower(*modules: nn.Module, depth: int) -> nn.Sequential:
    return nn.Sequential(
        ConvReLU(1, 16, 3, stride=2), nn.MaxPool2d(2),  # [B, 16, 7, 7]
        *modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, 10))


def naive_tower(*widths: int) -> nn.Sequential:
    depths = [16 + k * sum(widths) for k in range(4)]  # it can only grow
    return tower(*(Naive(d, *widths) for d in depths[:3]), depth=depths[3])


def reduced_tower(one, r3, three, r5, five, pool) -> nn.Sequential:
    widths, out = (one, r3, three, r5, five, pool), one + three + five + pool
    return tower(
        *(Inception(d, *widths) for d in (16, out, out)), depth=out)

# %%
ARMS = {"naive": partial(naive_tower, 8, 16, 4),
    "reduced": partial(reduced_tower, 24, 16, 32, 6, 12, 12)}
budget = {}
for name, build in ARMS.items():
    rows = models.walk(build(), (1, 28, 28))
    budget[name] = sum(row.multiply_adds for row in rows)
    print(f"{name:<8} {budget[name] / 1e6:.2f} M multiply-adds")
assert budget["reduced"] < budget["naive"] < 1.2 * budget["reduced"]

# %% tags=["remove-stderr"]
fashion, held_out = (datasets.load("fashion_mnist", split)
    for split in ("train", "test"))
count = scale.pick(cpu=1500, gpu=60_000)
plan = dict(
    epochs=scale.pick(cpu=3, gpu=15), batch_size=50,
    optimizer=partial(
        torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=5e-4))
scores = {}
for name, build in ARMS.items():
    runs = train.over_seeds(
        build, fashion[:count], held_out[:1000], seeds=range(3), **plan)
    scores[name] = [100 * history.test_accuracy[-1] for _, history in runs]
    print(f"{name:<8} {runs.range}")

# %% [markdown]
# On our machine 72 to 74 % and 73 to 75 %: the ranges overlap, no verdict. (With a GPU the cell trains longer, on all
# images, and prints other numbers.) That is worth knowing too. The reduction does not make a *small* network better; there
# are at most 100 maps, and little to squeeze. It is what lets a large one exist: nine modules at an eleventh of the price.

# %% [markdown]
# ## Inception-v4 and Inception-ResNet
#
# What came after is a story of smaller filters. In 2015 (v2, v3) the 5×5 became two 3×3, as in VGG: 18 weights for 25. Then
# a 7×7 became a 1×7 and a 7×1: 14 for 49, with the same field. And batch normalisation came in. By 2016 there were two
# siblings: **Inception-v4**, which goes on concatenating, and **Inception-ResNet**, whose block *adds* what its branches
# found to its own input.

# %%
plain, residual = InceptionA(), InceptionResNetA()
for block in (plain, residual):
    rows = models.walk(block, (384, 35, 35))
    print(f"{type(block).__name__:<17} {sum(r.parameters for r in rows):,} "
        f"parameters, {sum(r.multiply_adds for r in rows) / 1e9:.2f} G")
    assert block(torch.randn(2, 384, 8, 8)).shape == (2, 384, 8, 8)
sizes = [sum(p.numel() for p in b.parameters()) for b in (plain, residual)]
assert sizes == [317_632, 137_568]
assert 2 * 3 * 3 / 5**2 == 0.72 and round(2 * 7 / 7**2, 2) == 0.29

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.9))
v4 = [[96], [64, 96], [64, 96, 96], [384, 96]]
draw_module(axes[0], "Inception-v4, block A", 384, v4, names=["1×1", "3×3", "3×3", "pool"])
v2 = [[32], [32, 32], [32, 48, 64]]
draw_module(axes[1], "Inception-ResNet-v2, block A", 384, v2, "then 1×1 to 384 maps, added", names=["1×1", "3×3", "3×3"])
axes[1].set_ylim(axes[0].get_ylim())  # one scale for both
viz.show(
    fig,
    alt="Two blocks to scale, both on 384 maps. Inception-v4's four branches put out 96 maps each, which are concatenated to 384. "
    "Inception-ResNet's three put out 32, 32 and 64; these 128 go through a 1×1 convolution to 384 maps, which are added to the input.",
)

# %% [markdown]
# Concatenation decides what the next layer may see; everything passes through the block. Addition decides what *changes*:
# the input goes on by itself, the branches contribute a correction, and so may be thin, less than half the parameters.
# For the sum to be possible the last 1×1 must return to 384 maps; it has no ReLU, so that it can subtract.

# %%
x = torch.randn(2, 384, 8, 8).relu()
with torch.no_grad():
    branches = torch.cat(
        [residual.one(x), residual.three(x), residual.five(x)], dim=1)
    by_hand = (x + 0.17 * residual.up(branches)).relu()
    assert torch.allclose(residual(x), by_hand, atol=1e-5)
    silent = InceptionResNetA(scale=0.0)
    assert torch.equal(silent(x), x)  # nothing to add: the block does nothing

# %% [markdown]
# The factor, 0.17 in the published code, is the paper's medicine. With more than a thousand filters the residual networks "died" early in training,
# and neither a lower rate nor more normalisation helped; scaling the branches to 0.1–0.3 of their size did. The result of
# the race: the residual version trained faster, and ended at the same error (4.9 % against 5.0 % top-5, one crop). All four
# of the final networks together, three of them residual: 3.08 %.

# %% [markdown]
# ## What breaks next
#
# Twenty-two layers helped. So go on: batch normalisation delivers the gradient to any depth, says the figure above. Take
# plain 3×3 layers of 16 maps, once 4 and once 20 of them, everything else alike, and look at the loss on the *training*
# images.

# %% tags=["remove-stderr"]
def chain(layers: int) -> nn.Sequential:
    return tower(*(ConvReLU(16, 16, 3) for _ in range(layers)), depth=16)


losses = {}
for layers_above in (4, 20):
    runs = train.over_seeds(partial(chain, layers_above), fashion[:count],
        held_out[:1000], seeds=range(3), **plan)
    losses[layers_above] = [history.train_loss for _, history in runs]
    ends = [curve[-1] for curve in losses[layers_above]]
    print(f"{layers_above:>2} layers: training loss "
        f"{min(ends):.2f} to {max(ends):.2f} nats")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 2.8))
for (depth, curves), mark, colour in zip(losses.items(), ("o-", "s--"), (viz.BLUE, viz.VERMILION)):
    curves = torch.tensor(curves)
    epochs = range(1, curves.shape[1] + 1)
    ax.fill_between(epochs, curves.amin(0), curves.amax(0), color=colour, alpha=0.25, lw=0)
    ax.plot(epochs, curves.mean(0), mark, color=colour, label=f"{depth} layers")
ax.set(xlabel="epoch", ylabel="training loss in nats", title="Deeper, and worse on the training set")
ax.set_xticks(epochs)
ax.legend()
said = "; ".join(f"{depth} layers end at {min(c[-1] for c in curves):.2f} to {max(c[-1] for c in curves):.2f}" for depth, curves in losses.items())
viz.show(fig, alt=f"Training loss over the epochs, mean and range of three seeds: {said}.")

# %% [markdown]
# The deep one is *worse at what it was trained for*, so this is no overfitting. And it could have been just as good: let
# its last sixteen layers copy their input. It does not find that, in three epochs. He's group saw the same on CIFAR-10
# with 20 against 56 layers, after full training. Lecture 8 starts there and mends it with an addition, the one that you have
# just seen in Inception-ResNet.
#
# ## Summary
#
# * **An Inception module** looks at the same maps with 1×1, 3×3 and 5×5 filters and a pooling, and concatenates. Output
#   depth is the sum of the branches: 64 + 128 + 32 + 32 = 256 in 3a.
# * **A 1×1 convolution** is a linear layer at every pixel. It mixes maps, sets the depth, adds a nonlinearity, and sees no
#   shape.
# * **Reduction** before large filters: 3a costs 128 M multiply-adds instead of 303 M; its 5×5 branch a tenth. A reduction
#   to $r$ maps pays if $r\,(C + k^2 K) < k^2 C K$.
# * **GoogLeNet** (2014): 7.0 M parameters, 1.58 G multiply-adds; 8.7 times fewer and 2.2 times more than AlexNet. Seven
#   parameter counts and two operation counts of its famous table are off.
# * **Side branches** brought gradient to the bottom when nothing else did. With He's start or batch normalisation they
#   hardly matter.
# * **Inception-v4** concatenates, with smaller filters; **Inception-ResNet** adds, scaled down.
#
# ## Five-minute quiz
#
# **1. A 1×1 convolution takes 256 maps of 14×14 to 64. How many weights, without biases?**
#
# (a) 64  (b) 16,384  (c) 3,211,264  (d) 147,456
#
# <details><summary>Answer</summary>
#
# **(b)**: $256 \cdot 64$. (a) forgets that a filter has one weight for each map below. (c) is the multiply-adds, with its
# 196 places; weights are shared among them. (d) would be filters of 3×3.
#
# </details>
#
# **2. The pixels of an image are shuffled before a network of 1×1 convolutions, the outputs are put back. What changes?**
#
# (a) nothing  (b) only the border  (c) everything, as the shapes are gone  (d) the colours
#
# <details><summary>Answer</summary>
#
# **(a)**: each place is computed by itself. (b) needs padding, and a 1×1 has none. (c) is true of 3×3 filters. (d): a
# pixel keeps its colour on its way.
#
# </details>
#
# **3. A module on 100 maps has branches of 20 filters 1×1, 40 of 3×3, 10 of 5×5 and a plain max pooling. Its output has**
#
# (a) 70 maps  (b) 40 maps  (c) 170 maps  (d) 100 maps
#
# <details><summary>Answer</summary>
#
# **(c)**: $20 + 40 + 10$, and the pooling hands on all 100. (a) forgets the pooling, (b) takes the largest branch, (d)
# would be an addition.
#
# </details>
#
# **4. You train a GoogLeNet with batch normalisation and leave the side branches away. What do you expect?**
#
# (a) the first layers do not learn  (b) it is four times faster  (c) test images take less time  (d) almost the same result
#
# <details><summary>Answer</summary>
#
# **(d)**: the gradient arrives without them; we saw the two curves coincide. (a) was the fear of 2014. (b): the two heads
# are a small part of the work. (c): they are not used in testing anyway.
#
# </details>
#
# **5. 128 maps are to meet 128 filters of 3×3. Up to which width does a 1×1 reduction before them save multiply-adds?**
#
# (a) below 128  (b) below 115.2  (c) below 64  (d) at any width
#
# <details><summary>Answer</summary>
#
# **(b)**: $r\,(128 + 9 \cdot 128) < 9 \cdot 128 \cdot 128$ gives $r < 1152/10$. (a) forgets that the reduction itself
# costs. (c) is a common choice, not the limit. (d): at 128 it costs a ninth more than nothing at all.
#
# </details>
#
# ## Papers
#
# * M. Lin, Q. Chen, S. Yan. [Network in network](https://arxiv.org/abs/1312.4400). ICLR 2014.
# * C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich. [Going deeper with convolutions](https://arxiv.org/abs/1409.4842). CVPR 2015: GoogLeNet.
# * C.-Y. Lee, S. Xie, P. Gallagher, Z. Zhang, Z. Tu. [Deeply-supervised nets](https://arxiv.org/abs/1409.5185). AISTATS 2015: side losses at every layer.
# * K. He, X. Zhang, S. Ren, J. Sun. [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852). ICCV 2015: the start that made side branches a luxury.
# * S. Ioffe, C. Szegedy. [Batch normalization](https://arxiv.org/abs/1502.03167). ICML 2015.
# * C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. [Rethinking the Inception architecture for computer vision](https://arxiv.org/abs/1512.00567). CVPR 2016: v2, v3, and what side branches do not do.
# * C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi. [Inception-v4, Inception-ResNet and the impact of residual connections on learning](https://arxiv.org/abs/1602.07261). AAAI 2017.
