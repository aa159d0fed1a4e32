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
# # AlexNet and VGG
#
# In 2011 the best program in the world, shown a photograph and given five guesses, missed the right one of a thousand
# names in 25.8 % of all cases. A year later it was 15.3 %, and the runner-up stood at 26.2 %. Three years after that it
# was 3.6 %, and nobody used anything but convolutional networks. **What was in the network of 2012, number by number,
# and why did its successors grow so deep?**
#
# **After this lecture you can**
#
# 1. walk from 227×227×3 to a thousand scores, layer by layer, and count every weight on the way, groups included;
# 2. say what local response normalisation does, at which activations it does it, and why it is gone;
# 3. write the recipe of 2012 as a configuration, and name what is still in use;
# 4. set up VGG's table of memory and parameters, and check somebody else's totals;
# 5. compare two architectures under one budget, and say how sure you are.
#
# It builds on output sizes, parameters and memory (lecture 4) and on the training recipe (lecture 5).

# %%
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import get_model_weights

from course_lib import models, ops, runtime, scale, train, viz
from course_lib.data import datasets
from course_lib.models.vgg import CONFIGURATIONS
from course_lib.train import augment, schedules

torch.set_num_threads(1)  # sharing so small a step costs more than it saves

winners = {  # ILSVRC classification: top-5 test error in %, weight layers
    "2010": (28.2, "no network"),
    "2011": (25.8, "no network"),
    "2012\nAlexNet": (16.4, "8 layers"),
    "2013\nClarifai": (11.7, "8 layers"),
    "2014\nVGG": (7.3, "19 layers"),
    "2014\nGoogLeNet": (6.7, "22 layers"),
    "2015\nResNet": (3.57, "152 layers"),
}

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(8, 3))
for place, (error, depth) in enumerate(winners.values()):
    deep = depth != "no network"
    ax.bar(place, error, 0.65, color=viz.BLUE if deep else viz.PALE, edgecolor=viz.INK)
    at, ground = max(error, 5.1) + 1, dict(facecolor=viz.GROUND, edgecolor="none", pad=0.5)
    ax.text(place, at, f"{error:g} %\n{depth}", ha="center", fontsize=9, bbox=ground)
ax.axhline(5.1, color=viz.VERMILION, ls="--", lw=1.2)
ax.text(6.5, 5.6, "a trained\nperson:\n5.1 %", fontsize=9, color=viz.VERMILION, va="bottom")
ax.set_xticks(range(len(winners)), list(winners))
ax.set(ylabel="top-5 error in %", xlim=(-0.6, 7.2), ylim=(0, 35), title="The ImageNet challenge, networks without extra data")
viz.show(
    fig,
    alt="Bars of top-5 error: 28.2 % in 2010 and 25.8 % in 2011 without networks, 16.4 % with AlexNet's 8 layers in "
    "2012, 11.7 % in 2013, 7.3 % with VGG's 19 and 6.7 % with GoogLeNet's 22 layers in 2014, 3.57 % with ResNet's 152 in 2015.",
)

# %% [markdown]
# The stage was set in 2009, when Fei-Fei Li and colleagues put ImageNet on the web: millions of photographs, sorted
# under the nouns of a dictionary by paid strangers. From 2010 on there was a yearly challenge, **ILSVRC**: 1.2 million
# training images, a thousand classes, five guesses. In 2012 Alex Krizhevsky, Ilya Sutskever and Geoffrey Hinton entered
# a convolutional network, trained for five to six days on two gaming cards. Seven such networks together made 15.3 %;
# five without extra data made 16.4 %. Nothing in it was new by itself. New was that all of it was there at once:
# labels, arithmetic, and a recipe.

# %% [markdown]
# ## The table, walked
#
# A layer is a name, a number of filters, a kernel, a stride and a padding. Pooling and normalisation have no filters,
# so depth stays. With lecture 4's formula for the side that is all it takes to walk.

# %%
ALEXNET = [  # name, filters, kernel, stride, padding
    ("conv1", 96, 11, 4, 0),
    ("pool1", None, 3, 2, 0),
    ("norm1", None, 1, 1, 0),
    ("conv2", 256, 5, 1, 2),
    ("pool2", None, 3, 2, 0),
    ("norm2", None, 1, 1, 0),
    ("conv3", 384, 3, 1, 1),
    ("conv4", 384, 3, 1, 1),
    ("conv5", 256, 3, 1, 1),
    ("pool3", None, 3, 2, 0),
]
side, depth = 227, 3
shapes = {"input": (depth, side, side)}
for name, filters, kernel, stride, padding in ALEXNET:
    side, depth = (
        ops.output_size(side, kernel, stride, padding), filters or depth)
    shapes[name] = (depth, side, side)
for name, (depth, side, _) in shapes.items():
    print(f"{name:<6} {side:>3}×{side}×{depth}")

# %%
sides = [shapes[name][1] for name in (
    "input", "conv1", "pool1", "conv2", "pool2", "conv5", "pool3")]
assert sides == [227, 55, 27, 27, 13, 13, 6]
assert [shapes[f"conv{k}"][0] for k in range(1, 6)] == [96, 256, 384, 384, 256]

with torch.device("meta"):  # shapes only: nothing computed, nothing allocated
    alexnet, vgg16, vgg19 = (
        models.alexnet_2012(), models.vgg16(), models.vgg19())
rows = models.walk(alexnet, (3, 227, 227))
walked = {row.name: row.output for row in rows if row.name in shapes}
assert walked == shapes  # the module agrees with the pencil
linear = [row.output for row in rows if row.layer == "Linear"]
assert linear == [(4096,), (4096,), (1000,)]
print("then 6·6·256 =", 6 * 6 * 256, "numbers →",
    " → ".join(str(out[0]) for out in linear))

