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
# # Residual networks
#
# A network of 34 layers can do whatever one of 18 layers can: copy the 18, and let the other 16 pass on what they get.
# So when the deeper one is trained, its error should be as low or lower. In 2015 it was higher, on ImageNet and
# everywhere else people looked. **A deeper network can always copy a shallower one, so why does it train worse?** And
# why does one plus sign mend it?
#
# **After this lecture you can**
#
# 1. show that plain networks degrade with depth, and that this is neither overfitting nor a lack of capacity;
# 2. build residual blocks: basic, bottleneck, with a projection, and the five orders of their layers;
# 3. derive $x_L = x_l + \sum F(x_i)$, and say what it does to the gradient;
# 4. compute what ResNet, ResNeXt and DenseNet cost, and why 101 layers can be cheaper than 16;
# 5. cut a loss surface, and read it with caution.
#
# It builds on batch normalisation and seeds (lecture 5), on VGG (lecture 6) and on 1×1 convolutions (lecture 7).

# %%
import copy
import dataclasses
import time
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import get_model_weights

from course_lib import models, runtime, scale, train, understand, viz
from course_lib.data import datasets
from course_lib.models.cifar_resnet import VARIANTS, Block
from course_lib.models.densenet import DenseBlock
from course_lib.models.resnet import BasicBlock, Bottleneck, ResNet

torch.set_num_threads(1)  # sharing so small a step costs more than it saves

PLAIN = {18: 27.94, 34: 28.54}  # ImageNet, top-1 validation error in %
RESIDUAL = {18: 27.88, 34: 25.03}
CIFAR = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
assert PLAIN[34] > PLAIN[18] and RESIDUAL[34] < RESIDUAL[18] - 2.8

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3), width_ratios=[1, 1.3])
for errors, label, mark, colour in ((PLAIN, "plain", "s--", viz.VERMILION), (RESIDUAL, "residual", "o-", viz.BLUE)):
    left.plot([0, 1], errors.values(), mark, color=colour)
    left.text(1.06, errors[34], f"{label}\n{errors[34]:.1f} %", color=colour, va="center", fontsize=9)
left.set_xticks([0, 1], ["18 layers", "34 layers"])
left.set(xlim=(-0.15, 1.6), ylim=(24, 30), ylabel="top-1 error in %", title="ImageNet")
right.plot(range(6), CIFAR.values(), "o-", color=viz.BLUE)
for place, error in enumerate(CIFAR.values()):
    right.annotate(f"{error:.2f}", (place, error), (0, 8), textcoords="offset points", ha="center", fontsize=9)
right.set_xticks(range(6), CIFAR)
right.set(xlabel="layers of the residual network", ylabel="test error in %", ylim=(5.5, 9.7), title="CIFAR-10")
viz.show(
    fig,
    alt="Left: on ImageNet the plain network's error rises from 27.9 % with 18 layers to 28.5 % with 34, the residual "
    "network's falls from 27.9 to 25.0 %. Right: on CIFAR-10 residual networks fall from 8.75 % with 20 layers to "
    "6.43 % with 110; with 1202 layers it is 7.93 %.",
)

# %% [markdown]
# These are the numbers of Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun, who put the paper on the web on 10
# December 2015, when 152 of such layers had just won the challenge with 3.57 % (as an ensemble). In May of that year
# Rupesh Srivastava, Klaus Greff and Jürgen Schmidhuber had trained a hundred layers with shortcuts too: *highway
# networks*, whose shortcuts have learned gates, as LSTM has had since 1997. ResNet left the gates out.

# %% [markdown]
# ## Deeper trains worse
#
# The paper's CIFAR networks: one 3×3 convolution, three stages of $n$ pairs of 3×3 convolutions, with 16, 32 and 64
# maps; a mean over all places; one linear layer. That is $6n + 2$ layers. Batch normalisation follows every
# convolution. We keep the depth and cut everything else: 4, 8 and 16 maps, garments of 8×8 pixels, 80 steps.

# %%
side, width = scale.pick(cpu=8, gpu=28), scale.pick(cpu=4, gpu=16)
images = scale.pick(cpu=640, gpu=20_000)


def small(name: str, count: int) -> datasets.ImageSet:
    chosen = datasets.load("fashion_mnist", name)[:count]
    pixels = F.adaptive_avg_pool2d(chosen.images.float(), side)
    return dataclasses.replace(chosen, images=pixels.round().byte())


train_set, test_set = small("train", images), small("test", 250)
plain = partial(models.cifar_plain, in_channels=1, width=width)
residual = partial(models.cifar_resnet, in_channels=1, width=width)
for depth in (20, 56):
    with torch.device("meta"):
        rows = models.walk(plain(depth), (1, side, side))
    layers = sum(row.layer in ("Conv2d", "Linear") for row in rows)
    assert layers == depth
    print(f"{depth} layers: {sum(row.parameters for row in rows):,} parameters")

# %% tags=["remove-stderr"]
sgd = partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=1e-4)
recipe = dict(epochs=scale.pick(cpu=8, gpu=15), batch_size=64, optimizer=sgd)


def study(build) -> train.Runs:
    return train.over_seeds(
        build, train_set, test_set, seeds=range(3), **recipe)


def ends(runs: train.Runs) -> list[float]:
    """The mean training loss of the last epoch, seed by seed."""
    return [history.train_loss[-1] for _, history in runs]


def said(values) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


runs = {("plain", depth): study(partial(plain, depth)) for depth in (20, 56)}
for (kind, depth), some in runs.items():
    print(f"{kind} {depth}: training loss {said(ends(some))} nats, "
        f"test accuracy {some.range}")
assert min(ends(runs["plain", 56])) > max(ends(runs["plain", 20]))

