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
# # Convolutional networks
#
# Slide a boot two pixels to the left. To you nothing happened. To a fully connected network almost every input changed, and
# what it learned about the old pixels says nothing about the new ones. **How do we build a network that knows from the start
# that a boot is a boot wherever it stands?** The answer costs 156 numbers where the fully connected one costs 3.7 million.
#
# **After this lecture you can**
#
# 1. compute by hand, and check by code, what a convolution layer puts out: its numbers, its shape, its parameters, its memory;
# 2. explain max and mean pooling, and where their gradients go;
# 3. say what one unit can see (its receptive field) and what it really looks at;
# 4. train LeNet-5 to at least 88 % on Fashion-MNIST, on three seeds, and look at what it has learned.
#
# It builds on the multilayer perceptron and back-propagation (lecture 2) and on filtering an image (lecture 3).

# %%
import math

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F

from course_lib import models, ops, runtime, scale, train, understand, viz
from course_lib.data import datasets

torch.set_num_threads(1)  # for networks this small, sharing a step does not pay

train_set = datasets.load("fashion_mnist", "train")
test_set = datasets.load("fashion_mnist", "test")
print(f"{len(train_set):,} training and {len(test_set):,} test images: {train_set.name}")
print(f"found in {train_set.source}")

# %%
boot = test_set.inputs()[(test_set.labels == 9).nonzero()[0]]  # [1, 1, 28, 28]
slid = torch.roll(boot, shifts=2, dims=3)
on_boot = boot.maximum(slid) > boot.min()  # pixels where one of the two has a boot
changed = (boot != slid)[on_boot].float().mean()
print(f"{changed:.0%} of the boot's pixels changed their value")

trio, names = [boot, slid, (boot - slid).abs()], ["a boot", "two pixels on", "difference"]
viz.show(
    viz.image_grid(torch.cat(trio), titles=names, size=1.7),
    alt="An ankle boot, the same boot two pixels to the right, and their difference, "
    "which is large at every edge.",
)

# %% [markdown]
# The boot comes from Fashion-MNIST: 28×28 grey pictures in ten classes.

# %%
first_of_each = [int((train_set.labels == k).nonzero()[0]) for k in range(10)]
examples = train_set.images[first_of_each]
viz.show(
    viz.image_grid(examples, titles=train_set.classes, columns=5, size=1.3),
    alt="The first training image of each class: " + ", ".join(train_set.classes) + ".",
)

# %% [markdown]
# ## An image is a block of numbers
#
# A colour image is not a list of pixels but a block with three axes: channels $C$, height $H$, width $W$. At every place there
# is a little vector, here (red, green, blue). Inside a network the same block goes on, only with more channels: each one a map
# of *where* some feature was found. PyTorch stacks images into batches `[B, C, H, W]`.

# %%
pixels = torch.tensor(load_sample_image("flower.jpg"))  # [H, W, C], as image files are
photo = pixels.permute(2, 0, 1).float() / 255  # [C, H, W], as PyTorch wants it
print(f"{tuple(photo.shape)}: {photo.numel():,} numbers")
print("red, green and blue in row 200, column 320:", photo[:, 200, 320].numpy().round(2))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9, 1.9))
for ax, picture, name in zip(axes, [pixels, *photo], ["photo", "red", "green", "blue"]):
    ax.imshow(picture, vmin=0, vmax=1)
    ax.set_title(name)
    ax.axis("off")
viz.show(
    fig,
    alt="A photograph of an orange dahlia and its red, green and blue channels as grey "
    "images: the petals are brightest in red, dark in blue.",
)

# %% [markdown]
# ## Three decisions
#
# A fully connected layer gives every output its own weight to every input. A convolution layer makes three decisions instead,
# each a belief about images:
#
# * **Local in space**: an output looks at a small patch only. *Neighbouring pixels belong together.*
# * **Full in depth**: it looks at all channels of that patch. *What something is depends on all its features.*
# * **The same everywhere**: all places share one set of weights, a **filter**. *A feature useful here is useful there.*
#
# One output number is then a dot product, a filter $w$ against the patch under it, plus a bias:
#
# $$ y_{k,i,j} = b_k + \sum_{c=1}^{C} \sum_{u=1}^{k_h} \sum_{v=1}^{k_w} w_{k,c,u,v}\; x_{c,\,i+u-1,\,j+v-1} $$
#
# Take a 32×32×3 image and a 5×5×3 filter. The patch holds 75 numbers, and so does the filter.

# %%
runtime.seed_all(0)
image = torch.randn(3, 32, 32)
filters, bias = torch.randn(6, 3, 5, 5), torch.randn(6)