# %% [markdown]
# The paper says that the images are 224×224. They cannot be: $(224-11)/4 + 1$ is 54¼, and its next layer has 55. With
# 227 everything fits. A second misprint is harder to see. The paper lists the neurons of each layer, beginning with
# 253,440, and gives the total as 650,000. *Do they add up?*

# %%
neurons = [walked[f"conv{k}"] for k in range(1, 6)] + linear
counts = [torch.Size(shape).numel() for shape in neurons]
print(counts, "→", f"{sum(counts):,}")
assert counts[0] == 55 * 55 * 96 == 290_400  # the paper's 253,440 is 55·48·96
assert 253_440 == 55 * 48 * 96
assert sum(counts) == 659_272

# %% [markdown]
# The total is right and the summand is not: somebody's 55 became a 48, the number of filters on one card. Even the most
# cited table of the field repays walking through.

# %% [markdown]
# ## Two questions about parameters
#
# *How many parameters has the second convolution layer? And the fifth?* As the table stands, a filter spans all maps below:

# %%
as_it_stands = {
    "conv2": ops.conv_parameters(96, 256, kernel=5),
    "conv5": ops.conv_parameters(384, 256, kernel=3),
}
print(as_it_stands)
assert as_it_stands["conv2"] == 256 * (96 * 5 * 5 + 1) == 614_656
assert as_it_stands["conv5"] == 256 * (384 * 3 * 3 + 1) == 884_992

# %% [markdown]
# In the network that won, it is half of that. The cards had 3 GB each, too little for the whole, so each card got half
# of the maps, and in layers 2, 4 and 5 a filter saw only the maps on its own card. Only layer 3 looks at everything.
# Today that is one argument: `groups=2`.

# %%
found = {
    row.name: row.parameters for row in rows if row.name.startswith("conv")}
print(found)
assert (found["conv2"] == ops.conv_parameters(96, 256, 5, groups=2)
    == 256 * (48 * 25 + 1) == 307_456)
assert (found["conv5"] == ops.conv_parameters(384, 256, 3, groups=2)
    == 256 * (192 * 9 + 1) == 442_624)
total = sum(row.parameters for row in rows)
print(f"all layers: {total:,}; without groups "
    f"{total + 256 * 48 * 25 + 384 * 192 * 9 + 256 * 192 * 9:,}")
assert total == 60_965_224  # "60 million parameters", says the paper

# %% [markdown]
# What a group is: a full convolution most of whose weights are held at zero. Put the two halves on the diagonal of an empty
# weight, and the same maps come out; so they do from two separate layers, a card each.

# %%
runtime.seed_all(0)
x = torch.randn(2, 6, 9, 9, dtype=torch.double)
weight = torch.randn(8, 3, 5, 5, dtype=torch.double)  # 8 filters, 6/2 maps deep

full = torch.zeros(8, 6, 5, 5, dtype=torch.double)
full[:4, :3], full[4:, 3:] = weight[:4], weight[4:]
grouped = F.conv2d(x, weight, padding=2, groups=2)
two_cards = [
    F.conv2d(x[:, :3], weight[:4], padding=2),
    F.conv2d(x[:, 3:], weight[4:], padding=2)]

assert torch.allclose(grouped, F.conv2d(x, full, padding=2), atol=1e-10)
assert torch.allclose(grouped, torch.cat(two_cards, dim=1), atol=1e-10)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 5, figsize=(9, 2.9), width_ratios=[0.5, 1, 1.3, 1.3, 1.3])
talks = {"conv1": (96, 3), "conv2": (256, 96), "conv3": (384, 256), "conv4": (384, 384), "conv5": (256, 384)}
for ax, (name, (above, below)) in zip(axes, talks.items()):
    card_1, card_2 = viz.BLUE, viz.ORANGE
    split = name in ("conv2", "conv4", "conv5")
    for half, colour, hatch in ((0, card_1, ""), (1, card_2, "//")):
        left, width = (half * below / 2, below / 2) if split else (0, below)
        box = (left, half * above / 2), width, above / 2
        ax.add_patch(plt.Rectangle(*box, facecolor=colour, edgecolor=viz.INK, hatch=hatch, alpha=0.8))
    ax.set(xlim=(0, below), ylim=(above, 0), xticks=[0, below], yticks=[0, above], title=name)
    ax.spines[["top", "right"]].set_visible(True)
axes[0].set_ylabel("filters")
fig.supxlabel("maps below that a filter reads", fontsize=10)
viz.show(
    fig,
    alt="Which filters read which maps, layer by layer. In layers 2, 4 and 5 the first half of the filters reads the first half "
    "of the maps and the second half the second: two blocks on the diagonal. In layers 1 and 3 every filter reads all.",
)

# %% [markdown]
# It cost little: one card with half of the kernels does worse by 1.7 points of top-1 error and 1.2 of top-5. And
# something unasked for happened. The 96 first filters became oriented edges, as lecture 3 drew them by hand and as
# cells of the cat's cortex like them, and blobs of colour; in every run those on one card were grey and those on the
# other coloured. Nobody had told the cards to share the work. Without groups it is one filter bank, and both kinds are
# mixed.

# %% [markdown]
# ## ReLU
#
# Our deck calls AlexNet the "first use of ReLU". That is not so. Fukushima's S cells rectified in 1980, and Nair and
# Hinton had brought the unit back in 2010. AlexNet was the first to need it. Its pixels reached into the hundreds, and
# there $\tanh$ is flat: no slope, no gradient. ReLU's slope is 1 for every positive sum, however large.

# %%
runtime.seed_all(0)
sums = torch.randn(100_000, dtype=torch.double)
for spread in (0.1, 1.0, 10.0, 100.0):
    slope = 1 - torch.tanh(spread * sums) ** 2
    print(f"sums of spread {spread:<5}: mean slope of tanh {slope.mean():.3f}, "
        f"of ReLU {(sums > 0).double().mean():.3f}")
assert slope.mean() < 0.01 and abs((sums > 0).double().mean() - 0.5) < 0.01