# %% tags=["hide-input"]
def draw_curves(ax: plt.Axes, kind: str) -> None:
    colour = viz.VERMILION if kind == "plain" else viz.BLUE
    for depth, look in ((20, "--"), (56, "-")):
        losses = torch.tensor([history.train_loss for _, history in runs[kind, depth]])
        epochs = range(1, losses.shape[1] + 1)
        ax.fill_between(epochs, losses.amin(0), losses.amax(0), color=colour, alpha=0.25, lw=0)
        ax.plot(epochs, losses.mean(0), look, color=colour, label=f"{depth} layers")
    ax.set(xlabel="epoch", title=kind, ylim=(0, 3.3))
    ax.legend(loc="lower left", fontsize=9)


fig, ax = plt.subplots(figsize=(5.5, 2.9))
draw_curves(ax, "plain")
ax.set_ylabel("training loss in nats")
viz.show(
    fig,
    alt="Training loss of plain networks over the epochs, mean and range of three seeds: with 20 layers it falls to "
    f"{said(ends(runs['plain', 20]))}, with 56 layers it ends at {said(ends(runs['plain', 56]))}.",
)

# %% [markdown]
# *What looks weird about the lines?* That this is the **training** loss. A network that overfits has a low training
# loss and a bad test error; the deeper one here is worse on the very images it learns from. It is not capacity either:
# 56 layers can represent more. The paper calls it **degradation**. With rates of 0.01, 0.02 and 0.1 we measured the
# same: no plain network of 56 layers came below 1.8.
#
# What the toy lacks: the paper's networks see 50,000 images of 32×32 for 64,000 steps, and both learn CIFAR-10; with 56
# layers the error ends near 13 % instead of 9. Ours had 80 steps. What we see is how much *later* the deep one starts
# to learn.

# %% [markdown]
# ## A solution by construction
#
# So is there a good plain network of 56 layers at all? Make one. Take a trained one of 20, and put pairs of
# convolutions between its stages that do nothing: a filter with a 1 in its middle at its own map, and a normalisation
# with mean 0 and variance 1. The ReLU does no harm, for what arrives has been through a ReLU already.

# %%
def grow(shallow: nn.Module, blocks: int) -> nn.Module:
    """Append pairs of layers that do nothing, until each stage has `blocks`."""
    deep = copy.deepcopy(shallow)
    for stage in deep.stages:
        maps = stage[-1].branch[-1].num_features
        while len(stage) < blocks:
            idle = Block(maps, maps, 1, "original", residual=False)
            for part in idle.modules():
                if isinstance(part, nn.Conv2d):
                    nn.init.dirac_(part.weight)  # 1 in the middle, else 0
                elif isinstance(part, nn.BatchNorm2d):
                    part.eps = 0.0  # (x − 0) / √(1 + 0)
            stage.append(idle)
    return deep


shallow, trained = runs["plain", 20][0][0].cpu().eval(), runs["plain", 56]
deep = grow(shallow, blocks=9).eval()
assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in deep.modules()) == 56
x, y = train_set[:500].inputs(), train_set.labels[:500]
with torch.no_grad():
    assert torch.allclose(deep(x), shallow(x), atol=1e-5)
    found = [F.cross_entropy(net.cpu().eval()(x), y).item()
        for net, _ in trained]
    made = F.cross_entropy(deep(x), y).item()
print(f"56 plain layers, training loss: by construction {made:.2f}, "
    f"found by training {said(found)}")
assert made < min(found)

# %% [markdown]
# The deeper network has a richer space of solutions, this one among them, and gradient descent did not find anything as
# good. Degradation is a failure of **optimisation**. Note what the extra layers had to be: not zero, but an identity,
# which is one exact setting of 9·4·4 weights and more. Nothing pulls a layer there.

# %% [markdown]
# ## Learn the difference
#
# If the identity is hard to learn and often nearly right, make it the default. Let two layers compute not the wanted
# $H(x)$ but the **residual** $F(x) = H(x) - x$, and add $x$ afterwards:
#
# $$ y = \mathrm{relu}(x + F(x)) $$
#
# To do nothing, the layers now need only be 0, which is where weight decay pulls them anyway. The addition costs no
# parameter and no multiplication.

# %%
def residual_block(x, w1, w2, bn1, bn2):
    out = F.conv2d(x, w1, padding=1)
    out = bn1(out).relu()
    out = F.conv2d(out, w2, padding=1)
    return (x + bn2(out)).relu()


runtime.seed_all(0)
block, maps = BasicBlock(4, 4), torch.randn(2, 4, 8, 8)
w1, w2 = block.conv1.weight, block.conv2.weight
ours = residual_block(maps, w1, w2, block.bn1, block.bn2)
assert torch.allclose(ours, block(maps), atol=1e-6)

nn.init.zeros_(w2)  # the branch says nothing, and the block is an identity
assert torch.equal(block(maps.relu()), maps.relu())

# %% tags=["remove-stderr"]
runs |= {("residual", depth): study(partial(residual, depth))
    for depth in (20, 56)}
for (kind, depth), some in runs.items():
    print(f"{kind:<8} {depth}: training loss {said(ends(some))} nats, "
        f"test accuracy {some.range}")
assert max(ends(runs["residual", 56])) < min(ends(runs["plain", 56]))
assert (models.count_parameters(residual(56))
    == models.count_parameters(plain(56)))  # the sum costs none

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for ax, kind in zip(axes, ("plain", "residual")):
    draw_curves(ax, kind)
axes[0].set_ylabel("training loss in nats")
viz.show(
    fig,
    alt="Training loss over the epochs, ranges of three seeds. "
    + "; ".join(f"{kind} with {depth} layers ends at {said(ends(some))}" for (kind, depth), some in runs.items())
    + ".",
)

# %% [markdown]
# The same number of parameters, the same images in the same order, and now 56 layers learn: they get as far as 20 plain
# ones, or further. They are *not* ahead of 20 residual ones. After 80 steps the deep network, which starts at a higher
# loss, is still catching up. In the paper, after 800 times as many steps, 56 residual layers beat 20, and 110 beat 56. Do
# not read "deeper is better" out of our figure; read that depth has stopped being an obstacle.
#
# Where depth or size changes, $x$ and $F(x)$ do not fit. The paper tries three shortcuts: **A** every second pixel, and
# zeros for the new maps (above: no parameters); **B** a 1×1 convolution with stride 2, a **projection**, where shapes
# change; **C** projections everywhere. For 34 layers on ImageNet A makes 25.03 %, B 24.52 %, C 24.19 %. Everybody took
# B: most of the gain, and the path stays an identity nearly everywhere.