patch = image[:, 0:5, 0:5]  # the top left corner, through all channels
one_number = (filters[0] * patch).sum() + bias[0]
maps = ops.conv2d_loops(image[None], filters, bias)  # every filter, everywhere
print(f"6 filters of 3×5×5 over 3×32×32 → {tuple(maps.shape[1:])}")

assert torch.isclose(maps[0, 0, 0, 0], one_number, atol=1e-5)
assert maps.shape == (1, 6, 28, 28)  # 32 − 5 + 1 = 28 places each way, six maps
assert torch.allclose(maps, F.conv2d(image[None], filters, bias), atol=1e-4)

# %% [markdown]
# What did the three decisions buy? Count the weights between one 28×28 image and six 28×28 maps, giving up one belief after
# the other.

# %%
places, fan_in, out_maps = 28 * 28, 5 * 5, 6
cost = {
    "fully connected": out_maps * places * (places + 1),
    "local, weights not shared": out_maps * places * (fan_in + 1),
    "convolution: local and shared": ops.conv_parameters(1, out_maps, 5),
}
assert list(cost.values()) == [3_692_640, 122_304, 156]

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 1.9))
bars = ax.barh(list(cost), list(cost.values()), color=[viz.VERMILION, viz.ORANGE, viz.BLUE])
ax.bar_label(bars, [f"{n:,}" for n in cost.values()], padding=4)
ax.set(xscale="log", xlabel="parameters (log scale)", xlim=(10, 5e7))
ax.set_title("28×28 image → six 28×28 maps")
ax.invert_yaxis()
viz.show(
    fig,
    alt="Bars on a log scale: fully connected 3,692,640 parameters, local but unshared "
    "122,304, convolution 156.",
)

# %% [markdown]
# Sharing buys more than thrift. Shift the input and the output shifts along, unchanged: convolution is **equivariant** to
# translation. The boot's left edge is found by the same weights wherever the boot stands.

# %%
shifted = torch.roll(image, shifts=2, dims=2)  # two pixels to the right
maps_of_shifted = ops.conv2d_loops(shifted[None], filters, bias)
assert torch.allclose(maps_of_shifted[..., 2:], maps[..., :-2], atol=1e-5)
print("conv(shift(x)) = shift(conv(x)), away from the border")

# %% [markdown]
# ## One example with all its numbers
#
# Before any more code, do one with pencil and paper. The input is 5×5 with three channels, padded with zeros to 7×7×3. Two
# filters of 3×3×3 step two pixels at a time, so the output is 3×3×2. The top left output of the first filter is a sum of 27
# products, most of them zero.

# %%
x = torch.tensor([
    [[1, 2, 0, 0, 0], [2, 2, 0, 0, 0], [2, 2, 2, 1, 0], [1, 0, 0, 2, 0], [1, 1, 0, 1, 0]],
    [[1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0, 0, 1, 2, 0], [0, 1, 0, 1, 0], [1, 1, 1, 1, 2]],
    [[0, 0, 2, 2, 2], [1, 2, 2, 2, 0], [1, 1, 1, 1, 0], [1, 2, 0, 0, 0], [2, 2, 2, 1, 0]],
]).float()  # [3, 5, 5]
w = torch.tensor([
    [
        [[0, 0, -1], [-1, 0, 0], [-1, -1, -1]],  # filter 0: its three channels
        [[1, 1, -1], [0, 0, 0], [-1, 1, 1]],
        [[-1, -1, -1], [0, 1, 1], [0, -1, 0]],
    ],
    [
        [[-1, 0, 0], [1, -1, -1], [0, 0, -1]],  # filter 1
        [[-1, 0, 1], [1, -1, 1], [-1, 0, 1]],
        [[-1, -1, -1], [-1, 1, -1], [0, 1, -1]],
    ],
]).float()  # [2, 3, 3, 3]
b = torch.tensor([1.0, 0.0])

padded = F.pad(x, (1, 1, 1, 1))  # [3, 7, 7]
per_channel = (padded[:, 0:3, 0:3] * w[0]).sum(dim=(1, 2))
print(f"channels {per_channel.tolist()}, bias {b[0]:g}: {per_channel.sum() + b[0]:g}")

# %%
y = ops.conv2d_loops(x[None], w, b, stride=2, padding=1)[0]  # [2, 3, 3]
assert y[0].tolist() == [[-3, -1, 4], [-2, -7, -4], [1, -1, 1]]
assert y[1].tolist() == [[-7, 3, 1], [-7, -11, -1], [-4, -2, -4]]

# %% [markdown]
# Slide the filter yourself. The coloured cells are the patch; the products of patch and filter, summed over the three channels,
# plus the bias, make the coloured output. (In Jupyter or Colab the slider redraws; on this page it turns the pages of nine
# prepared figures.)