# %% [markdown]
# The paper shows a network of four layers on CIFAR-10 that reaches 25 % training error six times faster with ReLU than
# with $\tanh$. *Is it so here?* We take rendered scenes (with a GPU: CIFAR-10), a small network, and change the
# activation.

# %%
name = scale.pick(cpu="scenes10", gpu="cifar10")
train_set, test_set = datasets.load(name, "train"), datasets.load(name, "test")
pictures = train_set.images[[  # one a class
    int((train_set.labels == k).nonzero()[0]) for k in range(10)]]
print(f"{train_set.name}: {len(train_set):,} training images, "
    f"classes {', '.join(train_set.classes)}")

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, 5, figsize=(6, 2.9))
for ax, picture, title in zip(axes.flat, pictures, train_set.classes):
    ax.imshow(picture.permute(1, 2, 0))
    ax.set_title(title, fontsize=8, fontweight="normal")
    ax.axis("off")
viz.show(fig, alt="A 32×32 image of each class: " + ", ".join(train_set.classes) + ".")

# %% [markdown]
# A builder that we shall use for everything that follows, from a line of text. `5x16` is a convolution with 16 filters
# of 5×5, `P` AlexNet's overlapping pooling (3×3, stride 2), `M` VGG's (2×2), `N` the normalisation of the next section.

# %%
def build(line: str, activation=nn.ReLU, hidden=96, side=32) -> nn.Sequential:
    parts, depth = [], 3
    for word in line.split():
        if word == "N":
            parts.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        elif word in "PM":
            parts.append(nn.MaxPool2d(3, 2, padding=1) if word == "P"
                else nn.MaxPool2d(2))
            side //= 2
        else:
            kernel, filters = map(int, word.split("x"))
            parts += [nn.Conv2d(depth, filters, kernel, padding=kernel // 2),
                activation()]
            depth = filters
    head = [nn.Flatten(), nn.Linear(depth * side**2, hidden), activation()]
    net = nn.Sequential(*parts, *head, nn.Linear(hidden, 10))
    for module in net.modules():  # He's start: 0.01 suits nets that wait longer
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
    return net


# %% tags=["remove-stderr"]
few, held_out = train_set[:1000], test_set[:500]
rates = {nn.ReLU: 0.01, nn.Tanh: 0.03}  # each the best of 0.01, 0.03 and 0.1
curves = {}
for activation, rate in rates.items():
    sgd = partial(torch.optim.SGD, lr=rate, momentum=0.9)
    net = partial(build, "5x8 M 3x16 M 3x16 M", activation)
    options = dict(
        epochs=5, batch_size=32, optimizer=sgd, schedule=schedules.constant)
    runs = train.over_seeds(net, few, held_out, seeds=range(3), **options)
    curves[activation.__name__] = torch.tensor(  # [3, epochs]
        [history.train_loss for _, history in runs])
late = {name: losses[:, -1].tolist() for name, losses in curves.items()}
print({name: f"{min(ends):.2f} to {max(ends):.2f}"
    for name, ends in late.items()})

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 2.8))
for (name, losses), mark in zip(curves.items(), "os"):
    epochs = range(1, losses.shape[1] + 1)
    ax.fill_between(epochs, losses.amin(0), losses.amax(0), alpha=0.3, lw=0)
    ax.plot(epochs, losses.mean(0), mark + "-", label=name)
ax.set(xlabel="epoch", ylabel="training loss in nats", title="The activation, and its rate", xticks=epochs)
ax.legend()
said = "; ".join(f"{name} ends at {min(ends):.2f} to {max(ends):.2f}" for name, ends in late.items())
viz.show(fig, alt=f"Training loss over the epochs, mean and range of three seeds: {said}.")

# %% [markdown]
# Each activation has the best of three rates, and there is no factor of six: the ranges overlap, and $\tanh$ is rather
# ahead, with less difference between seeds. Standardised pixels and He's start (lecture 5) keep the sums near 1, where
# $\tanh$ has a slope; the paper had neither, which may be the whole difference. ReLU stayed because it is cheap, and
# does not care about scale.

# %% [markdown]
# ## Local response normalisation
#
# A ReLU has no upper end, so the paper lets neighbours hold each other down. At every place, each map's answer is
# divided by a sum over the squares of $n = 5$ maps around it in the order of the channels:
#
# $$ y_c = \frac{x_c}{\Big(k + \alpha \sum_{c' = c-2}^{c+2} x_{c'}^2\Big)^{\beta}}$$
#
# with $k = 2$, $\alpha = 10^{-4}$ and $\beta = 0.75$.
#
# By hand: nine maps answer $(10, 0, 0, 10, 300, 0, 0, 0, 10)$ at one place.

# %%
answers = torch.tensor([10.0, 0, 0, 10, 300, 0, 0, 0, 10]).double()


def respond(x: torch.Tensor) -> torch.Tensor:
    """AlexNet's normalisation of nine maps of one pixel."""
    squares = F.pad(x**2, (2, 2)).unfold(0, 5, 1).sum(1)  # of maps i−2 to i+2
    return x / (2 + 1e-4 * squares) ** 0.75


y = respond(answers)
print([round(v, 2) for v in y.tolist()])
# nobody near the first; the fourth is beside the 300
assert torch.isclose(y[0], 10 / (2 + 0.01) ** torch.tensor(0.75).double())
assert torch.isclose(y[3], 10 / (2 + 9 + 0.01) ** torch.tensor(0.75).double())
assert round((y[0] / y[3]).item(), 2) == 3.58

# torch divides α by n, the paper does not: so its α is five times as large
layer = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
assert torch.allclose(layer(answers.view(1, 9, 1, 1)).flatten(), y, atol=1e-10)
maps = torch.randn(2, 9, 4, 4, dtype=torch.double) * 100
assert torch.allclose(layer(maps),
    ops.local_response_norm_loops(maps, 5, 5e-4, 0.75, 2.0), atol=1e-10)