# %% [markdown]
# ## A sum instead of a product
#
# Leave the ReLU after the addition out for a moment (a later section does so for good). Then $x_{l+1} = x_l + F(x_l)$,
# $x_{l+2} = x_{l+1} + F(x_{l+1})$, and so on:
#
# $$ x_L = x_l + \sum_{i=l}^{L-1} F(x_i) $$
#
# and, for the gradient of any error $E$,
#
# $$ \frac{\partial E}{\partial x_l} = \frac{\partial E}{\partial x_L} \Big( 1 + \frac{\partial}{\partial x_l} \sum_{i=l}^{L-1} F(x_i) \Big)$$
#
# (He, Zhang, Ren and Sun, March 2016). Any layer is any earlier layer plus something, and the gradient of a late layer
# arrives at an early one *unchanged*, plus something. In a plain network it arrives through a product of $L - l$
# matrices. Check the sum:

# %%
runtime.seed_all(0)
net = residual(56, variant="full pre-activation").double().eval()
start = torch.randn(2, width, 8, 8).double().requires_grad_()

states, branches = [start], []
for block in net.stages[0]:  # nine blocks of one shape
    branches.append(block.branch(states[-1]))
    states.append(block(states[-1]))
total = sum(branches)
assert torch.allclose(states[-1], start + total, atol=1e-10)

late = torch.randn_like(start)  # ∂E/∂x_L, whatever E may be
(early,) = torch.autograd.grad(states[-1], start, late, retain_graph=True)
(through,) = torch.autograd.grad(total, start, late)
assert torch.allclose(early, late + through, atol=1e-10)

# %% [markdown]
# *What if the shortcut is scaled, by 0.9, say?* Then the 1 becomes $0.9^{54}$ for the 54 blocks of a network of 110
# layers: 0.003. The paper tried 0.5, and ended at 12.4 % on CIFAR-10 instead of 6.6. The path has to be clean.

# %%
assert 0.003 < 0.9**54 < 0.004 and 0.5**54 < 1e-16

# %% [markdown]
# ## What arrives at the bottom
#
# Is it the old story, then, of a gradient that vanishes? Batch normalisation (lecture 5) prevents that; the authors
# checked. But look closer, at two things. First the **size** of the gradient at each block. Second its **direction**:
# walk from one image to another in 255 tiny steps, and note at each step the derivative of a class score along the way.
# If neighbouring images get opposite answers, what should the first layer do?

# %%
def gradient_sizes(net, x, y) -> torch.Tensor:
    """Norm of the loss gradient at each block's output, relative to the last."""
    kept = []
    hooks = [block.register_forward_hook(lambda *call: kept.append(call[2]))
        for stage in net.stages for block in stage]
    found = torch.autograd.grad(F.cross_entropy(net(x), y), kept)
    for hook in hooks:
        hook.remove()
    return torch.tensor([g.norm() / found[-1].norm() for g in found])


def slopes(net, a, b, places=256) -> torch.Tensor:
    """d score / dt on the straight line a + t (b − a)."""
    t = torch.linspace(0, 1, places).view(-1, 1, 1, 1)
    line = (a + t * (b - a)).requires_grad_()
    (g,) = torch.autograd.grad(net(line)[:, 0].sum(), line)
    return (g * (b - a)).flatten(1).sum(1)


# %%
def likeness(g: torch.Tensor) -> float:
    """Correlation of each slope with that of the next image."""
    return torch.corrcoef(torch.stack([g[:-1], g[1:]]))[0, 1].item()


small_nets = {"plain": partial(models.cifar_plain, in_channels=1, width=4),
    "residual": partial(models.cifar_resnet, in_channels=1, width=4)}
depths, sizes, ways = [8, 20, 38, 56, 110], {}, {}
for kind, build in small_nets.items():
    for depth in depths:
        for seed in range(3):
            runtime.seed_all(seed)
            net = build(depth).train()  # untrained, with batch statistics
            sizes[kind, depth, seed] = gradient_sizes(net, x[:128], y[:128])
            ways[kind, depth, seed] = slopes(net, x[:1], x[1:2])

first = {key: size[0].item() for key, size in sizes.items()}
alike = {key: likeness(way) for key, way in ways.items()}
for depth in depths:
    print(f"{depth:>3} layers:", "; ".join(
        f"{kind}: gradient ×{min(first[kind, depth, s] for s in range(3)):,.0f}, "
        f"neighbours {said([alike[kind, depth, s] for s in range(3)])}"
        for kind in small_nets))
for seed in range(3):
    assert first["plain", 56, seed] > 200 and first["residual", 56, seed] < 100
    assert alike["plain", 56, seed] < 0.35 < 0.4 < alike["residual", 56, seed]

# %% [markdown]
# The knob is the depth. In Jupyter or Colab the slider redraws; on this page it turns prepared figures.

# %% tags=["hide-input"]
def draw_depth(depth: int) -> plt.Figure:
    fig, axes = plt.subplots(1, 3, figsize=(9, 2.9), width_ratios=[1.1, 1, 1])
    for kind, colour, mark in (("plain", viz.VERMILION, "s"), ("residual", viz.BLUE, "o")):
        size = sizes[kind, depth, 0]
        axes[0].plot(range(1, len(size) + 1), size, mark + "-", color=colour, ms=4, label=kind)
    axes[0].set(yscale="log", ylim=(0.3, 1e8), xlabel="block, first to last", title=f"{depth} layers: size of the gradient")
    axes[0].set_ylabel("relative to the last block")
    axes[0].legend(fontsize=9)
    for ax, kind, colour in zip(axes[1:], small_nets, (viz.VERMILION, viz.BLUE)):
        way = ways[kind, depth, 0]
        ax.plot(torch.linspace(0, 1, len(way)), way / way.abs().max(), color=colour, lw=1)
        ax.set(xlabel="way from image to image", title=f"{kind}: slopes", ylim=(-1.1, 1.5), yticks=[-1, 0, 1])
        ax.text(0.02, 1.25, f"neighbours correlate: {alike[kind, depth, 0]:.2f}", fontsize=9)
    return fig