# %% tags=["hide-input"]
def draw_window(step: int) -> plt.Figure:
    row, column = divmod(step - 1, 3)
    here = torch.zeros(7, 7)
    here[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] = 1
    order, ones = torch.arange(1, 10).reshape(3, 3), torch.ones(3, 3)
    fig, axes = plt.subplots(2, 4, figsize=(9, 4.2), height_ratios=[7, 4])
    for c in range(3):
        viz.number_grid(axes[0, c], padded[c], title=f"input, channel {c}", highlight=here)
        viz.number_grid(axes[1, c], w[0, c], title=f"filter 0, channel {c}", highlight=ones)
    done, now = torch.where(order <= step, y[0], torch.nan), order == step
    viz.number_grid(axes[0, 3], done, title="map 0", highlight=now, colour=viz.ORANGE)
    terms = (padded[:, here.bool()] * w[0].flatten(1)).sum(1).int().tolist()
    lines = [f"channel {c}: {t:+d}" for c, t in enumerate(terms)]
    lines += [f"bias: {b[0]:+g}", f"together: {y[0, row, column]:g}"]
    axes[1, 3].text(0.5, 0.5, "\n".join(lines), ha="center", va="center")
    axes[1, 3].axis("off")
    return fig


def say_window(step: int) -> str:
    value = y[0].flatten()[step - 1]
    return f"Position {step} of 9: the window on the padded input, and the output {value:g}."


viz.knob(draw_window, say_window, position=list(range(1, 10)))

# %% [markdown]
# ## Depth, stride, padding
#
# Three numbers fix the shape of the output: **depth** (how many filters), **stride** $s$ (how far a filter steps) and
# **padding** $p$ (how many zeros around the border). Along each axis a window of $k$ fits into $n$ pixels this many times:
#
# $$ n' = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 $$
#
# *Does the output size depend on the filter size? On the number of filters?* Ask the code.

# %%
print("32×32×3 input      no padding     SAME padding")
for kernel in (1, 3, 5, 7):
    bare = ops.output_size(32, kernel)
    same = ops.output_size(32, kernel, padding=ops.same_padding(kernel))
    print(f"D filters of {kernel}×{kernel}     {bare}×{bare}×D        {same}×{same}×D")

# %% [markdown]
# The filter's size decides height and width unless padding makes up for it; **SAME** padding at stride 1 is
# $p = (k-1)/2$, which is why odd kernels rule. The number of filters decides the depth, nothing else.
#
# *A second layer has 5×5 filters. How deep are they?* As deep as the first layer's output, because a filter always spans the
# full depth: with $D_1$ filters below, each of the $D_2$ filters above is $5\times5\times D_1$. The layer's weights have the
# shape `[D2, D1, 5, 5]`.

# %%
d1, d2 = 6, 16
first, second = nn.Conv2d(3, d1, 5, padding=2), nn.Conv2d(d1, d2, 5, padding=2)
assert second.weight.shape == (d2, d1, 5, 5)
assert second(first(image[None])).shape == (1, d2, 32, 32)
print(f"the second layer's parameters: {ops.conv_parameters(d1, d2, 5):,}")

# %% [markdown]
# *A 240×240×3 image goes through 48 filters of 3×3, pooling with stride 2, and 48 filters of 3×3 again. What comes out?* The
# question leaves the padding open, so it has two answers.

# %%
def conv_pool_conv(p: int) -> tuple[int, ...]:
    first, second = nn.Conv2d(3, 48, 3, padding=p), nn.Conv2d(48, 48, 3, padding=p)
    return tuple(second(F.max_pool2d(first(torch.zeros(1, 3, 240, 240)), 2)).shape[1:])


assert conv_pool_conv(p=1) == (48, 120, 120)  # 240 → 240 → 120 → 120
assert conv_pool_conv(p=0) == (48, 117, 117)  # 240 → 238 → 119 → 117
print("SAME padding:", conv_pool_conv(1), "  no padding:", conv_pool_conv(0))

# %% [markdown]
# ## Pooling: smaller, and less fussy about place
#
# After a convolution has said *where* a feature is, the exact place often matters little. **Pooling** keeps one number a
# window, in each map by itself: the largest (max pooling) or the mean. It has no parameters. It makes the maps smaller, so
# everything after it is cheaper; and it forgives small shifts. Two 4×4 maps, windows of 2×2, stride 2:

# %%
a = torch.tensor([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]).float()
c = torch.tensor([[1, 4, 3, 6], [2, 1, 0, 9], [2, 2, 7, 7], [5, 3, 3, 6]]).float()
assert ops.max_pool2d(a[None, None], 2)[0, 0].tolist() == [[6, 8], [3, 4]]
assert ops.avg_pool2d(a[None, None], 2)[0, 0].tolist() == [[3.25, 5.25], [2, 2]]
pooled = ops.max_pool2d(c[None, None], 2)[0, 0]
assert pooled.tolist() == [[4, 9], [5, 7]]