# %% [markdown]
# Three maps say 10. The two that are far from the loud one keep 5.92, the one beside it gets 1.65: a competition
# between maps, decided place by place. Now a surprise that the formula hides. *What does a map answer that is alone, as
# it grows louder?* The power is $\beta = 0.75$ of a sum of *squares*, so in the end the divisor grows like $x^{1.5}$,
# faster than $x$.

# %%
loud = torch.logspace(0, 4, 4001, dtype=torch.double)
alone = loud / (2 + 1e-4 * loud**2) ** 0.75
peak = loud[alone.argmax()].item()
print(f"most for {peak:.0f}: {alone.max():.1f};  for 1,000 only "
    f"{respond(torch.tensor([1000.0]).double()).item():.1f}")
# set the derivative to zero: k = α x² (2β − 1), so x² = 2 / (1e-4 · ½)
assert abs(peak - 200) < 1
assert abs(alone.max() - 200 / 6**0.75) < 1e-3

# %% [markdown]
# Three regimes: far below 100 the layer divides by $2^{0.75} = 1.68$, nothing else; around 200 it is flat and only
# *relative* strength counts; above, the louder map gets less. So whether it does anything depends on the scale of the
# numbers. AlexNet's pixels went from 0 to 255, minus their mean, so large answers were at hand. With standardised
# pixels, as everybody has them now, the same layer with the same constants is a division by 1.68.
#
# Watch it work. Eight oriented edge filters look at a cat; the knob makes the filters stronger. (In Jupyter or Colab
# the slider redraws; on this page it turns the pages of five prepared figures.)

# %%
angle = torch.arange(8).view(8, 1, 1) * torch.pi / 8
v, u = torch.meshgrid(  # 11×11, like AlexNet's
    torch.arange(-5.0, 6), torch.arange(-5.0, 6), indexing="ij")
across = u * angle.cos() + v * angle.sin()
bank = torch.exp(-(u**2 + v**2) / 12) * torch.sin(across)
bank = bank / bank.flatten(1).norm(dim=1)[:, None, None]

cat = F.interpolate(
    datasets.photograph("cat")[None], size=(150, 225), mode="area"
).mean(1, keepdim=True)
pixels = 255 * (cat - cat.mean())
edges = F.conv2d(pixels, bank[:, None]).relu()  # [1, 8, 140, 215]
faint = edges[0].amax(0) < edges[0].amax(0).median()  # the half with weak edges


def faint_to_strong(maps: torch.Tensor) -> float:
    strongest = maps[0].amax(0)
    return (strongest[faint].mean() / strongest[~faint].mean()).item()


gains = [0.01, 0.3, 1.0, 3.0, 10.0]
print(f"before: faint edges have {faint_to_strong(edges):.0%} "
    "of the strength of strong ones")
ratio = {gain: faint_to_strong(layer(gain * edges)) for gain in gains}
print("after, by gain:",
    {gain: f"{share:.0%}" for gain, share in ratio.items()})
assert abs(ratio[0.01] - faint_to_strong(edges)) < 0.01  # all divided by 1.68
assert ratio[10.0] > 3 * ratio[0.01]


# %% tags=["hide-input"]
def draw_gain(gain: float) -> plt.Figure:
    before = gain * edges
    after = layer(before)
    fig, axes = plt.subplots(1, 3, figsize=(9, 2.7), width_ratios=[1, 1, 1.15])
    for ax, maps, title in ((axes[0], before, "before"), (axes[1], after, "after")):
        strongest = maps[0].amax(0)
        ax.imshow(strongest, vmin=0, vmax=strongest.flatten().quantile(0.995))
        ax.set(title=f"strongest map, {title}", xticks=[], yticks=[])
    low, high = before[before > 0].quantile(0.1).item(), before.max().item()
    axes[2].axvspan(low, high, color=viz.SKY, alpha=0.35, lw=0)
    axes[2].plot(loud, alone, color=viz.INK)
    axes[2].plot(loud, loud / 2**0.75, ":", color=viz.VERMILION, lw=1.2)
    axes[2].set(xscale="log", xlim=(1, 1e4), ylim=(0, 60), xlabel="answer x (log scale)", ylabel="alone, after")
    axes[2].set_title("blue: nine in ten of the answers", fontsize=9)
    return fig


def say_gain(gain: float) -> str:
    return (
        f"Filters {gain:g} times as strong. Faint edges have {faint_to_strong(edges):.0%} of the strength of strong ones before "
        f"normalisation and {ratio[gain]:.0%} after. Right: the curve of a lone map, highest at 200, and where the answers lie on it."
    )


viz.knob(draw_gain, say_gain, default=3, gain=gains)

# %% [markdown]
# Weak filters: both pictures are the same but for a factor of 1.68. At gain 3 the whiskers and the fur come up; at 10
# the faintest hairs are as loud as the outline, because the outline is now right of the peak and damps itself. The
# paper credits the layer with 1.4 points of top-1 and 1.2 of top-5 error. Two years later VGG's authors tried it on
# their smallest network and found nothing: 29.7 % top-1 error with, 29.6 % without. Batch normalisation, which looks
# after the scale by itself, buried it. Our deck's verdict stands: "not common anymore".

# %% [markdown]
# ## The recipe
#
# What the paper says about training fits on a card. As a configuration for our own loop:

# %%
recipe = dict(
    epochs=90, batch_size=128,
    optimizer=partial(
        torch.optim.SGD, lr=1e-2, momentum=0.9, weight_decay=5e-4),
    # by hand, whenever they saw a plateau
    schedule=partial(schedules.step, at=(0.5, 0.7, 0.9), factor=0.1),
    augment=augment.chain(augment.flip, augment.crop),
)
start = dict(std=0.01,
    bias_one=("conv2", "conv4", "conv5", "classifier.1", "classifier.4"))
dropout = 0.5  # before both hidden linear layers
print(f"{recipe['epochs']} epochs of 1.2 M images: "
    f"{90 * 1_200_000 // 128:,} steps")