def say_depth(depth: int) -> str:
    return (
        f"{depth} layers, untrained. Left: the gradient at the first block is {first['plain', depth, 0]:,.3g} times that at the last in the plain "
        f"network, {first['residual', depth, 0]:.3g} times in the residual one. Middle and right: the slope of a score on the way from one image to "
        f"another; neighbours correlate {alike['plain', depth, 0]:.2f} in the plain and {alike['residual', depth, 0]:.2f} in the residual network."
    )


viz.knob(draw_depth, say_depth, default=3, depth=depths)

# %% [markdown]
# The plain gradient does not vanish, it **explodes**: normalisation keeps the forward signal in shape and pays for it
# on the way back, with a factor a layer. And it **shatters** (Balduzzi and colleagues, 2017): with 8 layers the slope
# is a curve, with 20 a ragged one, with 56 white noise. A step that helps one image tells nothing about the
# image next to it. With shortcuts the many paths of different length add up; the short ones are smooth, and half of the
# likeness survives a hundred layers. These are untrained networks, but that is where training has to begin.

# %% [markdown]
# ## Bottlenecks
#
# Beyond 34 layers the paper changes the block: a 1×1 convolution takes the depth down to a quarter, a 3×3 works there,
# a 1×1 takes it up again. *What does it cost?*

# %%
def cost(block: nn.Module, maps: int, side: int) -> int:
    rows = models.walk(block, (maps, side, side))
    return sum(row.multiply_adds for row in rows)


wide_basic = cost(BasicBlock(256, 256), 256, 56)
bottleneck = cost(Bottleneck(256, 64), 256, 56)
narrow_basic = cost(BasicBlock(64, 64), 64, 56)
for name, work in (("two 3×3 on 256 maps", wide_basic),
        ("bottleneck 256-64-256", bottleneck),
        ("two 3×3 on 64 maps", narrow_basic)):
    print(f"{name:<22} {work / 1e6:7.1f} M multiply-adds at 56×56")
assert bottleneck == 56**2 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
assert wide_basic / bottleneck > 16 and bottleneck < narrow_basic

# %% [markdown]
# A third layer and four times the depth, for less than two layers at 64 maps. With these blocks the same plan makes 50,
# 101 and 152 layers. The depth is a count of weights on the way: one at the start, three a block, one at the end.

# %%
PLANS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3),
    101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
walked = {}
for depth, plan in PLANS.items():
    block, each = (BasicBlock, 2) if depth < 50 else (Bottleneck, 3)
    assert 1 + each * sum(plan) + 1 == depth
    with torch.device("meta"):
        rows = models.walk(ResNet(block, plan), (3, 224, 224))
    walked[depth] = [sum(row[k] for row in rows) for k in (3, 4, 5)]
    learned, work, memory = walked[depth]
    print(f"ResNet-{depth:<3} {learned:>10,} parameters, "
        f"{work / 1e9:5.2f} G multiply-adds")
assert [learned for learned, *_ in walked.values()] == [
    11_689_512, 21_797_672, 25_557_032, 44_549_160, 60_192_808]

# %% [markdown]
# One detail differs from the paper: where a stage begins, the paper's stride sits on the first 1×1, which drops three
# quarters of the places unseen. torchvision puts it on the 3×3 ("v1.5"), for half a point and a few more
# multiplications.

# %% [markdown]
# ## Which types of residual blocks are there?
#
# *Which residual blocks do you know?* Besides basic and bottleneck, there is the **order**: what stands on the branch,
# and what comes after the addition? The second paper tries five.

# %%
TABLE = {  # CIFAR-10 test error in %: ResNet-110, ResNet-164 (bottlenecks)
    "original": (6.61, 5.93),
    "bn after addition": (8.17, 6.50),
    "relu before addition": (7.84, 6.14),
    "relu-only pre-activation": (6.71, 5.91),
    "full pre-activation": (6.37, 5.46),
}
assert TABLE.keys() == VARIANTS.keys()
for column in (0, 1):
    errors = {name: row[column] for name, row in TABLE.items()}
    assert min(errors, key=errors.get) == "full pre-activation"
    assert max(errors, key=errors.get) == "bn after addition"
clean = [name for name, (_, after) in VARIANTS.items() if not after]
print("nothing after the addition:", clean)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 5, figsize=(9, 4.4))
paint = {"conv": viz.SKY, "bn": viz.PALE, "relu": viz.YELLOW}
for ax, (name, (branch, after)) in zip(axes, VARIANTS.items()):
    words, end = branch.split(), after.split()
    for i, word in enumerate([*words, "+", *end]):
        if word == "+":
            ax.plot([0.3], [-i], "o", ms=16, mfc="white", mec=viz.INK)
            ax.text(0.3, -i, "+", ha="center", va="center", fontsize=12)
            continue
        middle = 1.0 if i < len(words) else 0.3
        ax.add_patch(plt.Rectangle((middle - 0.42, -i - 0.32), 0.84, 0.64, fc=paint[word], ec=viz.INK, lw=0.8))
        ax.text(middle, -i, word, ha="center", va="center", fontsize=9)
    plus = -len(words)
    ax.plot([0.3, 0.3], [1.1, plus + 0.36], color=viz.INK, lw=1.5, zorder=0)
    ax.plot([0.3, 1.0, 1.0, 0.3], [0.7, 0.7, plus, plus], color=viz.INK, lw=1.2, zorder=0)
    ax.plot([0.3, 0.3], [plus, -8.0], color=viz.INK, lw=1.5, zorder=0)
    ax.set(xlim=(-0.3, 1.6), ylim=(-8.2, 1.3))
    ax.axis("off")
    ax.set_title(name.replace(" pre", "\npre").replace(" addition", "\naddition") + ("\n" if name == "original" else ""), fontsize=9)
    ax.text(0.65, -8.9, "{:.2f} %\n{:.2f} %".format(*TABLE[name]), ha="center", va="top", fontsize=10)