# %% [markdown]
# *Where does the gradient go?* In max pooling only the winner moved the output, so
#
# $$ \frac{\partial y}{\partial x_{ij}} = \begin{cases} 1 & \text{if } x_{ij} \text{ is the maximum of its window,} \\ 0 & \text{otherwise.} \end{cases} $$
#
# It is a switch: the gradient of the output goes, whole, to one pixel. The mean shares it out in quarters. In the second
# map's bottom right window the 7 stands twice; the switch picks the first, as torch does.

# %%
def gradient_of(pool, values: torch.Tensor) -> torch.Tensor:
    leaf = values[None, None].clone().requires_grad_()
    pool(leaf, 2).sum().backward()
    return leaf.grad[0, 0]


by_max, by_mean = gradient_of(ops.max_pool2d, c), gradient_of(ops.avg_pool2d, c)
assert by_max.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]
assert torch.equal(by_max, gradient_of(F.max_pool2d, c))  # torch breaks ties alike
assert (by_mean == 0.25).all()

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.6), width_ratios=[4, 2.2, 4, 4])
viz.number_grid(axes[0], c, title="input, maxima coloured", highlight=by_max)
viz.number_grid(axes[1], pooled, title="max pooling", highlight=torch.ones(2, 2))
for ax, grad, name in zip(axes[2:], [by_max, by_mean], ["max", "mean"]):
    title = f"∂(sum of {name}) / ∂input"
    viz.number_grid(ax, grad, title=title, highlight=grad, colour=viz.ORANGE)
viz.show(
    fig,
    alt="A 4×4 map, its four maxima 4, 9, 5, 7, the max gradient (1 at each maximum, "
    "else 0) and the mean gradient (1/4 everywhere).",
)

# %% [markdown]
# ## The idea is older than the gradient
#
# In 1959 David Hubel and Torsten Wiesel moved bars of light before a cat's eyes and listened to single cells of its visual
# cortex. *Simple* cells fired for a bar of one orientation at one place; *complex* cells wanted the orientation and did not
# mind the place. In 1980 Kunihiko Fukushima built a network of just that sandwich, layer upon layer: the **Neocognitron**.
# Its S cells look for a template, its C cells fire if any S cell nearby did. Convolution and pooling, with everything there
# but the training: it was hard to train, as back-propagation came into use only in 1986.
#
# Give S cells four bars as templates, show them a plus sign, and move the plus by one pixel.

# %%
bars = torch.zeros(4, 1, 5, 5)
bars[0, 0, 2, :] = bars[1, 0, :, 2] = 1  # horizontal, vertical
bars[2, 0], bars[3, 0] = torch.eye(5), torch.eye(5).flip(0)  # two diagonals
s_cells, c_cells = models.SCells(bars, selectivity=2.0), models.CCells(size=7, stride=2)

plus = torch.zeros(1, 1, 24, 24)
plus[..., 11, 5:18] = plus[..., 5:18, 11] = 1
moved = torch.roll(plus, shifts=(1, 1), dims=(2, 3))

answers = {"input": (plus, moved), "S cells": (s_cells(plus), s_cells(moved))}
answers["C cells"] = tuple(c_cells(response) for response in answers["S cells"])
change = {k: ((u - v).norm() / u.norm()).item() for k, (u, v) in answers.items()}
print({k: round(v, 2) for k, v in change.items()}, "(0: the same; 1.41: nothing in common)")
assert change["C cells"] < change["S cells"] / 2

# %% [markdown]
# After one step the S cells' answer has next to nothing in common with the old one; the C cells barely noticed.

# %% tags=["hide-input"]
names = ["S", "C", "C, moved"]
rows = [answers["S cells"][0][0], answers["C cells"][0][0], answers["C cells"][1][0]]
fig, axes = plt.subplots(3, 5, figsize=(8, 4.6))
for row, (name, responses) in enumerate(zip(names, rows)):
    axes[row, 0].imshow((moved if row == 2 else plus)[0, 0])
    axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    for k, shape in enumerate("—|╲╱"):
        axes[row, k + 1].imshow(responses[k], vmin=0, vmax=responses.max())
        axes[0, k + 1].set_title(f"template {shape}", fontsize=9)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
viz.show(
    fig,
    alt="Rows: S cells, C cells, C cells after the plus moved. The S maps of the two bars "
    "are sharp lines; the C maps are soft and much alike in both rows.",
)

# %% [markdown]
# ## What one unit can see
#
# A unit of the first layer sees one patch. A unit of the second sees a patch of patches. The **receptive field** grows by
# $k-1$ steps a layer, and a step is as wide as all the strides below multiplied. For LeNet's two convolutions and poolings:

# %%
names = ["convolution 5×5", "pooling 2×2", "convolution 5×5", "pooling 2×2"]
chain = [ops.Window(5), ops.Window(2, stride=2), ops.Window(5), ops.Window(2, stride=2)]
seen = [ops.receptive_field(chain[: n + 1]) for n in range(4)]
for name, (size, jump) in zip(names, seen):
    print(f"{name:<16} sees {size:>2}×{size} pixels; its neighbour looks {jump} further on")
assert [size for size, _ in seen] == [5, 6, 14, 16]

# %% [markdown]
# That is what a unit *can* see. What does it *look at*? Ask the gradient: how much does each pixel move the centre unit? A
# pixel in the middle reaches it along very many paths, a pixel in the corner along one, so the **effective receptive field** is
# a soft blob, much smaller than the square. We stack 3×3 layers and measure the square that holds 95 % of the gradient.

# %%
def plain_stack(depth: int, channels: int = 16) -> nn.Sequential:
    layers = []
    for d in range(depth):
        conv = nn.Conv2d(channels if d else 1, channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight)
        layers += [conv, nn.ReLU()]
    return nn.Sequential(*layers)


runtime.seed_all(0)
depths = [1, 2, 4, 8, 16, 32]
pictures = [torch.randn(8, 1, 2 * d + 11, 2 * d + 11) for d in depths]
fields = [
    understand.effective_receptive_field(plain_stack(d), x)
    for d, x in zip(depths, pictures)
]

# %%
possible = [ops.receptive_field([ops.Window(3)] * d)[0] for d in depths]
used = [understand.field_width(field) for field in fields]
exponent = math.log(used[-1] / used[-3], depths[-1] / depths[-3])  # from 8 to 32 layers
print("layers   ", depths)
print("can see  ", possible)
print("looks at ", used, f" which grows as depth^{exponent:.2f}")
assert 0.35 < exponent < 0.65

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9.5, 2.7), width_ratios=[1, 1, 1, 1.6])
for ax, i in zip(axes, (2, 3, 4)):
    ax.imshow(fields[i].sqrt(), cmap="magma")  # square root, so that faint pixels show
    corner, width = (fields[i].shape[0] - possible[i]) / 2 - 0.5, possible[i]
    square = plt.Rectangle((corner, corner), width, width, fill=False, edgecolor=viz.SKY)
    ax.add_patch(square)
    ax.set(xticks=[], yticks=[], title=f"{depths[i]} layers")
axes[3].plot(depths, possible, "o-", label="can see")
axes[3].plot(depths, used, "s-", label="looks at (95 %)")
axes[3].set(xlabel="3×3 layers", ylabel="width in pixels", title="Receptive field")
axes[3].legend()
viz.show(
    fig,
    alt="Gradient maps for 4, 8 and 16 layers: blobs well inside the squares that can be "
    f"seen. Right: visible width grows to {possible[-1]} pixels in a straight line, used "
    f"width bends to {used[-1]}.",
)

# %% [markdown]
# The visible width grows in step with the number of layers, the used width roughly as its square root (Luo et al., 2016).
# Large structures need more than a deep pile of small filters: pooling, stride or dilation widen the step.

# %% [markdown]
# ## What a layer costs in memory
#
# *A 150×100 RGB image, 200 maps of 5×5, SAME padding, stride 1, a batch of 100: how much memory does it take to train this one
# layer?* Most people count the weights. They are the least of it.

# %%
weights = ops.conv_parameters(3, 200, 5)
inputs, outputs = 100 * 3 * 150 * 100, 100 * 200 * 150 * 100  # batch × maps × H × W
megabytes = {  # four bytes a float32
    "weights": weights * 4e-6,
    "weights: gradient and Adam's two averages": 3 * weights * 4e-6,
    "inputs, kept for the weights' gradient": inputs * 4e-6,
    "outputs": outputs * 4e-6,
    "gradient of the outputs": outputs * 4e-6,
}
for name, size in [*megabytes.items(), ("together", sum(megabytes.values()))]:
    print(f"{name:<42} {size:>9,.2f} MB")

one_image = nn.Conv2d(3, 200, 5, padding="same")(torch.zeros(1, 3, 150, 100))
assert weights == 15_200
assert one_image.numel() * 100 == outputs == 300_000_000

# %% [markdown]
# The weights take 61 kB. Their outputs take 1.2 GB, twice. In training, memory is spent on **activations**, and it grows with
# the batch. To predict, one image at a time, nothing has to be kept: 12 MB do.

# %% [markdown]
# ## LeNet-5
#
# In 1989 Yann LeCun and colleagues at Bell Labs trained shared-weight filters by back-propagation on digits from envelopes; in
# 1998, with Bottou, Bengio and Haffner, came LeNet-5; a system built around it read several million bank cheques a day. It is
# the Neocognitron's sandwich, learned from end to end: convolution, pooling, convolution, pooling, and an ordinary network on
# top. Let code walk through it.