runtime.seed_all(0)
sample = models.alexnet_2012().conv2
assert (abs(sample.weight.std() - start["std"]) < 1e-4
    and (sample.bias == 1).all())

# %% [markdown]
# *Which of it is still in use?* Momentum 0.9, weight decay, stairs, flips and crops: yes. A start at 0.01 became He's;
# dropout left with the large linear layers; the biases of 1, meant to give the ReLUs something positive to begin with,
# are forgotten.
#
# One line of the paper differs from PyTorch, and only where the rate changes. Its velocity contains the rate,
# $v \leftarrow 0.9\,v - \eta\,(g + \lambda w)$, $w \leftarrow w + v$. PyTorch's does not, and multiplies by the rate
# afterwards.

# %%
def paper_steps(rates, w=1.0, v=0.0) -> float:
    for rate in rates:
        gradient = 3 * w  # of 3/2 w²
        v = 0.9 * v - rate * (gradient + 5e-4 * w)
        w = w + v
    return w


def torch_steps(rates) -> float:
    w = nn.Parameter(torch.ones(1, dtype=torch.double))
    sgd = torch.optim.SGD([w], lr=1.0, momentum=0.9, weight_decay=5e-4)
    for rate in rates:
        sgd.param_groups[0]["lr"] = rate
        w.grad = 3 * w.detach()
        sgd.step()
    return w.item()


level, stairs = [0.01] * 30, [0.01] * 20 + [0.001] * 10
print(f"level rate: {paper_steps(level):.6f} and {torch_steps(level):.6f}")
print(f"a stair:    {paper_steps(stairs):.6f} and {torch_steps(stairs):.6f}")
assert abs(paper_steps(level) - torch_steps(level)) < 1e-12
assert abs(paper_steps(stairs) - torch_steps(stairs)) > 0.01

# %% [markdown]
# After a drop of the rate the paper's network coasts on with the old speed for about ten steps; PyTorch's slows down at
# once.
#
# The card's last line is augmentation: a 224×224 piece from anywhere in a 256×256 picture, mirrored or not, "a factor
# of 2048", and a change of light. For that, the colours of all pixels of the training set are seen as a cloud in three
# dimensions, and each picture is moved along the cloud's axes by a random amount, as far as the cloud is wide:

# %%
assert (256 - 224) ** 2 * 2 == 2048  # the paper's count; 33·33 places give 2178
cloud = few.images.float().movedim(1, -1).reshape(-1, 3) / 255  # [pixels, 3]
variance, axes_of_colour = torch.linalg.eigh(torch.cov(cloud.T))
print("standard deviation along the axes:",
    [round(v, 3) for v in variance.sqrt().tolist()])