axes[0].text(-0.4, -8.9, "110:\n164:", ha="right", va="top", fontsize=9)
viz.show(
    fig,
    alt="Five residual blocks, the shortcut on the left, and their CIFAR-10 errors with 110 and 164 layers. "
    + "; ".join(f"{n}: {VARIANTS[n][0]}, addition, {VARIANTS[n][1] or 'nothing'}: {a:.2f} and {b:.2f} %" for n, (a, b) in TABLE.items())
    + ".",
)

# %% [markdown]
# Two of the five can be explained on the spot. **ReLU before addition**: then $F(x) \ge 0$, and from block to block the
# signal can only grow. **BN after addition**: each block rescales the shortcut, so the 1 of the formula becomes a
# product again.

# %%
runtime.seed_all(0)
growing = residual(56, variant="relu before addition").cpu().eval()
with torch.no_grad():
    state, means = growing.stem(x[:64]), []
    for block in growing.stages[0]:
        before, state = state, block(state)
        assert (state >= before).all()
        means.append(round(state.mean().item(), 1))
print("ReLU before addition, mean after each block:", means)

net = models.cifar_resnet(
    110, in_channels=1, width=4, variant="bn after addition").train()
spreads = []  # of what each BN after an addition divides by
for part in net.modules():
    if isinstance(part, Block):
        part.after[0].register_forward_hook(
            lambda bn, args, out: spreads.append(args[0].std().item()))
with torch.no_grad():
    net(x[:64])
kept = 1 / torch.tensor(spreads).double()
print(f"BN after addition: a block keeps {kept.mean():.2f} of its shortcut, "
    f"{len(kept)} blocks {kept.prod():.0e}")
assert len(kept) == 54 and kept.prod() < 1e-3

# %% [markdown]
# The others differ by the last ReLU, and by whether a convolution sees a normalised input. **Full pre-activation** has
# both: a clean path, and normalisation first. *Do 20 layers and 80 steps see that?*

# %% tags=["remove-stderr"]
arms = {"original": runs["residual", 20]}
for name in list(VARIANTS)[1:]:
    arms[name] = study(partial(residual, 20, variant=name))
for name, some in arms.items():
    print(f"{name:<25} loss {said(ends(some))}, test {some.range}")
for slow in ("bn after addition", "full pre-activation"):
    assert sum(ends(arms[slow])) > sum(ends(arms["original"]))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 2.7), sharey=True)
for row, name in enumerate(VARIANTS):
    axes[0].plot(ends(arms[name]), [row] * 3, "o-", color=viz.BLUE, ms=6)
    axes[1].plot(TABLE[name][0], row, "s", color=viz.VERMILION, ms=7)
    axes[1].plot(TABLE[name][1], row, "D", color=viz.INK, ms=6, mfc="white")
axes[0].set_yticks(range(5), VARIANTS)
axes[0].set(xlabel="training loss in nats, three seeds", ylim=(4.6, -0.6), title="here: 20 layers")
axes[1].set(xlabel="CIFAR-10 test error in %", title="the paper: 110 (■) and 164 (◇) layers", xlim=(5, 8.6))
viz.show(
    fig,
    alt="Left: training loss of the five variants, ranges of three seeds: "
    + "; ".join(f"{name} {said(ends(some))}" for name, some in arms.items())
    + ". Right: the paper's errors, lowest for full pre-activation.",
)

# %% [markdown]
# Not really. BN after addition is among the slowest here too. But so is full pre-activation, the paper's best. Eighty
# steps measure who *starts* fast; the paper's 64,000 measure who ends well, and its advantage is 0.24 points with 110
# layers. It grows with depth: with 1001 layers 4.92 % against 7.61. What pays at a depth has to be tried at that depth.

# %% [markdown]
# ## Many narrow paths: ResNeXt
#
# Inception (lecture 7) had parallel paths, each of its own design. ResNeXt (Xie and colleagues, November 2016) has 32
# that are all alike, and adds them up: their number is the **cardinality**. It looks like much code, and is one
# argument: a bottleneck whose 3×3 is in groups.

# %%
runtime.seed_all(0)
maps = torch.randn(2, 16, 6, 6).double()
down = torch.randn(8, 16, 1, 1).double()
work = torch.randn(8, 2, 3, 3).double()  # 4 groups of 2 maps
up = torch.randn(16, 8, 1, 1).double()

inner = F.conv2d(maps, down).relu()
inner = F.conv2d(inner, work, padding=1, groups=4).relu()
grouped = F.conv2d(inner, up)

paths = []
for p in range(4):
    part = slice(2 * p, 2 * p + 2)  # this path's two maps
    inner = F.conv2d(maps, down[part]).relu()
    inner = F.conv2d(inner, work[part], padding=1).relu()
    paths.append(F.conv2d(inner, up[:, part]))
assert torch.allclose(sum(paths), grouped, atol=1e-10)

# %% [markdown]
# *What does cardinality buy at equal cost?* A block on 256 maps with $C$ paths of width $d$ has $C(256d + 9d^2 + 256d)$
# weights. More paths must be narrower; all together they are wider.

# %%
EQUAL = {(1, 64): 23.9, (2, 40): 23.0, (4, 24): 22.6,
    (8, 14): 22.3, (32, 4): 22.2}  # top-1 error of 50 layers, the paper
for (paths, wide), error in EQUAL.items():
    weights = paths * (2 * 256 * wide + 9 * wide**2)
    print(f"{paths:>2} × {wide:<2} = {paths * wide:>3} maps inside: "
        f"{weights:,} weights, error {error} %")
    assert abs(weights / 69_632 - 1) < 0.05