# %%
def walk(model: nn.Module, x: torch.Tensor) -> dict[str, list[int]]:
    """Print a row a layer; return parameters and multiply-adds of those that have any."""
    table = {}
    features, classifier = model.features.named_children(), model.classifier.named_children()
    for name, layer in [*features, *classifier]:
        x = layer(x)
        kind, parameters = type(layer).__name__, models.count_parameters(layer)
        places = x[0, 0].numel()  # a filter is used once a place, a linear unit once
        operations = layer.weight.numel() * places if parameters else 0
        if kind != "ReLU":
            shape = tuple(x.shape[1:])
            print(f"{kind:<13}{shape!s:<13}{parameters:>10,}{operations:>15,}")
        if parameters:
            table[f"{kind} {name}"] = [parameters, operations]
    return table


print("layer        output       parameters  multiply-adds")
table = walk(models.LeNet5(), torch.zeros(1, 1, 28, 28))

# %%
parameters, operations = (sum(column) for column in zip(*table.values()))
conv = [sum(column) for column in zip(table["Conv2d 0"], table["Conv2d 3"])]
print(f"parameters {parameters:,}, multiply-adds {operations:,}")
print(f"convolutions: {conv[0] / parameters:.0%} and {conv[1] / operations:.0%} of them")
print(f"first linear layer: {table['Linear 1'][0] / parameters:.0%} of the parameters")
assert parameters == models.count_parameters(models.LeNet5()) == 61_706

# %% [markdown]
# Shared weights work hard: the two convolutions do most of the arithmetic with a twentieth of the parameters, and the first
# linear layer holds most of the parameters. Keep that in mind when someone calls a network "large".
#
# The printed LeNet-5 differs in four ways, all in `course_lib/models/lenet.py`: its third layer connects to *some* maps below
# by a table, its pooling is a mean with a learned gain and bias, it squashes with a scaled tanh, and its output measures the
# distance to one fixed code a class. Built so, it has exactly the number of trainable parameters that the paper states.

# %%
paper = models.LeNet5Paper()
for name, part in paper.named_children():
    print(f"{name:<8}{models.count_parameters(part):>7,}")
assert models.count_parameters(paper) == 60_000

# %% [markdown]
# ## Train it
#
# The loop is in `course_lib/train/loop.py`, 40 lines you should read: shuffle, predict, cross-entropy, back-propagate, step. One
# run proves little, because the next seed may differ by half a percent. So three seeds, and a range.

# %% tags=["remove-stderr"]
epochs = scale.pick(cpu=2, gpu=12, full=30)
runs = train.over_seeds(models.LeNet5, train_set, test_set, seeds=range(3), epochs=epochs)
final = [history.test_accuracy[-1] for _, history in runs]
print(f"test accuracy {min(final):.1%} to {max(final):.1%} over {len(final)} seeds")
assert min(final) >= 0.88
model = runs[0][0].cpu()
runtime.keep("lenet5", model)  # for the demo below

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.7))
done = range(1, epochs + 1)
for _, history in runs:
    left.plot(done, history.train_loss, "o-", label=f"seed {history.seed}")
    right.plot(done, [100 * value for value in history.test_accuracy], "o-")
left.set(xlabel="epoch", ylabel="cross-entropy in nats", title="Training loss", xticks=done)
right.set(xlabel="epoch", ylabel="accuracy in %", title="Test accuracy", xticks=done)
left.legend()
viz.show(
    fig,
    alt=f"Training loss falls and test accuracy rises to {min(final):.1%} to "
    f"{max(final):.1%}; the three seeds lie close together.",
)

# %% [markdown]
# What does it get wrong? Rows are the truth, columns the answer, in percent of the row.

# %%
answer = train.predict(model, test_set.inputs()).argmax(1)
counts = torch.bincount(10 * test_set.labels + answer, minlength=100).reshape(10, 10)
confusion = 100 * counts / counts.sum(1, keepdim=True)  # [truth, answer]
mistakes = confusion - confusion.diag().diag()
row, column = divmod(mistakes.argmax().item(), 10)
worst = f"{test_set.classes[row]} taken for {test_set.classes[column]}"
print(f"commonest mistake: {worst}, {mistakes.max():.0f} %")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 4.4))
ax.imshow(confusion.sqrt(), cmap="Blues")
for i, j in confusion.ge(1).nonzero().tolist():
    colour = "white" if confusion[i, j] > 40 else viz.INK
    text = f"{confusion[i, j]:.0f}"
    ax.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