def relight(image: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Add Σ aᵢ λᵢ pᵢ to every pixel; image [3, H, W], amount [3]."""
    return (image
        + (axes_of_colour @ (amount * variance))[:, None, None]).clamp(0, 1)


runtime.seed_all(1)
one = few.images[3].float() / 255
# 20-fold, so that we see it
lit = [one, *(relight(one, 20 * 0.1 * torch.randn(3)) for _ in range(6))]

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 7, figsize=(8, 1.5))
for ax, picture, title in zip(axes, lit, ["original", *[""] * 6]):
    ax.imshow(picture.permute(1, 2, 0))
    ax.set_title(title, fontsize=9)
    ax.axis("off")
viz.show(fig, alt="One training image and six versions of it in other light: lighter, darker, warmer, colder, the same shapes.")

# %% [markdown]
# Worth more than one point of top-1 error, says the paper: what a thing is does not change with the weather.

# %% [markdown]
# ## VGG: simply deep
#
# Karen Simonyan and Andrew Zisserman (Oxford, 2014) asked one question, how much depth helps, and kept everything else
# as plain as possible: 3×3 filters, stride 1, padding 1; halve by max pooling; double the filters when you halve; two
# hidden layers of 4096 on top. A network is then one line of text.

# %%
for letter, line in CONFIGURATIONS.items():
    words = line.split()
    print(f"{letter}: {len(words) - words.count('M') + 3:>2} layers  {line}")

# %% [markdown]
# *Why chains of 3×3?* Two of them see 5×5, three see 7×7, with fewer weights and a ReLU after each.

# %%
fields = [ops.receptive_field([ops.Window(3)] * n)[0] for n in (1, 2, 3)]
assert fields == [3, 5, 7]
three, one = (
    3 * ops.conv_parameters(64, 64, 3, bias=False),
    ops.conv_parameters(64, 64, 7, bias=False))
print(f"64 maps to 64: three of 3×3 {three:,} weights, "
    f"one of 7×7 {one:,}: {one / three - 1:.0%} more")
assert three == 27 * 64**2 and one == 49 * 64**2

# %% [markdown]
# ## Where the memory goes, and where the parameters are
#
# The deck has VGG-16's table, 22 rows of memory and parameters, and two totals: 138 M parameters, and 24 M numbers in
# memory, "about 93 MB an image". Recompute it.

# %%
rows = models.walk(vgg16, (3, 224, 224))
in_deck = [row for row in rows
    if row.layer in ("Input", "Conv2d", "MaxPool2d", "Linear")]
weights = {id(m): m.weight.numel() for m in vgg16.modules()
    if isinstance(m, nn.Conv2d | nn.Linear)}
print("layer      output         numbers        parameters")
for row in in_deck:
    numbers = torch.Size(row.output).numel()
    print(f"{row.layer:<10} {'×'.join(map(str, row.output)):<12} "
        f"{numbers:>9,} {row.parameters:>17,}")

# %%
memory = sum(torch.Size(row.output).numel() for row in in_deck)
relu = sum(
    torch.Size(row.output).numel() for row in rows if row.layer == "ReLU")
parameters = sum(row.parameters for row in rows)
print(f"rows of the table: {memory:,} numbers, {4 * memory / 1e6:.0f} MB")
print(f"with every ReLU kept as well: {memory + relu:,} numbers, "
    f"{4 * (memory + relu) / 1e6:.0f} MB")
assert len(in_deck) == 22
assert memory == 15_237_608 and memory + relu == 28_793_320
assert sum(weights.values()) == 138_344_128  # the deck, "not counting biases"
assert parameters == sum(weights.values()) + 13_416 == 138_357_544
assert sum(
    row.parameters for row in models.walk(vgg19, (3, 224, 224))) == 143_667_240

# %% [markdown]
# **138 M parameters: confirmed**, with biases or without. **24 M activations: not confirmed.** The deck's own rows make
# 15.2 M numbers, 61 MB. Could it have counted differently? If each ReLU's output is stored beside the convolution's it
# is 28.8 M, 115 MB. Twice the convolutions and nothing else, 27.1 M. No reading gives 24 M; and 24 M times four bytes
# is 96 MB, or 92 MiB, not 93. The number has travelled from slide to slide for ten years. What it is meant to say is
# right, and we can say it exactly:

# %%
def size(row) -> int:
    return torch.Size(row.output).numel()


early = sum(size(row) for row in in_deck[:4]) / memory  # up to the first pool
half = sum(size(row) for row in in_deck[:7]) / memory  # up to the second
top = [row.parameters / parameters for row in in_deck[-3:]]
work = sum(row.multiply_adds for row in rows)
conv_work = sum(
    row.multiply_adds for row in rows if row.layer == "Conv2d") / work
print(f"memory: {early:.0%} before the first pooling is done, "
    f"{half:.0%} before the second")
print(f"parameters: {sum(top):.0%} in the linear layers, "
    f"{top[0]:.0%} in the first of them")
print(f"arithmetic: {conv_work:.1%} of {work / 1e9:.2f} G multiply-adds "
    "in the convolutions")
assert half > 0.7 and sum(top) > 0.89 and conv_work > 0.99
for other in (memory, memory + relu,
        2 * sum(size(r) for r in in_deck if r.layer == "Conv2d")):
    assert abs(other - 24e6) > 2e6

# %% [markdown]
# Now all three at a glance. Each layer is a rectangle, as wide as it puts out numbers, as high as it has parameters
# (log scale), coloured by its share of the arithmetic. The wide ones are low; the high ones are so narrow that they are
# mere lines, and hardly work; the arithmetic is done in between.

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.7), sharey=True)
networks = {
    "AlexNet": [r for r in models.walk(alexnet, (3, 227, 227)) if r.layer not in ("ReLU", "Dropout")],
    "VGG-16": in_deck,
}
for ax, (name, steps) in zip(axes, networks.items()):
    x, all_work = 0.0, sum(row.multiply_adds for row in steps)
    for row in steps:
        wide, share = size(row) / 1e6, row.multiply_adds / all_work
        high = max(row.parameters, 1500)  # a layer without parameters: a strip
        colour = plt.get_cmap("YlOrRd")(min(share / 0.25, 1.0)) if row.parameters else viz.PALE
        ax.add_patch(plt.Rectangle((x, 1e3), wide, high - 1e3, facecolor=colour, edgecolor=viz.INK, lw=0.8))
        if row.output == (1000,):
            ax.annotate("linear layers", (x, 2e7), (-6, 0), textcoords="offset points", ha="right", fontsize=9)
        x += wide
    total = sum(row.parameters for row in steps) / 1e6
    ax.set(xlim=(0, 1.02 * x), ylim=(1e3, 3e8), yscale="log", title=f"{name}: {x:.1f} M numbers, {total:.0f} M parameters")
    ax.set_xlabel("numbers put out, in millions")
axes[0].set_ylabel("parameters (log scale)")
bar = fig.colorbar(plt.cm.ScalarMappable(plt.Normalize(0, 25), "YlOrRd"), ax=axes, pad=0.01)
bar.set_label("share of the arithmetic in %")
viz.show(
    fig,
    alt="A rectangle for each layer of AlexNet and VGG-16. From left to right they get narrower and higher: VGG-16's first layers are 3 million "
    "numbers wide with 2 to 37 thousand parameters; the linear layers are lines at the right edge, 4 to 103 million high. The darkest ones are in between.",
)

# %% [markdown]
# *How much memory does training take?* Every activation waits for the backward pass, which makes another one of its
# size: twice 61 MB an image, so 16 GB for a batch of 128, and beside it parameters, gradients and momentum, 1.7 GB.

# %%
per_image, fixed = 2 * 4 * memory, 3 * 4 * parameters
for batch in (1, 128, 256):
    print(f"batch {batch:>3}: {batch * per_image / 1e9:>5.1f} GB activations, "
        f"{fixed / 1e9:.1f} GB parameters")
assert round(fixed / 1e9, 2) == 1.66

# %% [markdown]
# VGG's authors had four cards, a batch of 256, and two to three weeks for one network.

# %% [markdown]
# ## Both under one budget
#
# *Is it the design, or just the size?* Published errors cannot tell: VGG-16 does 21 times AlexNet's arithmetic. So we
# shrink both until they do the same number of multiply-adds for an image of 32×32, and train them with the same recipe
# on the same images in the same order, three seeds each. AlexNet comes with and without its normalisation; VGG in two
# depths.

# %%
ARMS = {
    "AlexNet": "5x8 P N 5x12 P N 3x16 3x16 3x12 P",
    "AlexNet, no LRN": "5x8 P 5x12 P 3x16 3x16 3x12 P",
    "VGG, 3 + 2 layers": "3x12 M 3x22 M 3x44 M",
    "VGG, 6 + 2 layers": "3x6 3x6 M 3x12 3x12 M 3x24 3x24 M",
}
budget = {}
for name, line in ARMS.items():
    with torch.device("meta"):
        rows = models.walk(build(line), (3, 32, 32))
    budget[name] = sum(row.multiply_adds for row in rows)
    print(f"{name:<18} {budget[name] / 1e6:.2f} M multiply-adds, "
        f"{sum(row.parameters for row in rows):,} parameters")
assert max(budget.values()) < 1.1 * min(budget.values())

# %% tags=["remove-stderr"]
images = scale.pick(cpu=2000, gpu=50_000)
plan = recipe | dict(
    epochs=scale.pick(cpu=5, gpu=30), batch_size=32,
    optimizer=partial(
        torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=5e-4),
    schedule=schedules.one_cycle, augment=augment.flip,
)
runs = {
    name: train.over_seeds(partial(build, line), train_set[:images], test_set,
        seeds=range(3), **plan)
    for name, line in ARMS.items()
}
scores = {name: [100 * h.test_accuracy[-1] for _, h in arm]
    for name, arm in runs.items()}
for name, arm in runs.items():
    print(f"{name:<18} {arm.range}, "
        f"{sum(h.seconds for _, h in arm) / 3:.0f} s each")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 2.4))
for row, (name, values) in enumerate(scores.items()):
    ax.plot(values, [row] * 3, "o-", color=viz.BLUE if "VGG" in name else viz.VERMILION, ms=7)
ax.set_yticks(range(len(scores)), list(scores))
ax.set(xlabel="test accuracy in %", ylim=(len(scores) - 0.5, -0.5), title="One budget, three seeds")
said = "; ".join(f"{name} {min(v):.1f} to {max(v):.1f} %" for name, v in scores.items())
viz.show(fig, alt=f"Test accuracy, range of three seeds: {said}.")

# %% [markdown]
# *Which is the better network?* AlexNet reaches 57 to 63 %, without its normalisation 48 to 64 %, the shallow VGG 62 to
# 66 %, the deep one 53 to 59 %. (On CIFAR-10, with a GPU, the cells above print other numbers.)
#
# * Normalisation: the ranges overlap, no verdict. With standardised pixels none was to be expected.
# * 5×5 in five layers against 3×3 in three: the shallow VGG is ahead by little.
# * Depth: the deep VGG is *behind* the shallow one, and their ranges do not touch, which luck alone does once in ten
#   (lecture 5). It has fewer filters a layer for the same bill and learns more slowly at first. One epoch more, and we
#   measured 66 to 70 % and 62 to 72 %.
#
# So depth is a way to *spend* a large budget, and no gift. The step from AlexNet to VGG on ImageNet came with 21 times
# the arithmetic, weeks on four cards, and a million images.

# %% [markdown]
# ## Depth against error
#
# Back to the first figure. Those errors are of ensembles, of different sizes. For single networks, trained alike,
# torchvision carries a table of measured accuracies; so depth can be set against error without downloading anything.

# %%
def top5_error(name: str) -> float:
    facts = get_model_weights(name).IMAGENET1K_V1.meta
    return 100 - facts["_metrics"]["ImageNet-1K"]["acc@5"]


singles = {"alexnet": 8, "vgg11": 11, "vgg13": 13,
    "vgg16": 16, "vgg19": 19, "googlenet": 22}
singles |= {"resnet18": 18, "resnet34": 34, "resnet50": 50,
    "resnet101": 101, "resnet152": 152}
errors = {name: top5_error(name) for name in singles}
print({name: round(error, 1) for name, error in errors.items()})
vgg = [errors[f"vgg{depth}"] for depth in (11, 13, 16, 19)]
assert vgg == sorted(vgg, reverse=True)
print("AlexNet to ResNet-152: "
    f"{errors['alexnet'] / errors['resnet152']:.1f} times fewer errors")
# the deck: "3 × more accurate in 3 years"
assert 3 < errors["alexnet"] / errors["resnet152"] < 4

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.2))
families = {"AlexNet, 2012": ("alexnet", "s"), "VGG, 2014": ("vgg", "o"), "GoogLeNet, 2014": ("googlenet", "D")}
families["ResNet, 2015"] = ("resnet", "^")
for label, (prefix, mark) in families.items():
    members = [name for name in singles if name.startswith(prefix)]
    ax.plot([singles[m] for m in members], [errors[m] for m in members], mark + "-", label=label)
ax.set(xscale="log", xlabel="layers with weights (log scale)", ylabel="top-5 error in %", ylim=(0, 22))
ax.set_xticks([8, 11, 16, 22, 34, 50, 101, 152], [8, 11, 16, 22, 34, 50, 101, 152])
ax.minorticks_off()
ax.set_title("Single networks on ImageNet's validation set")
ax.legend(fontsize=9)
viz.show(
    fig,
    alt="Top-5 error against depth: AlexNet 20.9 % with 8 layers; VGG from 11.4 % with 11 to 9.1 % with 19; GoogLeNet 10.5 % with 22; "
    "ResNet from 10.9 % with 18 to 6.0 % with 152.",
)

# %% [markdown]
# Depth pays, and with plain stacks it pays less and less: from 11 to 13 layers and from 16 to 19 VGG gains half a point
# or so each, at a quarter more arithmetic for the latter. Simonyan and Zisserman wrote that the error "saturates" at 19
# layers. And note that AlexNet's published 18.2 % for one network is lower than the table's 20.9 %: torchvision's is
# the later one-column form, and is tested on one crop of each image, not on ten.

# %% [markdown]
# ## What breaks next
#
# VGG is the last network that got better by being the same, only more. Look at its bill: a cliff of parameters at the
# end, and 15.5 G multiply-adds before it. The cliff can go: average each of the 512 last maps over its 7×7 places, and
# put one linear layer on top.

# %%
body = sum(row.parameters for row in in_deck if row.layer == "Conv2d")
averaged = body + 512 * 1000 + 1000
print(f"{parameters / 1e6:.1f} M parameters → {averaged / 1e6:.1f} M, "
    f"{parameters / averaged:.1f} times fewer")
print(f"arithmetic: {work / 1e9:.2f} G → "
    f"{(work * conv_work + 512_000) / 1e9:.2f} G")
assert 9 < parameters / averaged < 9.2

wide = 14 * 14 * 9 * 512 * 512  # one 3×3 layer, 512 maps to 512, 14×14 places
print(f"one such layer {wide / 1e6:.0f} M, "
    f"with 5×5 filters {wide * 25 / 9 / 1e6:.0f} M multiply-adds")

# %% [markdown]
# Nine parameters out of ten gone; of the work, one part in a hundred. The arithmetic is in the convolutions, and grows
# with maps below times maps above: who wants filters of several sizes side by side cannot pay for them so. The network
# of lecture 7 makes the maps fewer first, with filters of 1×1, and it beat VGG in the challenge of 2014 with a
# twentieth of its parameters.
#
# ## Summary
#
# * **AlexNet** (2012): 227×227×3 → 55×55×96 → 27 → 27×27×256 → 13 → 13×13×384, 384, 256 → 6×6×256 → 4096 → 4096 → 1000;
#   61 M parameters, 0.7 G multiply-adds. On two cards: groups in layers 2, 4, 5, which halve their weights (conv2
#   307,456, not 614,656).
# * **Local response normalisation** divides by the activity of neighbouring maps. It acts only on large numbers (around
#   200 with the paper's constants) and is history.
# * **The recipe**: SGD, momentum 0.9, decay 5e-4, rate 0.01 in stairs, batch 128, dropout ½, flips, crops, colour.
# * **VGG** (2014): 3×3 only, halve and double. 138,357,544 parameters, 89 % in the linear layers; 15.2 M activations,
#   72 % of them before the second pooling is done; 15.5 G multiply-adds, 99 % in the convolutions.
# * A chain of three 3×3 sees as much as one 7×7 with 27/49 of its weights.
# * Compare at one budget, over seeds. Recompute totals, also famous ones.
#
# ## Five-minute quiz
#
# **1. A 227×227 image meets filters of 11×11 with stride 4 and no padding. How large are the maps?**
#
# (a) 54×54  (b) 55×55  (c) 56×56  (d) 57×57
#
# <details><summary>Answer</summary>
#
# **(b)**: $(227 - 11)/4 + 1 = 55$. (a) forgets the first place. (c) divides 224 by 4, with no filter in sight; (d)
# divides 227 and rounds up.
#
# </details>
#
# **2. A layer with 192 filters of 3×3 reads 96 maps in 2 groups. How many weights, without biases?**
#
# (a) 165,888  (b) 82,944  (c) 41,472  (d) 331,776
#
# <details><summary>Answer</summary>
#
# **(b)**: $192 \cdot 48 \cdot 9$; a filter reads the 48 maps of its group. (a) ignores the groups. (c) halves the
# filters too, but there are still 192 of them. (d) doubles where one should halve.
#
# </details>
#
# **3. You put AlexNet's response normalisation, with its constants, into a network whose activations are near 1. What
# happens?**
#
# (a) neighbouring maps compete  (b) each map gets mean 0 and variance 1  (c) all numbers are divided by about 1.68
# (d) nothing at all
#
# <details><summary>Answer</summary>
#
# **(c)**: $\alpha\sum x^2$ is about $10^{-4}$ against $k = 2$, and $2^{0.75} = 1.68$. (a) needs activations in the
# hundreds. (b) is batch normalisation. (d) forgets $k$.
#
# </details>
#
# **4. You train VGG-16 and your card's memory is full. What helps most?**
#
# (a) smaller linear layers  (b) a smaller batch or smaller images  (c) fewer filters in the last block  (d) weights of 16 bits, and nothing else
#
# <details><summary>Answer</summary>
#
# **(b)**: activations fill it, 122 MB an image with their gradients, most of them in the first two blocks. (a) frees at
# most 1.5 GB of 17 at batch 128; (c) touches the small maps; (d) halves the smaller part.
#
# </details>
#
# **5. Network A scores better than network B on ImageNet. A has 19 layers and B has 8. What follows?**
#
# (a) depth helps  (b) B should be trained longer  (c) nothing about depth: A may do twenty times the arithmetic
# (d) 38 layers would be better still
#
# <details><summary>Answer</summary>
#
# **(c)**: compare at one budget, with one recipe, over seeds. (a) may be true, but this does not show it. (b) is a
# guess. (d) is false for plain networks, as lecture 8 shows.
#
# </details>
#
# ## Papers
#
# * J. Deng, W. Dong, R. Socher, L.-J. Li, K. Li, L. Fei-Fei. [ImageNet: a large-scale hierarchical image database](https://doi.org/10.1109/CVPR.2009.5206848). CVPR 2009.
# * V. Nair, G. E. Hinton. [Rectified linear units improve restricted Boltzmann machines](https://icml.cc/Conferences/2010/papers/432.pdf). ICML 2010.
# * A. Krizhevsky, I. Sutskever, G. E. Hinton. [ImageNet classification with deep convolutional neural networks](https://doi.org/10.1145/3065386). NeurIPS 2012.
# * A. Krizhevsky. [One weird trick for parallelizing convolutional neural networks](https://arxiv.org/abs/1404.5997). 2014: the one-column AlexNet of torchvision.
# * K. Simonyan, A. Zisserman. [Very deep convolutional networks for large-scale image recognition](https://arxiv.org/abs/1409.1556). ICLR 2015.
# * O. Russakovsky et al. [ImageNet large scale visual recognition challenge](https://doi.org/10.1007/s11263-015-0816-y). *International Journal of Computer Vision* 115, 2015: the winners' errors, and the person with 5.1 %.
# * C. Szegedy et al. [Going deeper with convolutions](https://arxiv.org/abs/1409.4842). CVPR 2015: next lecture.
# * K. He, X. Zhang, S. Ren, J. Sun. [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385). CVPR 2016: lecture 8.