assert 32 * (256 * 4 + 9 * 4 * 4 + 4 * 256) == 70_144
assert list(EQUAL.values()) == sorted(EQUAL.values(), reverse=True)

# %% [markdown]
# In the paper's larger table four networks may cost twice as much as ResNet-101, and each spends it in another way. The
# deck shows the errors; we compute the costs.

# %%
SPENT = {  # blocks, cardinality, width; ImageNet top-1 and top-5 error in %
    "ResNet-101": (23, 1, 64, 22.0, 6.0),
    "ResNeXt-101, 32×4d": (23, 32, 4, 21.2, 5.6),
    "ResNet-200": (36, 1, 64, 21.7, 5.8),
    "ResNet-101, wider": (23, 1, 100, 21.3, 5.7),
    "ResNeXt-101, 2×64d": (23, 2, 64, 20.7, 5.5),
    "ResNeXt-101, 64×4d": (23, 64, 4, 20.4, 5.3),
}
price = {}
for name, (third, paths, wide, top1, top5) in SPENT.items():
    plan = (3, 24 if third == 36 else 4, third, 3)
    with torch.device("meta"):
        net = ResNet(Bottleneck, plan, groups=paths, width_per_group=wide)
    rows = models.walk(net, (3, 224, 224), depth=1)
    price[name] = sum(row.multiply_adds for row in rows) / 1e9
    print(f"{name:<19} {price[name]:5.2f} G, "
        f"{models.count_parameters(net) / 1e6:5.1f} M, {top1} / {top5} %")
times = [p / price["ResNet-101"] for p in price.values()]
assert abs(times[1] - 1) < 0.04 and all(1.8 < t < 2.2 for t in times[2:])

# %% [markdown]
# At one price, 32 paths are better than one by 0.8 points. At twice the price, more *paths* (20.4 %) beat more *width*
# (21.3 %), and that beats more *depth* (21.7 %). Even the doubled ResNets do not reach the ResNeXt that costs half.

# %% [markdown]
# ## Concatenate instead: DenseNet
#
# Addition mixes; who wants an early map back cannot have it. In DenseNet (Huang and colleagues, August 2016) each layer
# reads *all* maps written before it in its block, and appends $k$ new ones, the **growth rate**. Nothing is
# overwritten; $L$ layers have $L(L+1)/2$ direct connections.

# %%
runtime.seed_all(0)
block, growth = DenseBlock(4, in_channels=6, growth_rate=3).eval(), 3
maps = torch.randn(2, 6, 8, 8)
collected = maps
for layer in block.values():
    collected = torch.cat([collected, layer(collected)], dim=1)
assert torch.equal(collected, block(maps))
assert collected.shape[1] == 6 + 4 * growth
assert torch.equal(collected[:, :6], maps)  # the input is still there

with torch.device("meta"):
    densenet = models.densenet201()
rows = models.walk(densenet, (3, 224, 224))
layers = sum(row.layer in ("Conv2d", "Linear") for row in rows)
print(f"DenseNet-{layers}: {sum(row.parameters for row in rows):,} parameters, "
    f"{sum(row.multiply_adds for row in rows) / 1e9:.2f} G multiply-adds")
assert layers == 201 and models.count_parameters(densenet) == 20_013_928

# %% [markdown]
# With $k = 32$ a layer adds little and may be thin: 201 layers, 20 M parameters. Each layer has a direct line to the
# loss, and may reuse what the first ones found. The catch is memory, for the growing stack is copied at each
# concatenation.

# %%
dense = sum(row.activation_bytes for row in rows) / 1e6
print(f"tensors made for one image: DenseNet-201 {dense:.0f} MB, "
    f"ResNet-101 {walked[101][2] / 1e6:.0f} MB, ResNet-50 {walked[50][2] / 1e6:.0f} MB")
assert dense > walked[101][2] / 1e6

# %% tags=["hide-input"]
FAMILIES = {
    "VGG": ("vgg11 vgg13 vgg16 vgg19", "s-", viz.VERMILION),
    "ResNet": ("resnet18 resnet34 resnet50 resnet101 resnet152", "o-", viz.BLUE),
    "ResNeXt": ("resnext50_32x4d resnext101_32x8d", "^-", viz.INK),
    "DenseNet": ("densenet121 densenet169 densenet201", "D-", viz.GREEN),
}
facts = {name: get_model_weights(name).IMAGENET1K_V1.meta for names, *_ in FAMILIES.values() for name in names.split()}
misses = {name: 100 - fact["_metrics"]["ImageNet-1K"]["acc@1"] for name, fact in facts.items()}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
for family, (names, mark, colour) in FAMILIES.items():
    names = names.split()
    for ax, worth in zip(axes, ("num_params", "_ops")):
        at = [facts[n][worth] / (1e6 if worth == "num_params" else 1) for n in names]
        ax.plot(at, [misses[n] for n in names], mark, color=colour, label=family, ms=6)
for ax, values in zip(axes, ([10, 20, 40, 80, 140], [2, 4, 8, 16])):
    ax.set(xscale="log")
    ax.set_xticks(values, values)
    ax.minorticks_off()
axes[0].set(xlabel="parameters in millions (log scale)", ylabel="top-1 error in %", title="Error for parameters")
axes[1].set(xlabel="multiply-adds in billions (log scale)", title="Error for arithmetic")
axes[1].legend(fontsize=9)
viz.show(
    fig,
    alt="ImageNet error against parameters and against multiply-adds. VGG lies far above the others on both: "
    f"VGG-16 {misses['vgg16']:.1f} % with 138 M and 15.5 G; ResNet-101 {misses['resnet101']:.1f} % with 45 M and 7.8 G; "
    f"ResNeXt-50 {misses['resnext50_32x4d']:.1f} % with 25 M and 4.2 G; DenseNet-201 {misses['densenet201']:.1f} % with 20 M and 4.3 G.",
)

# %% [markdown]
# ## 101 layers for the price of 16
#
# The deck remarks that a ResNet of 101 layers has "the same size and speed" as VGG-16, and that it is because of "far
# fewer feature channels". *Is it so?*