ax.set(xlabel="answer", ylabel="truth", title="Confusions in %")
ax.set_yticks(range(10), test_set.classes)
ax.set_xticks(range(10), test_set.classes, rotation=45, ha="right")
viz.show(
    fig,
    alt=f"Confusion matrix, strong on the diagonal. The commonest mistake is {worst}.",
)

# %% [markdown]
# ## Does it know that a boot is a boot wherever it stands?
#
# Back to the question of the first line. We train a multilayer perceptron with as many parameters, and show both networks the
# test images shifted to the side, as they never saw them in training.

# %% tags=["remove-stderr"]
runtime.seed_all(0)
mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 77), nn.ReLU(), nn.Linear(77, 10))
print(f"{models.count_parameters(mlp):,} parameters, LeNet-5 has 61,706")
train.fit(mlp, train_set, test_set, epochs=epochs)

# %%
shifts = list(range(7))
upright, ground = test_set.inputs(), test_set.inputs().min().item()
aside = [F.pad(upright, (s, 0, 0, 0), value=ground)[..., :28] for s in shifts]
curves = {
    name: [train.accuracy(net, x, test_set.labels) for x in aside]
    for name, net in (("LeNet-5", model), ("MLP", mlp))
}
for name, curve in curves.items():
    print(f"{name:<8} {curve[0]:.1%} in place, {curve[3]:.1%} three pixels aside")
assert curves["LeNet-5"][2] > curves["MLP"][2] + 0.05

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 2.8))
for (name, curve), marker in zip(curves.items(), "os"):
    ax.plot(shifts, [100 * value for value in curve], marker + "-", label=name)
ax.set(xlabel="shift in pixels", ylabel="test accuracy in %", ylim=(0, 100))
ax.set_title("Same parameters, different beliefs")
ax.legend()
viz.show(
    fig,
    alt="Accuracy against shift: both fall as images move aside, the multilayer "
    "perceptron sooner and steeper than LeNet-5.",
)

# %% [markdown]
# The convolutional network keeps its head longer, but it is *not* invariant, and it is worth seeing why. Its maps shift along
# with the image (equivariance), pooling forgives a pixel or two, and then the linear layers on top, which have learned weights
# for fixed places, are lost like any perceptron. The cures come later: augmentation (lecture 5) and averaging over all places
# (lecture 7).

# %% [markdown]
# ## What the layers learned
#
# The six filters of the first layer (purple: positive weights, orange: negative), and what they make of the boot.

# %%
learned = model.features[0].weight[:, 0]  # [6, 5, 5]
names = [f"filter {k}" for k in range(6)]
viz.show(
    viz.image_grid(learned, titles=names, symmetric=True),
    alt="Six learned 5×5 filters, purple where a weight is positive, orange where it is "
    "negative; several are oriented edges.",
)

# %%
with torch.no_grad():
    boot_maps = model.features[:2](boot)[0]  # [6, 28, 28]
names = ["input"] + [f"map {k}" for k in range(6)]
viz.show(
    viz.image_grid(torch.cat([boot[0], boot_maps]), titles=names, columns=7),
    alt="An ankle boot and its six first-layer feature maps: different edges and surfaces "
    "of the boot light up in each.",
)

# %% [markdown]
# A map's taste shows in the patches that excite it most. First-layer units see 5×5 pixels and like an edge or a surface;
# second-layer units, below, see 14×14 and like a *part*: a strap, a heel, a sleeve's end. Features of features: that is the
# **hierarchy** that depth buys.

# %%
def favourites(depth: int, units: int, size: int, jump: int) -> plt.Figure:
    """A row a unit: the eight test patches that excite it most."""
    stack, some = model.features[:depth], test_set.inputs()[:2000]
    look = dict(size=size, jump=jump, offset=-2, top=8)  # offset: the first layer's padding
    rows = [understand.strongest_patches(stack, some, k, **look) for k in range(units)]
    return viz.image_grid(torch.cat(rows), columns=8, size=0.7)


viz.show(
    favourites(depth=2, units=3, size=5, jump=1),
    alt="Three rows of eight 5×5 patches, one row a first-layer unit: within a row all "
    "show the same kind of edge or surface.",
)

# %%
viz.show(
    favourites(depth=5, units=5, size=14, jump=2),
    alt="Five rows of eight 14×14 patches, one row a second-layer unit: within a row "
    "similar parts of garments, bags or shoes.",
)

# %% [markdown]
# ## What breaks next
#
# We were lucky with the learning rate. Let it be larger, and the same network, on the same data, learns nothing at all.

# %% tags=["remove-stderr"]
runtime.seed_all(0)
unlucky = models.LeNet5()
broken = train.fit(unlucky, train_set, test_set, epochs=1, lr=0.3)
print(f"peak learning rate 0.3: {broken.test_accuracy[-1]:.1%} (guessing gives 10.0%)")
assert broken.test_accuracy[-1] < 0.5

# %% [markdown]
# How to start, normalise, regularise and steer the training, so that it is not luck, is lecture 5.
#
# ## Summary
#
# * A convolution layer is **local in space, full in depth, and the same everywhere**. One output is the dot product of a filter
#   with a patch, plus a bias.
# * Along an axis it puts out $\lfloor (n + 2p - k)/s \rfloor + 1$ places; the depth is the number of filters. It has
#   $K\,(C\,k^2 + 1)$ parameters, whatever the image size.
# * Shift in, shift out: convolution is **equivariant**. Pooling adds a little **invariance** and makes the rest cheaper; the
#   gradient of max pooling goes to the winner alone.
# * The receptive field adds $(k-1)$ steps a layer; what a unit really looks at is a blob in its middle.
# * In training, memory goes to activations, not to weights.
# * LeNet-5 (1998) is two rounds of convolution and pooling and a small network on top: 61,706 parameters, 60,000 as printed.
#
# ## Five-minute quiz
#
# **1. A layer has 64 filters of 3×3 over a 56×56×128 input, SAME padding. How many parameters has it, with biases?**
#
# (a) 640  (b) 73,792  (c) 231,411,712  (d) 1,216
#
# <details><summary>Answer</summary>
#
# **(b)**: $64\cdot(128\cdot 9 + 1) = 73{,}792$. (a) forgets that a filter is 128 deep. (c) multiplies by the 56×56 places, but the
# weights are shared. (d) gives each filter depth 1 and adds the channels instead of multiplying.
#
# </details>
#
# **2. Which change leaves the number of parameters of a convolution layer as it is?**
#
# (a) 5×5 filters instead of 3×3  (b) stride 2 instead of 1  (c) RGB input instead of grey  (d) twice as many filters
#
# <details><summary>Answer</summary>
#
# **(b)**: stride decides how often the filter is applied, not what it holds. (a) has 25 weights a channel instead of 9, (c) makes
# every filter three times as deep, (d) doubles everything.
#
# </details>
#
# **3. The output of a 2×2 max pooling window has gradient 3. What gradients do its four inputs receive?**
#
# (a) ¾ each  (b) 3 each  (c) 3 for the largest, 0 for the others  (d) none: max is not differentiable
#
# <details><summary>Answer</summary>
#
# **(c)**: only the winner moved the output. (a) is mean pooling. (b) would count the gradient four times. (d): at a tie the
# derivative does not exist, but there any winner gives a valid subgradient, and ties are rare.
#
# </details>
#
# **4. You stack four 3×3 convolutions at stride 1. How wide is the receptive field of a unit on top?**
#
# (a) 3  (b) 9  (c) 12  (d) 81
#
# <details><summary>Answer</summary>
#
# **(b)**: $1 + 4\cdot 2 = 9$; each layer adds $k-1 = 2$. (a) stops at one layer, (c) adds $k$ instead of $k-1$, (d) multiplies,
# which happens only if the stride is 3 in every layer.
#
# </details>
#
# **5. Convolution and pooling together make a network's features...**
#
# (a) exactly invariant to translation  (b) equivariant in the maps, and slightly invariant after pooling
# (c) invariant to rotation  (d) independent of the order of the channels
#
# <details><summary>Answer</summary>
#
# **(b)**: maps shift along with the image and pooling forgives a step. (a) is what we wished for, and what the shift experiment
# refuted. (c): nothing here ties a filter to its rotated copy. (d): each channel has its own weights, so order matters.
#
# </details>
#
# ## Papers
#
# * D. H. Hubel, T. N. Wiesel. [Receptive fields of single neurones in the cat's striate cortex](https://doi.org/10.1113/jphysiol.1959.sp006308). *Journal of Physiology* 148, 1959.
# * K. Fukushima. [Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition unaffected by shift in position](https://doi.org/10.1007/BF00344251). *Biological Cybernetics* 36, 1980.
# * Y. LeCun et al. [Backpropagation applied to handwritten zip code recognition](https://doi.org/10.1162/neco.1989.1.4.541). *Neural Computation* 1, 1989.
# * Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. [Gradient-based learning applied to document recognition](https://doi.org/10.1109/5.726791). *Proceedings of the IEEE* 86, 1998.
# * W. Luo, Y. Li, R. Urtasun, R. Zemel. [Understanding the effective receptive field in deep convolutional neural networks](https://arxiv.org/abs/1701.04128). NeurIPS 2016.
# * H. Xiao, K. Rasul, R. Vollgraf. [Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms](https://arxiv.org/abs/1708.07747). 2017.
# * L. N. Smith. [A disciplined approach to neural network hyper-parameters](https://arxiv.org/abs/1803.09820). 2018: the one-cycle learning rate we used.