# %%
with torch.device("meta"):
    vgg, resnet = models.vgg16(), models.resnet101()
bills = {name: models.walk(net, (3, 224, 224))
    for name, net in (("VGG-16", vgg), ("ResNet-101", resnet))}
learned, work, tensors = ({name: sum(row[k] for row in rows)
    for name, rows in bills.items()} for k in (3, 4, 5))
for name in bills:
    print(f"{name:<10} {learned[name] / 1e6:5.1f} M parameters, "
        f"{work[name] / 1e9:5.2f} G multiply-adds, "
        f"{tensors[name] / 1e6:.0f} MB of tensors an image")
assert 3 < learned["VGG-16"] / learned["ResNet-101"] < 3.2
assert 1.9 < work["VGG-16"] / work["ResNet-101"] < 2.1

# %% [markdown]
# Not the same size: a third of the parameters. Half of the multiply-adds. And about the same *speed*, on the cards of
# 2016 and perhaps on your machine:

# %%
def seconds(net: nn.Module, x: torch.Tensor) -> float:
    with torch.inference_mode():
        net(x)
        began = time.perf_counter()
        net(x)
    return time.perf_counter() - began


image = torch.randn(1, 3, 112, 112)
body = models.vgg16(num_classes=10).features.eval()  # without its cliff
took = {"VGG-16": seconds(body, image),
    "ResNet-101": seconds(models.resnet101().eval(), image)}
print({name: f"{1000 * t:.0f} ms" for name, t in took.items()}, "at 112×112")

# %% [markdown]
# Half of the arithmetic and not half of the time, for it comes in 104 small portions with normalisation between, which
# read and write more than they compute. Now the reason. A 3×3 convolution from $C$ maps to $C$ costs $9C^2$ a place:
# **quadratic in the channels**. Where do the two do their work, and with how many?

# %%
def by_side(rows) -> dict[int, tuple[float, int, int]]:
    """For each map size: G multiply-adds, convolutions, maps inside a 3×3."""
    found = {}
    for row in rows:
        if row.layer == "Conv2d":
            work, layers, maps = found.get(row.output[-1], (0, 0, 0))
            inside = row.output[0] if maps == 0 else min(maps, row.output[0])
            found[row.output[-1]] = (
                work + row.multiply_adds / 1e9, layers + 1, inside)
    return found


for name, rows in bills.items():
    print(name, {f"{side}²": f"{work:.1f} G in {layers} layers, {maps} maps"
        for side, (work, layers, maps) in by_side(rows).items()})
vgg_56, resnet_56 = (by_side(rows)[56] for rows in bills.values())
assert vgg_56[2] == 4 * resnet_56[2] == 256
assert (9 * 256**2) / (9 * 64**2) == 16  # one 3×3 layer, place for place
at_once = sum(by_side(bills["VGG-16"])[side][0] for side in (224, 112))
print(f"VGG has spent {at_once:.1f} G before its maps are 56×56, ResNet 0.1")

# %% [markdown]
# At 56×56 places VGG's 3×3 run on 256 maps and ResNet's on 64, so one costs 16 times the other. At 28 it is 512 against
# 128, and so on: a quarter everywhere. The deck's reason is right, and there is a second: ResNet's first layer and
# pooling jump to 56×56 at once, where VGG arrives after 4.7 G. **Depth is cheap if it is narrow**, and shortcuts made
# deep and narrow trainable.

# %% [markdown]
# ## The loss surface
#
# Can one see it? Li, Xu, Taylor, Studer and Goldstein (December 2017) cut the loss along two random directions through
# the trained weights. Each direction is scaled filter by filter to the network's own filters, or else a network with
# large weights would look flat and one with small weights steep. Our two networks of 56 layers, 11×11 places, 64 images
# each:

# %%
steps = torch.linspace(-0.6, 0.6, 11)
surfaces = {}
for kind in ("plain", "residual"):
    net = runs[kind, 56][0][0].cpu()
    ways_out = [understand.filter_normalised_direction(net, seed)
        for seed in (0, 1)]
    surfaces[kind] = understand.loss_surface(
        net, x[:64], y[:64], ways_out, steps)
    centre = surfaces[kind][5, 5].item()
    print(f"{kind:<8} centre {centre:.2f}, lowest {surfaces[kind].min():.2f}, "
        f"highest {surfaces[kind].max():,.0f}")
assert surfaces["residual"][5, 5] < surfaces["plain"][5, 5]

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.7), sharey=True)
levels = torch.arange(0, 6.01, 0.5)
for ax, (kind, surface) in zip(axes, surfaces.items()):
    shown = ax.contourf(steps, steps, surface.clamp(max=5.99), levels=levels.tolist(), cmap="cividis")
    lines = ax.contour(steps, steps, surface.clamp(max=5.99), levels=[1, 2, 3, 4, 5], colors="white", linewidths=0.8)
    if kind == "residual":
        ax.clabel(lines, fontsize=8)
    ax.plot(0, 0, "*", ms=13, color="white", mec=viz.INK)
    ax.set(xlabel="second direction, in filter lengths", title=f"{kind}, 56 layers", aspect="equal")
axes[0].set_ylabel("first direction")
fig.colorbar(shown, ax=axes, label="loss in nats, cut off at 6")
viz.show(
    fig,
    alt="Contours of the loss around the trained weights. Plain: a high plateau with crooked lines and a steep wall, "
    f"{surfaces['plain'][5, 5]:.1f} at the centre. Residual: nested rings, a bowl with {surfaces['residual'][5, 5]:.1f} at its bottom.",
)

# %% [markdown]
# With shortcuts, a bowl. Without, a plateau not far below $\ln 10 = 2.3$, where guessing is, with a wall at its edge:
# from here no direction leads down for long. The paper's picture of 56 plain layers is full of peaks; theirs were
# trained to the end, and drawn finer. Be careful with all such pictures: two directions out of thousands, random ones
# at that, and a network that has learned lies lower than one that has not, with or without a picture.

# %% [markdown]
# ## What breaks next
#
# Depth is no longer the limit. Cost is. Look where the arithmetic is now:

# %%
with torch.device("meta"):
    pair = {"ResNet-50": models.resnet50(),
        "ResNeXt-50": models.resnext50_32x4d()}
    points = {}
    for name, net in pair.items():
        rows = models.walk(net, (3, 224, 224))
        kernels = {n: m.kernel_size[0] for n, m in net.named_modules()
            if isinstance(m, nn.Conv2d)}
        ones = sum(row.multiply_adds for row in rows
            if kernels.get(row.name) == 1)
        points[name] = ones / sum(row.multiply_adds for row in rows)
print({name: f"{share:.0%} in 1×1" for name, share in points.items()})
assert points["ResNet-50"] > 0.5 and points["ResNeXt-50"] > 0.8

# %% [markdown]
# The 3×3, which alone looks at neighbours, has become the cheaper part; with 32 groups it is almost free. Then why not
# as many groups as maps? Which of all these choices (small filters, bottlenecks, groups, strides) buys accuracy, and at
# what price? Lecture 9 takes them one by one and measures.
#
# ## Summary
#
# * **Degradation**: plain 56 layers train worse than 20, on the training set. A solution exists by construction;
#   optimisation does not find it.
# * **Residual block**: $y = x + F(x)$. Doing nothing means $F = 0$. Where shapes change, a projection.
# * $x_L = x_l + \sum F(x_i)$: sums instead of products, forwards and backwards. Plain gradients explode and shatter;
#   with shortcuts neighbouring images still get similar gradients.
# * **Bottleneck**: 1×1 down, 3×3, 1×1 up; a 17th of the cost of two wide 3×3. ResNet-50, 101, 152.
# * **Five orders**; the best is full pre-activation (BN, ReLU, convolution, twice; nothing after the sum).
# * **ResNeXt**: 32 equal paths, a grouped 3×3; better at equal cost. **DenseNet**: concatenate, 201 layers, 20 M
#   parameters, much memory.
# * ResNet-101 has half of VGG-16's multiply-adds and a third of its parameters: cost is quadratic in the channels.
#
# ## Five-minute quiz
#
# **1. A plain network with 56 layers has a higher test error than one with 20. What else do you look at first?**
#
# (a) the number of parameters  (b) the training error  (c) the weight decay  (d) the number of test images
#
# <details><summary>Answer</summary>
#
# **(b)**: if it is lower, the network overfits; if it is higher as well, training has failed. (a) is larger for the
# deeper one and decides nothing. (c) is a cure for a disease not yet diagnosed; (d) bounds the noise of the test error
# only.
#
# </details>
#
# **2. All weights of the last convolution in a block's branch are 0, in a plain and in a residual block (no biases).
# What comes out?**
#
# (a) zero and zero  (b) zero and the input  (c) the input and zero  (d) the input and twice the input
#
# <details><summary>Answer</summary>
#
# **(b)**: the plain block passes on its branch only, the residual one adds the input to it. (a) forgets the shortcut;
# (c) mixes them up; (d) takes an empty branch for an identity.
#
# </details>
#
# **3. In a network of full pre-activation blocks of one shape, the gradient at $x_L$ is $g$. What is it at $x_l$?**
#
# (a) $g$  (b) $g$ plus a term through the branches  (c) $g$ times a product of the blocks' weights  (d) zero, if the
# branches vanish
#
# <details><summary>Answer</summary>
#
# **(b)**: $x_L = x_l + \sum F$ has the derivative $1 + \partial \sum F / \partial x_l$. (a) holds only if the branches
# do nothing; then it is $g$ and not zero, so (d) is wrong. (c) is the plain network.
#
# </details>
#
# **4. A bottleneck on 512 maps works inside on 128. How does it compare with two 3×3 convolutions on 512 maps?**
#
# (a) a quarter of the cost  (b) half of it  (c) about a seventeenth  (d) one and a half times, for it has three layers
#
# <details><summary>Answer</summary>
#
# **(c)**: $2 \cdot 512 \cdot 128 + 9 \cdot 128^2 = 278{,}528$ weights against $2 \cdot 9 \cdot 512^2 = 4{,}718{,}592$.
# (a) would be so if cost grew like the channels, not like their square; (b) has no reason; (d) counts layers as if all
# cost the same.
#
# </details>
#
# **5. Three seeds each: variant A ends at 0.58 to 0.62, variant B at 0.55 to 0.66. The paper says that B is better by
# 0.2 points with 110 layers. What have you shown?**
#
# (a) that A is better  (b) that the paper is wrong  (c) nothing about which is better  (d) that B is better
#
# <details><summary>Answer</summary>
#
# **(c)**: the ranges overlap, and your network, your steps and your measure are not theirs. (a), (b) and (d) each need
# a difference larger than the spread, the last two at the paper's depth.
#
# </details>
#
# ## Papers
#
# * R. K. Srivastava, K. Greff, J. Schmidhuber. [Highway networks](https://arxiv.org/abs/1505.00387). 2015.
# * K. He, X. Zhang, S. Ren, J. Sun. [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385). CVPR 2016.
# * K. He, X. Zhang, S. Ren, J. Sun. [Identity mappings in deep residual networks](https://arxiv.org/abs/1603.05027). ECCV 2016: the sum, the scaled shortcuts, the five orders.
# * S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He. [Aggregated residual transformations for deep neural networks](https://arxiv.org/abs/1611.05431). CVPR 2017: ResNeXt.
# * G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger. [Densely connected convolutional networks](https://arxiv.org/abs/1608.06993). CVPR 2017.
# * D. Balduzzi, M. Frean, L. Leary, J. P. Lewis, K. W.-D. Ma, B. McWilliams. [The shattered gradients problem: if resnets are the answer, then what is the question?](https://arxiv.org/abs/1702.08591) ICML 2017.
# * H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein. [Visualizing the loss landscape of neural nets](https://arxiv.org/abs/1712.09913). NeurIPS 2018.
