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
# # Understanding
#
# Below is a cat beside an espresso. The network of lecture 9 calls it a cat, and is nearly sure. **What did it look
# at?** We know where the cat is: in the left half. So for once an explanation can be checked, and several famous ones
# will fail.
#
# **After this lecture you can**
#
# 1. look at first filters, at nearest images, and at what a layer still knows of a picture;
# 2. build five maps that answer *where*: occlusion, gradient, deconvnet, CAM and Grad-CAM;
# 3. test such a map before you believe it;
# 4. gate a feature map with a mask, and learn the mask;
# 5. change a picture by less than the eye can see, so that the cat becomes an espresso.
#
# It builds on back-propagation (lecture 2), filters and receptive fields (3 and 4) and EfficientNet-Lite0 (9).

# %%
import copy
import dataclasses

import matplotlib.pyplot as plt
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torchvision.models import get_model_weights

from course_lib import models, runtime, scale, train, understand, viz
from course_lib.data import datasets
from course_lib.layers import AttentionGate
from course_lib.models.efficientnet_lite import MEAN, STD

torch.set_num_threads(1)  # sharing so small a step costs more than it saves
NAMES = get_model_weights("resnet50").IMAGENET1K_V1.meta["categories"]
CAT, CUP = NAMES.index("Egyptian cat"), NAMES.index("espresso")
CATS = range(281, 286)  # tabby, tiger cat, Persian, Siamese, Egyptian


# %%
class Normalised(nn.Module):
    """Pixels from 0 to 1 go in, so that colours and ε mean what they say."""

    def __init__(self, body: nn.Module, mean: float, std: float):
        super().__init__()
        self.body, self.mean, self.std = body, mean, std

    def forward(self, x):
        return self.body((x - self.mean) / self.std)


def square(name: str, left: int, side: int = 128) -> torch.Tensor:
    photo = datasets.photograph(name)[None]
    photo = photo[..., left : left + photo.shape[2]]
    return F.interpolate(photo, size=(side, side), mode="bilinear",
        antialias=True).clamp(0, 1)


net = Normalised(models.efficientnet_lite0(pretrained=True), MEAN, STD).eval()
cat, cup = square("cat", 75), square("coffee", 120)
both = torch.cat([cat, cup], dim=3)  # [1, 3, 128, 256]
with torch.no_grad():
    answer = net(both).softmax(1)[0]
sure = answer[CATS].sum().item()
for p, k in zip(*answer.topk(4)):
    print(f"{NAMES[k]:<14} {p:.2f}")
assert answer.argmax() == CAT and 0.8 < sure < 0.95

# %% tags=["hide-input"]
def picture(x: torch.Tensor):
    return x.detach().reshape(x.shape[-3:]).permute(1, 2, 0).clamp(0, 1)


def row_of(pictures, titles, height: float) -> plt.Figure:
    fig, axes = plt.subplots(1, len(titles), figsize=(8, height))
    for ax, image, title in zip(axes, pictures, titles):
        ax.imshow(picture(image))
        ax.set_title(title, fontsize=9)
        ax.axis("off")
    return fig


def lit(ax: plt.Axes, x: torch.Tensor, heat: torch.Tensor, title: str = "") -> None:
    """The photograph, dark where a map is low; a white line around what is above half of its maximum."""
    heat = F.interpolate(heat.detach().relu()[None], size=x.shape[2:], mode="bilinear")[0, 0]
    heat = heat / heat.max().clamp_min(1e-12)
    ax.imshow(picture(x) * (0.2 + 0.8 * heat[..., None]))
    ax.contour(heat, levels=[0.5], colors="white", linewidths=1)
    ax.set_title(title, fontsize=9)
    ax.axis("off")


fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.4), width_ratios=[2, 1.2])
left.imshow(picture(both))
left.axis("off")
left.set_title(f"“a cat”: {sure:.2f}")
top = answer.topk(5)
right.barh(range(5), top.values, color=[viz.BLUE if k in CATS else viz.VERMILION for k in top.indices.tolist()])
right.set_yticks(range(5), [NAMES[k] for k in top.indices])
right.invert_yaxis()
right.set(xlabel="probability", xlim=(0, 0.5))
viz.show(
    fig,
    alt="A photograph of a cat's face, and right of it one of a cup of espresso. Bars: the network's five most probable "
    "classes, " + ", ".join(f"{NAMES[k]} {p:.2f}" for p, k in zip(*top)) + f"; all cats together {sure:.2f}.",
)

# %% [markdown]
# ## First filters
#
# The easiest thing to look at is the first layer: its filters have three channels, so they are pictures. Lecture 3 drew
# filters by hand and promised learned ones. *Do they look like the oriented bars of Hubel and Wiesel, which everybody
# shows from AlexNet?*

# %%
stem = net.body._conv_stem.weight.detach()  # 32 filters, 3×3, stride 2
assert stem.shape == (32, 3, 3, 3)
print("numbers in a filter: here", stem[0].numel(), "AlexNet", 3 * 11 * 11)

# %% [markdown]
# Hardly. Nine places are few to draw a bar on. But AlexNet's 11×11 filters with stride 4 exist in this network too,
# only not in one layer: after the stem and two blocks a unit sees 11×11 pixels, and its neighbour sees them 4 pixels
# further. What does such a unit compute, taken as *one* filter? Its gradient, averaged over patches of photographs: the
# linear filter that is nearest to it at those patches. Below, the same for three untrained networks.

# %% tags=["hide-input"]
def sees(blocks: int) -> tuple[int, int]:
    """Pixels that a unit sees after so many blocks; pixels to its neighbour."""
    field, jump = 3, 2  # the stem
    for block in net.body._blocks[:blocks]:
        depthwise = block._depthwise_conv  # the only part that looks around
        field += (depthwise.kernel_size[0] - 1) * jump
        jump *= depthwise.stride[0]
    return field, jump


assert sees(2) == (11, 4)  # the geometry of AlexNet's first layer


# %%
def effective_filters(body: nn.Module, patches: torch.Tensor) -> torch.Tensor:
    x = ((patches - MEAN) / STD).requires_grad_()
    maps = F.relu6(body._bn0(body._conv_stem(x)))
    maps = body._blocks[1](body._blocks[0](maps))  # [B, 24, 8, 8]
    found = [torch.autograd.grad(unit.sum(), x, retain_graph=True)[0].mean(0)
        for unit in maps[:, :, 3, 3].T]
    return torch.stack(found)[..., 10:21, 10:21]  # all else is 0


def likeness(filters: torch.Tensor) -> float:
    """Correlation of each weight with its right neighbour."""
    a, b = filters[..., 1:].flatten(), filters[..., :-1].flatten()
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


# %%
dice = runtime.seed_all(0)
views = [square(*where, 224) for where in (("cat", 75), ("coffee", 120),
    ("astronaut", 0), ("rocket", 100), ("gravel", 0), ("brick", 0))]
views = torch.cat([view.expand(-1, 3, -1, -1) for view in views])
corners = torch.randint(224 - 32, (40, 2), generator=dice).tolist()
patches = torch.stack([views[i % len(views), :, r : r + 32, c : c + 32]
    for i, (r, c) in enumerate(corners)])

learned = effective_filters(net.body, patches)
raw = []
for seed in range(3):
    runtime.seed_all(seed)
    raw.append(effective_filters(models.efficientnet_lite0().eval(), patches))
print(f"neighbouring weights correlate: trained {likeness(learned):.2f}, "
    f"untrained {min(map(likeness, raw)):.2f} to {max(map(likeness, raw)):.2f}")
assert likeness(learned) > 0.5 > 0.2 > max(map(abs, map(likeness, raw)))

# %% tags=["hide-input"]
def sheet(ax: plt.Axes, filters: torch.Tensor, columns: int, title: str) -> None:
    shown = 0.5 + filters / filters.abs().amax((1, 2, 3), keepdim=True) / 2
    shown = F.interpolate(shown, scale_factor=33 // shown.shape[-1], mode="nearest")
    shown = F.pad(shown, (2, 2, 2, 2), value=1.0).unflatten(0, (-1, columns))
    ax.imshow(shown.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1))
    ax.set_title(title, fontsize=10)
    ax.axis("off")


fig, axes = plt.subplots(3, 1, figsize=(7, 4.7), height_ratios=[0.75, 1, 1])
sheet(axes[0], stem, 16, "the first layer: 32 filters of 3×3")
sheet(axes[1], learned, 12, "three layers further: 24 units that see 11×11, each as one filter")
sheet(axes[2], raw[0], 12, "the same units before training")
viz.show(
    fig,
    alt="Three sheets of filters in colour. The 3×3 ones are blobs and coarse edges of nine pixels. The 11×11 ones of the "
    f"trained network are smooth stripes and spots, in opposed colours; neighbouring weights correlate {likeness(learned):.2f}. "
    f"Those of the untrained network are noise ({likeness(raw[0]):.2f}).",
)

# %% [markdown]
# Smooth, oriented, in opposed colours: what AlexNet draws in one layer is here composed of three. Its filters look
# *clearer* because each is drawn with 363 numbers instead of 27, at the full resolution of its field. What we do not
# claim: that the two sets are alike. AlexNet's own weights are not on this page, and an average hides what is not linear.
#
# And it ends here. A filter of the fourth layer has 24 or more channels and no colours; from now on one has to ask
# other questions.

# %% [markdown]
# ## Nearest images
#
# Let the network sort pictures: which are near each other in its last features? We cut 15 photographs into five crops
# each, and ask for every crop whether its nearest neighbour among the other 74 comes from the same photograph. Chance
# is 4 in 74.

# %% tags=["hide-input"]
crops = []
for name in datasets.PHOTOGRAPHS:
    photo = datasets.photograph(name).expand(3, -1, -1)[None]
    rows, columns = photo.shape[2:]
    side = int(0.6 * min(rows, columns))
    for r, c in ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)):
        top, left = int(r * (rows - side)), int(c * (columns - side))
        crops.append(F.interpolate(photo[..., top : top + side,
            left : left + side], size=(80, 80), mode="bilinear",
            antialias=True).clamp(0, 1))
crops = torch.cat(crops)  # [75, 3, 80, 80]

# %%
vectors = {"pixels": crops} | {
    layer: understand.features(net, f"body.{layer}", crops, batch_size=15)
    for layer in ("_blocks.1", "_blocks.5", "_blocks.10", "_dropout")}
hits, nearest = {}, {}
for layer, v in vectors.items():
    v = F.normalize(v.flatten(1))
    alike = (v @ v.T).fill_diagonal_(-1)  # cosine of the angle
    nearest[layer] = alike.argmax(1)
    hits[layer] = (nearest[layer] // 5 == torch.arange(75) // 5).double().mean()
    print(f"{layer:<11} nearest from the same photograph: {hits[layer]:.0%}")
_, found = understand.nearest_neighbours(
    vectors["_dropout"], vectors["_dropout"], k=2)
assert torch.equal(found[:, 1], nearest["_dropout"])
assert hits["_dropout"] > 0.9 and hits["pixels"] < 0.5

# %% tags=["hide-input"]
wrong = [i for i in range(75) if nearest["pixels"][i] // 5 != i // 5 and nearest["_dropout"][i] // 5 == i // 5]
chosen = list({i // 5: i for i in wrong}.values())[:6]
fig, axes = plt.subplots(3, len(chosen), figsize=(7.5, 3.9))
for column, i in enumerate(chosen):
    for row, j in enumerate((i, nearest["pixels"][i], nearest["_dropout"][i])):
        axes[row, column].imshow(picture(crops[j]))
        axes[row, column].set(xticks=[], yticks=[])
for ax, label in zip(axes[:, 0], ("the crop", "nearest\nin pixels", "nearest\nin features")):
    ax.set_ylabel(label, fontsize=9)
viz.show(
    fig,
    alt=f"{len(chosen)} crops of photographs. Nearest in pixels: a crop of another photograph with dark and bright in the "
    "same places. Nearest in the last features: another crop of the same photograph, shifted.",
)

# %% [markdown]
# In pixels, pictures are near if they are dark in the same places. In the last features they are near if they show the
# same kind of thing, wherever it is. Krizhevsky drew this figure in 2012 (with other photographs of the same class,
# which is harder than our crops, that overlap). It says *that* images are alike to the network, and not *what in
# them* is.

# %% [markdown]
# ## Occlusion: hide it, and see
#
# The most honest question of all: cover a part of the picture. If the score falls, the part mattered. Zeiler and Fergus
# slid a grey square (2013):

# %%
@torch.no_grad()
def score(x, target: int = CAT) -> float:
    return net(x)[0, target].item()  # the logit: what the softmax compares


drops = torch.zeros(2, 4)
for row in range(2):
    for column in range(4):
        covered = both.clone()
        covered[..., 64 * row : 64 * row + 64,
            64 * column : 64 * column + 64] = 0.5
        drops[row, column] = score(both) - score(covered)
print(drops.numpy().round(1))

ours = drops.repeat_interleave(64, 0).repeat_interleave(64, 1)
library = understand.occlusion(net, both, CAT, window=64, stride=64,
    grey=0.5, probability=False)
assert torch.allclose(library[0], ours, atol=1e-3)
assert drops[:, :2].amax() > drops[:, 2:].amax()

# %% [markdown]
# Where the number is negative, the score *rises* when the square covers the picture: there stood evidence against. The
# library's version lets squares overlap and averages. The knob is the side of the square:

# %% tags=["hide-input"]
hidden = {
    window: understand.occlusion(
        net, both, CAT, window=window, stride=stride, grey=0.5, probability=False, batch_size=16
    )
    for window, stride in ((16, 16), (32, 16), (64, 32))
}


def on_the_cat(heat: torch.Tensor) -> float:
    """Share of a map's positive part in the left half."""
    heat = heat.relu()
    return (heat[..., : heat.shape[-1] // 2].sum() / heat.sum()).item()


def draw_window(window: int) -> plt.Figure:
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.4))
    covered = both.clone()
    covered[..., 40 : 40 + window, 56 : 56 + window] = 0.5
    axes[0].imshow(picture(covered))
    axes[0].axis("off")
    axes[0].set_title(f"one of the pictures shown: {window}×{window} hidden", fontsize=9)
    lit(axes[1], both, hidden[window], f"drop of “Egyptian cat”: {on_the_cat(hidden[window]):.0%} of it on the left")
    return fig


def say_window(window: int) -> str:
    return (
        f"A grey square of {window}×{window} pixels hides parts of the picture. The score of the cat falls most by "
        f"{hidden[window].max():.1f}; {on_the_cat(hidden[window]):.0%} of all drops lie in the left half, on the cat."
    )


viz.knob(draw_window, say_window, default=1, window=list(hidden))

# %%
for window, heat in hidden.items():
    print(f"{window:>2}: largest drop {heat.max():4.1f}, "
        f"{on_the_cat(heat):.0%} of the drops on the cat")
assert on_the_cat(hidden[32]) > 0.6 and on_the_cat(hidden[64]) > 0.6
assert hidden[16].max() < hidden[64].max()

# %% [markdown]
# Small squares hide little, a large one says where only roughly. And a square is one square. Hide the left eye, the
# right eye, both:

# %% tags=["hide-input"]
def hide(*corners: tuple[int, int]) -> float:
    """Drop of the score, with 32×32 pixels hidden at each corner."""
    covered = both.clone()
    for top, left in corners:
        covered[..., top : top + 32, left : left + 32] = 0.5
    return score(both) - score(covered)


left_eye, right_eye = (26, 24), (38, 84)
one, other, pair = hide(left_eye), hide(right_eye), hide(left_eye, right_eye)
print(f"left eye {one:.2f}, right eye {other:.2f}, both {pair:.2f}")
assert pair > one + other + 0.3 and abs(other) < 0.5

# %% [markdown]
# The right eye alone is not missed; once the left is hidden, it is. **What occlusion does not tell:** which parts stand
# in for each other, and whether the network misses the cat or stumbles over a grey square, which it has never seen.
# And it costs a forward pass for every position.

# %% [markdown]
# ## The way back: gradient, deconvnet, guided
#
# One backward pass gives a number for each pixel: how much would the score change if the pixel did? That is the
# **gradient** (Simonyan, Vedaldi and Zisserman, December 2013). A month earlier Zeiler and Fergus had sent the
# activation of one unit back through the network upside down: filters transposed, pooling undone, and at each ReLU only
# positive signals pass. They called it **deconvnet**. The two differ in a single place:
#
# | a ReLU lets the signal $r$ pass as | method |
# |---|---|
# | $r \cdot [x > 0]$ | gradient, 2013 |
# | $\max(r, 0)$ | deconvnet, 2013 |
# | $\max(r, 0) \cdot [x > 0]$ | guided backpropagation, 2014 |

# %%
x = torch.tensor([1.0, -1.0, 1.0, -1.0])  # what the ReLU saw on the way up
r = torch.tensor([2.0, 3.0, -4.0, -5.0])  # the signal on the way down
is_open = (x > 0).float()
rules = {"gradient": r * is_open, "deconvnet": r.relu(),
    "guided": r.relu() * is_open}
for name, passed in rules.items():
    print(f"{name:<9}", passed.tolist())
assert rules["deconvnet"].tolist() == [2, 3, 0, 0]  # it forgets x

# %% [markdown]
# What does deconvnet keep of the picture, if not the ReLUs? The **switches** of max pooling: which of four pixels had
# been the largest. Lite0 has no max pooling, so we train a network that has; it will be of use three times.

# %% tags=["remove-stderr"]
garments = {split: datasets.load("fashion_mnist", split)
    for split in ("train", "test")}
shown = scale.pick(cpu=2000, gpu=20_000)


def pooled() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


runs = train.over_seeds(pooled, garments["train"][:shown],
    garments["test"][:500], seeds=range(3), epochs=4, batch_size=64, lr=0.01)
small_nets = [small.cpu().eval() for small, _ in runs]
print("test accuracy", runs.range)
assert all(history.test_accuracy[-1] > 0.6 for _, history in runs)

# %%
conv, _, _, conv2 = small_nets[0][:4]
x = garments["test"][:1].inputs()  # [1, 1, 28, 28]
with torch.no_grad():
    maps, switches = F.max_pool2d(conv(x).relu(), 2, return_indices=True)
    maps = conv2(maps).relu()
    place = divmod(maps[0, 5].argmax().item(), 14)

    r = torch.zeros_like(maps)  # one activation, all others zero
    r[0, 5][place] = maps[0, 5][place]
    r = F.conv_transpose2d(r.relu(), conv2.weight, padding=1)
    r = F.max_unpool2d(r, switches, 2)  # each to where it came from
    r = F.conv_transpose2d(r.relu(), conv.weight, padding=1)
library = understand.deconvnet(small_nets[0], "4", x, unit=5, place=place)
assert torch.allclose(library, r, atol=1e-4)

# %% [markdown]
# Zeiler and Fergus' figure, in small: for a unit, the images that excite it most, and below each what the deconvnet
# makes of that one activation.

# %% tags=["hide-input"]
gallery = garments["test"][:300].inputs()
peaks = understand.features(small_nets[0], "7", gallery).amax((2, 3))  # [300, 32]
units = peaks.mean(0).argsort(descending=True)[:3].tolist()
fig, axes = plt.subplots(4, 6, figsize=(7.5, 5.2))
axes = axes.reshape(2, 2, 6).transpose(1, 0, 2)
for k, unit in enumerate(units[:2]):
    best = peaks[:, unit].argsort(descending=True)[:6]
    back = understand.deconvnet(small_nets[0], "7", gallery[best], unit)
    for column in range(6):
        axes[0, k, column].imshow(gallery[best[column], 0])
        axes[1, k, column].imshow(back[column, 0], cmap="PuOr", vmin=-back.abs().max(), vmax=back.abs().max())
    axes[0, k, 0].set_ylabel(f"unit {unit}:\nstrongest", fontsize=9)
    axes[1, k, 0].set_ylabel("sent back", fontsize=9)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
viz.show(
    fig,
    alt="Two units of the third layer, each with the six test garments that excite it most and, below, the deconvnet's "
    "projections: a few edges and patches inside a window of 18×18 pixels, alike from garment to garment.",
)

# %% [markdown]
# Such pictures had consequences. In 2013 they showed AlexNet's first layer full of filters of very high and very low
# frequency with little in between, and its second full of aliasing from the stride of 4. With 7×7 and stride 2
# instead, top-5 error fell from 18.1 to 16.5 %. That a unit *likes* what all its strongest images share is a
# guess that we add; with nine images one sees a pattern easily.

# %% [markdown]
# ## Class activation maps
#
# Lite0 ends, like every network since Inception, in a mean over all places and one linear layer. Both are sums, and
# sums can change places (Zhou, Khosla, Lapedriza, Oliva and Torralba, December 2015):
#
# $$ \text{logit}_c = b_c + \sum_k w_{ck} \Big( \frac{1}{N} \sum_{p} A_{kp} \Big) = b_c + \frac{1}{N} \sum_p \underbrace{\sum_k w_{ck} A_{kp}}_{\text{CAM}_c(p)} $$
#
# The map $\text{CAM}_c$ is an exact account: the logit *is* its mean, plus the bias.

# %%
with torch.no_grad():
    maps = net.body.features((both - MEAN) / STD)  # [1, 1280, 4, 8]
    weight, bias = net.body._fc.weight, net.body._fc.bias
    account = torch.einsum("khw,ck->chw", maps[0], weight[[CAT, CUP]])
    assert torch.allclose(account.mean((1, 2)) + bias[[CAT, CUP]],
        net(both)[0, [CAT, CUP]], atol=1e-3)
assert torch.allclose(account[0],
    understand.cam(maps, net.body._fc, CAT)[0], atol=1e-3)
shares = on_the_cat(account[0]), 1 - on_the_cat(account[1])
print(f"on the cat {shares[0]:.0%}, on the cup {shares[1]:.0%}")
assert min(shares) > 0.75
assert sees(16) == (851, 32) and maps.shape[2:] == (4, 8)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 2.3))
for ax, heat, name, share in zip(axes, account, ("Egyptian cat", "espresso"), shares):
    lit(ax, both, heat[None], f"CAM of “{name}”: {share:.0%} on it")
viz.show(
    fig,
    alt=f"The picture lit by two class activation maps. For the cat {shares[0]:.0%} of the map lie on its face, for "
    f"espresso {shares[1]:.0%} on the cup.",
)

# %% [markdown]
# One picture, two classes, two places: this map knows what it is asked for. The price: it needs a network of just this
# form, and it has 4×8 places, whose theoretical fields (851 pixels) are all larger than the picture. That a place answers
# for what lies below it is a habit of such networks, not a law.

# %% [markdown]
# ## Grad-CAM
#
# *What if the network does not end so?* Selvaraju and colleagues (October 2016) take, in place of the weight $w_{ck}$,
# the mean gradient of the logit with respect to map $k$, and keep what is positive. On a network that CAM fits, that is
# the same up to a factor: the derivative of a mean over $N$ places is $w_{ck}/N$.

# %%
tail = nn.Sequential(
    nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.body._fc)
a = maps.clone().requires_grad_()
(slope,) = torch.autograd.grad(tail(a)[0, CAT], a)
alpha = slope.mean((2, 3))  # [1, 1280]
by_hand = torch.einsum("bkhw,bk->bhw", maps, alpha).relu()
assert torch.allclose(
    by_hand, understand.grad_cam(tail, "0", maps, CAT), atol=1e-5)
assert torch.allclose(by_hand, account[0].relu() / 32, atol=1e-4)

# %% [markdown]
# And it can be asked at any layer. The knob is the layer:

# %% tags=["hide-input"]
LAYERS = {f"block {i}": f"body._blocks.{i}" for i in (1, 4, 7, 10)} | {"head": "body._conv_head"}
depth_maps = {name: [understand.grad_cam(net, layer, both, k) for k in (CAT, CUP)] for name, layer in LAYERS.items()}
right_places = {name: (on_the_cat(a), 1 - on_the_cat(b)) for name, (a, b) in depth_maps.items()}


def draw_layer(layer: str) -> plt.Figure:
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.4))
    size = "×".join(map(str, depth_maps[layer][0].shape[1:]))
    for ax, heat, what, share in zip(axes, depth_maps[layer], ("Egyptian cat", "espresso"), right_places[layer]):
        lit(ax, both, heat, f"{layer} ({size}), “{what}”: {share:.0%} on it")
    return fig


def say_layer(layer: str) -> str:
    a, b = right_places[layer]
    return f"Grad-CAM at {layer}: {a:.0%} of the cat's map lie on the cat, {b:.0%} of the espresso's on the cup."


viz.knob(draw_layer, say_layer, default=4, layer=list(LAYERS))

# %%
for name, (a, b) in right_places.items():
    print(f"{name:<9} {a:.0%} of the cat's map on the cat, "
        f"{b:.0%} of the espresso's on the cup")
assert min(right_places["head"]) > 0.65
assert min(right_places["block 1"]) < min(right_places["head"])

# %% [markdown]
# At the head the maps mean things, and an average slope per map makes sense. Early on a map is an edge detector whose
# slope changes from place to place, and the mean of it says little. **What both do not tell:** which *details* in the
# bright place mattered. And they account for the last layer only, not for how its maps came about.

# %% [markdown]
# ## Which map can you believe?
#
# Edges of a cat look convincing: we see a cat. Adebayo and colleagues (October 2018) asked for more. An explanation of
# *this network's* answer must change if the network changes. So **destroy what it has learned**, layer by layer from
# the top, and see which maps notice. Likewise: ask for another class. We compare by rank correlation on cells of 8×8
# pixels (1: the same order, 0: none).

# %%
def gradient(net, x, target):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[0, target], x)[0]


def size(g):
    return g.abs().sum(1)  # of three colours


METHODS = {
    "occlusion": lambda net, t: understand.occlusion(net, both, t, window=64,
        stride=32, grey=0.5, probability=False, batch_size=7),
    "CAM": lambda net, t: understand.cam(
        net.body.features((both - MEAN) / STD).detach(), net.body._fc, t),
    "Grad-CAM": lambda net, t: understand.grad_cam(
        net, "body._conv_head", both, t),
    "gradient": lambda net, t: size(gradient(net, both, t)),
    "guided": lambda net, t: size(understand.guided_backprop(net, "", both, t)),
    "deconvnet": lambda net, t: size(understand.deconvnet(net, "", both, t)),
}


# %% tags=["hide-input"]
def alike(a, b) -> float:
    a, b = (F.adaptive_avg_pool2d(m[None], (16, 32)).flatten() for m in (a, b))
    if a.min() == a.max() or b.min() == b.max():
        return 0.0  # a map that is the same everywhere has no order
    return float(spearmanr(a, b).statistic)


def destroyed(parts: list[str], seed: int) -> nn.Module:
    """A copy of the network; these parts start anew, untrained."""
    runtime.seed_all(seed)
    other, fresh = copy.deepcopy(net), models.efficientnet_lite0()
    for part in parts:
        new = fresh.get_submodule(part).state_dict()
        other.body.get_submodule(part).load_state_dict(new)
    return other.eval()


# %%
late = ["_fc", "_bn1", "_conv_head", *(f"_blocks.{i}" for i in range(11, 16))]
every = [name for name, _ in net.body.named_children()
    if name != "_blocks"] + [f"_blocks.{i}" for i in range(16)]
STAGES = {"last layer": ["_fc"], "top third": late, "everything": every}
honest = {name: look(net, CAT) for name, look in METHODS.items()}
other_class = {name: look(net, CUP) for name, look in METHODS.items()}
checks = {(name, "other class"): [alike(honest[name], other_class[name])]
    for name in METHODS}
for stage, parts in STAGES.items():
    for seed in range(3):
        ruin = destroyed(parts, seed)
        for name, look in METHODS.items():
            rank = alike(honest[name], look(ruin, CAT))
            checks.setdefault((name, stage), []).append(rank)

# %%
def span(values) -> str:
    low, high = min(values), max(values)
    return f"{low:+.2f}" if low == high else f"{low:+.2f} to {high:+.2f}"


for name in METHODS:
    print(f"{name:<10}", "; ".join(f"{stage} {span(checks[name, stage])}"
        for stage in ("other class", "last layer")))
for name in ("guided", "deconvnet"):  # they do not notice
    assert min(checks[name, "last layer"]) > 0.6
    assert checks[name, "other class"][0] > 0.6
for name in ("occlusion", "CAM", "Grad-CAM"):  # they do
    assert sum(checks[name, "last layer"]) / 3 < 0.6
    assert checks[name, "other class"][0] < 0.2

# %% tags=["hide-input"]
ruin = destroyed(STAGES["last layer"], 0)
fig, axes = plt.subplots(6, 3, figsize=(8, 8.6))
for row, (name, look) in zip(axes, METHODS.items()):
    trio = (honest[name], other_class[name], look(ruin, CAT))
    notes = ("", f"rank {alike(trio[0], trio[1]):+.2f}", f"rank {alike(trio[0], trio[2]):+.2f}")
    for ax, heat, note in zip(row, trio, notes):
        if name in ("occlusion", "CAM", "Grad-CAM"):
            lit(ax, both, heat)
        else:
            cells = F.avg_pool2d(heat[None], 2)[0, 0].detach()
            ax.imshow(1 - (cells / cells.quantile(0.99)).clamp(0, 1), vmin=0, vmax=1)
        ax.axis("on")
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(note, fontsize=9, labelpad=1)
    row[0].set_ylabel(name, fontsize=9)
for ax, title in zip(axes[0], ("“Egyptian cat”", "“espresso”", "cat, last layer random")):
    ax.set_title(title, fontsize=10)
viz.show(
    fig,
    alt="Maps of six methods for the cat, for espresso, and for the cat with a random last layer. Rank correlation with "
    "the first: " + "; ".join(f"{n} {checks[n, 'other class'][0]:+.2f} and {checks[n, 'last layer'][0]:+.2f}" for n in METHODS)
    + ". Guided backpropagation and deconvnet show the same picture three times.",
)

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.5, 3.3))
looks = {"other class": ("D", viz.INK), "last layer": ("o", viz.BLUE), "top third": ("s", viz.ORANGE), "everything": ("^", viz.VERMILION)}
for row, name in enumerate(METHODS):
    for shift, (stage, (mark, colour)) in enumerate(looks.items()):
        at = row + (shift - 1.5) * 0.17
        ax.plot(checks[name, stage], [at] * len(checks[name, stage]), mark + "-", color=colour, ms=5, lw=1.2, label=stage if row == 0 else None)
ax.axvline(0, color=viz.INK, lw=0.8)
ax.set_yticks(range(6), METHODS)
ax.invert_yaxis()
ax.set(xlabel="rank correlation with the map of the trained network for the cat", title="A map that explains must move to the left", xlim=(-1, 1.05))
ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
viz.show(
    fig,
    alt="Rank correlations of six methods, three seeds each. "
    + "; ".join(f"{n}: other class {span(checks[n, 'other class'])}, last layer random {span(checks[n, 'last layer'])}, "
        f"all random {span(checks[n, 'everything'])}" for n in METHODS) + ".",
)

# %% [markdown]
# With a random last layer the network knows nothing any more. Guided backpropagation's picture hardly moves: it shows
# edges of the *input*, which Nie, Zhang and Patel explained in 2018; the rule at the ReLU cuts off the negative signals
# in which the class was. Deconvnet's, without switches, does not even show these, only the grid of the strides. The plain
# gradient sits in between. Occlusion, CAM and Grad-CAM notice.
#
# A check is a check only: a map can pass it and still mislead. What people really want to know, whether the network is
# right *for the right reason*, it does not touch.

# %% [markdown]
# ## Attention is a gate
#
# So far we only watched. A map of where to look can also be put to use: **multiply the feature map by a mask**, 1 where
# it matters and 0 where it does not. That is attention in its oldest form, a gate. Here the mask comes from us, and is
# exact:

# %%
open_left = torch.zeros(1, 1, 4, 8)
open_left[..., :4] = 1
for mask, half in ((open_left, "left"), (1 - open_left, "right")):
    gated = maps * mask  # [1, 1280, 4, 8] · [1, 1, 4, 8]
    said = net.body._fc(gated.mean((2, 3))).softmax(1)[0]
    print(f"{half} half open: cats {said[CATS].sum():.2f}, "
        f"espresso {said[CUP]:.2f}, first {NAMES[said.argmax()]}")
    assert said.argmax() in (CATS if half == "left" else [CUP])

# %% [markdown]
# One product, and the network answers about the half we chose. Now *learn* the mask: a 1×1 convolution scores each
# place, a sigmoid makes it a number from 0 to 1. The task: a garment in one quarter, digits in the other three. The
# network that we trained on garments stays frozen; it never saw a digit. Only the gate learns: 33 numbers.

# %% tags=["hide-input"]
DIGITS = F.interpolate(torch.tensor(load_digits().images)[:, None].float(),
    size=(28, 28), mode="bilinear") / 16 * 255


def cluttered(some: datasets.ImageSet, seed: int):
    dice, n = torch.Generator().manual_seed(seed), len(some)
    cells = DIGITS[torch.randint(len(DIGITS), (4 * n,), generator=dice)]
    cells, at = cells.view(n, 4, 28, 28), torch.randint(4, (n,), generator=dice)
    cells[range(n), at] = some.images[:, 0].float()
    pages = cells.view(n, 2, 2, 28, 28).transpose(2, 3).reshape(n, 1, 56, 56)
    return dataclasses.replace(some, images=pages.round().byte()), at


busy, _ = cluttered(garments["train"][shown : shown + 1000], seed=0)
busy_test, at = cluttered(garments["test"][:400], seed=1)
truth = F.one_hot(at, 4).view(-1, 1, 2, 2).float()  # where the garment is
truth = F.interpolate(truth, size=(14, 14))  # [400, 1, 14, 14]


# %%
def learn_gate(small, maps, y, seed: int, steps: int = 80) -> AttentionGate:
    runtime.seed_all(seed)
    gate = AttentionGate(32)
    assert models.count_parameters(gate) == 33
    optimizer = torch.optim.Adam(gate.parameters(), lr=0.05)
    for _ in range(steps):
        some = torch.randint(len(maps), (100,))
        said = small[8:](gate(maps[some]))  # the mean and the linear layer
        loss = F.cross_entropy(said, y[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return gate


# %% tags=["hide-input"]
right = {"no mask": [], "learned mask": [], "true mask": []}
opened, gates = [], []
for seed, small in enumerate(small_nets):
    with torch.no_grad():
        maps_a, maps_b = (torch.cat([small[:8](part) for part in
            some.inputs().split(100)]) for some in (busy, busy_test))
    gate = learn_gate(small, maps_a, busy.labels, seed)
    gates.append(gate)
    with torch.no_grad():
        mask = gate.mask(maps_b)
        assert torch.allclose(gate(maps_b), maps_b * mask)  # the whole of it
        for name, m in (("no mask", 1), ("learned mask", mask),
                ("true mask", truth)):
            hit = small[8:](maps_b * m).argmax(1) == busy_test.labels
            right[name].append(hit.double().mean().item())
    inside = (mask * truth).sum() / truth.sum()
    outside = (mask * (1 - truth)).sum() / (1 - truth).sum()
    opened.append((inside.item(), outside.item()))

# %%
for name, some in right.items():
    print(f"{name:<13} {min(some):.0%} to {max(some):.0%} of 400 right")
print("open on garment, on digits:",
    [f"{a:.2f}, {b:.2f}" for a, b in opened])
assert max(right["no mask"]) < min(right["learned mask"])
assert max(right["learned mask"]) < min(right["true mask"])
assert all(a > b for a, b in opened)
way = [sum(some) for some in right.values()]
assert 0.25 < (way[1] - way[0]) / (way[2] - way[0]) < 0.8

# %% tags=["hide-input"]
with torch.no_grad():
    masks = gates[0].mask(small_nets[0][:8](busy_test[:5].inputs()))
fig, axes = plt.subplots(2, 5, figsize=(7.5, 3.3))
for i in range(5):
    axes[0, i].imshow(busy_test.images[i, 0])
    axes[0, i].set_title(busy_test.classes[busy_test.labels[i]], fontsize=9)
    axes[1, i].imshow(masks[i, 0], vmin=0, vmax=1)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("page", fontsize=9)
axes[1, 0].set_ylabel("learned mask", fontsize=9)
viz.show(
    fig,
    alt="Five pages, each with a garment in one quarter and digits in the others, and the mask that the gate computes: "
    f"white where open. On average it is open to {opened[0][0]:.2f} on the garment and to {opened[0][1]:.2f} on digits.",
)

# %% [markdown]
# Nobody told the gate where the garment is; it was told the class. That takes it about half of the way to the true
# mask. Squeeze-and-excitation (Hu, Shen and Sun, 2017) turns the
# same product round: a number for each *map*, the same for all places. *Is a mask an explanation?* It is where
# features passed; what is made of them is another matter.

# %% [markdown]
# ## Pictures made by gradient
#
# Turn it round: keep the network, change the picture. **Activation maximisation** (Erhan and colleagues, 2009) climbs to
# the picture that excites a unit most. The whole idea in four lines, and a lesson:

# %%
monarch = NAMES.index("monarch")
x = torch.full((1, 3, 96, 96), 0.5, requires_grad=True)
for _ in range(20):
    (slope,) = torch.autograd.grad(net(x)[0, monarch], x)
    x = (x + 0.02 * slope.sign()).clamp(0, 1).detach().requires_grad_()
with torch.no_grad():
    believed = net(x).softmax(1)[0, monarch].item()
print(f"after 20 steps: “monarch butterfly”, {believed:.3f}")
assert believed > 0.9

# %% tags=["hide-input"]
steps = scale.pick(cpu=36, gpu=200)
options = dict(size=(3, 96, 96), steps=steps, lr=0.05)
free = understand.activation_maximisation(
    net, "", monarch, smooth=0, decay=0, jitter=0, **options)
tame = understand.activation_maximisation(
    net, "", monarch, smooth=1000, decay=1, jitter=8, **options)
unit = understand.activation_maximisation(
    net, "body._blocks.8", 3, smooth=100, jitter=4, **options)
with torch.no_grad():
    for name, image in (("free", free), ("tame", tame)):
        p = net(image[None]).softmax(1)[0, monarch]
        rough = understand.total_variation(image)
        print(f"{name}: monarch {p:.3f}, roughness {rough:.3f}")
        assert p > 0.9
assert understand.total_variation(free) > 2 * understand.total_variation(tame)

# %% tags=["hide-input"]
viz.show(
    row_of((x, free, tame, unit), ("20 steps", "without penalty", "smooth, jittered", "a unit of block 8"), 2.4),
    alt="Four pictures made by gradient ascent. Two for the class monarch without penalties are coloured noise; with "
    "smoothness and jitter there are patches like wings, with dark rims and white dots; a unit of block 8 repeats one curved texture.",
)

# %% [markdown]
# To the network the first three are monarchs, beyond doubt. Only with a penalty on roughness, and with
# the picture moved a little at each step, does it begin to look like anything. So what such a picture shows is half the
# network's and half the penalty's. There is a pattern that excites the unit; whether the unit *means* it, nobody has
# asked.
#
# **Inversion** (Mahendran and Vedaldi, December 2014) asks what a layer still knows: find a picture with the same
# activations as the cat.

# %%
small_cat = square("cat", 75, 96)
inverted, kept = {}, {}
for layer in ("_blocks.0", "_blocks.4", "_blocks.10", "_conv_head"):
    image = understand.feature_inversion(net, f"body.{layer}", small_cat[0],
        steps=steps, lr=0.05, smooth=10)
    both_ways = torch.stack([image.flatten(), small_cat.flatten()])
    with torch.no_grad():
        p = net(image[None]).softmax(1)[0, CATS].sum().item()
    inverted[layer] = image
    kept[layer] = torch.corrcoef(both_ways)[0, 1].item(), p
    print(f"{layer:<10} pixels correlate {kept[layer][0]:.2f}, cats {p:.2f}")
assert kept["_blocks.0"][0] > 0.8 > kept["_blocks.4"][0] + 0.2
assert kept["_conv_head"][0] < kept["_blocks.4"][0]
assert min(p for _, p in kept.values()) > 0.9

# %% tags=["hide-input"]
viz.show(
    row_of((small_cat, *inverted.values()), ("the cat", "block 0", "block 4", "block 10", "head"), 2.2),
    alt="The cat, and pictures that four layers cannot tell from it. From block 0 it comes back nearly as it was (correlation "
    f"{kept['_blocks.0'][0]:.2f}), from block 4 with its outlines but false colours ({kept['_blocks.4'][0]:.2f}), from the head as loose textures "
    f"({kept['_conv_head'][0]:.2f}); the network calls them all a cat.",
)

# %% [markdown]
# The first block keeps nearly all. The head has dropped place and colour and kept what makes a cat a cat *to the
# network*: it is as sure of the last picture as of the photograph, and we see no cat. This gap has a price.

# %% [markdown]
# ## An adversarial cat
#
# Christian Szegedy and colleagues (December 2013) found pictures with another answer right next to every picture. Ian
# Goodfellow, Jonathon Shlens and Szegedy (December 2014) gave the recipe of one line, the **fast gradient sign
# method**: $x' = x + \varepsilon \, \mathrm{sign}(\partial \text{loss} / \partial x)$, clipped to valid pixels. No pixel changes
# by more than $\varepsilon$.

# %%
epsilon = 4 / 255
x = cat.clone().requires_grad_()
loss = F.cross_entropy(net(x), torch.tensor([CAT]))
(slope,) = torch.autograd.grad(loss, x)
ours = (cat + epsilon * slope.sign()).clamp(0, 1)
assert torch.equal(ours, understand.adversarial_step(net, cat, CAT, epsilon))
noise = (cat + epsilon * torch.randn_like(cat).sign()).clamp(0, 1)


@torch.no_grad()
def says(x) -> tuple[float, float, str]:
    p = net(x).softmax(1)[0]
    return p[CATS].sum().item(), p[CUP].item(), NAMES[p.argmax()]


loss_of = {name: -F.log_softmax(net(image), 1)[0, CAT].item()
    for name, image in (("cat", cat), ("one step", ours), ("noise", noise))}
for name, image in (("cat", cat), ("one step", ours), ("noise", noise)):
    a, b, first = says(image)
    print(f"{name:<9} all cats {a:.2f}, espresso {b:.3f}, first {first}, "
        f"loss {loss_of[name]:.2f}")
assert loss_of["one step"] > loss_of["noise"] + 0.3
assert (ours - cat).abs().max() <= epsilon + 1e-6

# %% [markdown]
# *Why does noise of the same size do next to nothing?* To first order the loss changes by the sum of all pixel changes
# times their slopes $g$. Signs that agree with $g$ add up to $\varepsilon \sum |g|$; random signs cancel, to about
# $\varepsilon \sqrt{\sum g^2}$. With 49,152 numbers the first is far larger. Not one pixel matters; all of them
# conspire.

# %%
aimed, chance = slope.abs().sum(), slope.square().sum().sqrt()
print(f"{slope.numel():,} numbers: aimed signs do {aimed / chance:.0f} times "
    "what random ones do")
assert aimed / chance > 80 and slope.numel() == 49_152

rises = {}
for grey in (0.25, 1, 4):
    stepped = understand.adversarial_step(net, cat, CAT, grey / 255)
    with torch.no_grad():
        found = F.cross_entropy(net(stepped), torch.tensor([CAT])) - loss
    rises[grey] = (grey / 255 * aimed).item(), found.item()
    print(f"ε = {grey}/255: the slope promises {rises[grey][0]:.1f} nats, "
        f"found {rises[grey][1]:.1f}")
assert rises[0.25][1] > rises[0.25][0] / 2 and rises[4][1] < rises[4][0] / 2

# %% [markdown]
# The slope is right about small steps only. At 4/255 it promises four times what comes, and the answer has merely gone
# from one cat to another. So take **ten small steps**, after each go back to within $\varepsilon$, and aim at something: *espresso*
# (Kurakin, Goodfellow and Bengio 2016; Madry and colleagues 2017). The knob is $\varepsilon$.

# %%
def aim(model, epsilon: float) -> torch.Tensor:
    return understand.adversarial_attack(
        model, cat, CUP, epsilon, steps=10, targeted=True)


EPSILONS = [0, 1, 2, 4, 8]  # in grey levels of 255
attacks = {e: aim(net, e / 255) for e in EPSILONS}
runtime.seed_all(0)
noises = {e: (cat + e / 255 * torch.randn_like(cat).sign()).clamp(0, 1)
    for e in EPSILONS}
for e in EPSILONS:
    a, b, _ = says(attacks[e])
    c, d, _ = says(noises[e])
    print(f"ε = {e}/255: attacked: cats {a:.2f}, espresso {b:.2f}; "
        f"noise: cats {c:.2f}, espresso {d:.2f}")
    assert (attacks[e] - cat).abs().max() <= e / 255 + 1e-6
    assert c > 0.8 and d < 0.05
assert says(attacks[4])[1] > 0.8 and says(attacks[8])[1] > 0.95

# %% tags=["hide-input"]
def draw_epsilon(epsilon: int) -> plt.Figure:
    fig, axes = plt.subplots(1, 4, figsize=(8.5, 2.7), width_ratios=[1, 1, 1, 1.1])
    added = attacks[epsilon] - cat
    for ax, image, title in (
        (axes[0], cat, "the cat"),
        (axes[1], 0.5 + added * 255 / 2 / max(epsilon, 1), f"added, ×{127 / max(epsilon, 1):.0f}"),
        (axes[2], attacks[epsilon], f"the sum, ε = {epsilon}/255"),
    ):
        ax.imshow(picture(image))
        ax.set_title(title, fontsize=9)
        ax.axis("off")
    (a, b, _), (c, d, _) = says(attacks[epsilon]), says(noises[epsilon])
    axes[3].bar([0, 1], [a, c], 0.36, color=viz.BLUE, label="cats")
    axes[3].bar([0.4, 1.4], [b, d], 0.36, color=viz.VERMILION, hatch="//", label="espresso")
    axes[3].set_xticks([0.2, 1.2], ["aimed", "noise"])
    axes[3].set(ylim=(0, 1.45), yticks=[0, 0.5, 1], ylabel="probability")
    axes[3].legend(fontsize=8, ncols=2, loc="upper center")
    return fig


def say_epsilon(epsilon: int) -> str:
    (a, b, _), (c, d, _) = says(attacks[epsilon]), says(noises[epsilon])
    return (
        f"The cat, what is added (enlarged), and their sum, which looks like the cat. With ε = {epsilon}/255 the aimed change "
        f"makes cats {a:.2f} and espresso {b:.2f}; noise of the same size makes cats {c:.2f} and espresso {d:.2f}."
    )


viz.knob(draw_epsilon, say_epsilon, default=3, epsilon=EPSILONS)

# %% [markdown]
# Four grey levels of 255, and the cat is an espresso. What is added has no cup in it. *Is it robust, this espresso?*
# Move the picture by a pixel, or resize it. And then let the attacker know that you will:

# %%
class Shifted(nn.Module):
    """The mean of the logits over five shifts: what the attacker climbs."""

    def forward(self, x):
        return torch.stack([net(x.roll(s, dims=3))
            for s in (-2, -1, 0, 1, 2)]).mean(0)


fragile, robust = attacks[4], aim(Shifted(), 4 / 255)
outcome = {}
for name, image in (("aimed at one place", fragile),
        ("aimed at five shifts", robust)):
    seen = {"as it is": image, "moved by 1": image.roll(1, 3),
        "moved by 2": image.roll(2, 3),
        "resized": F.interpolate(image, size=(112, 112), mode="bilinear",
            antialias=True)}
    outcome[name] = {how: says(x)[1] for how, x in seen.items()}
    print(name + ":", ", ".join(
        f"{how} {p:.2f}" for how, p in outcome[name].items()))
one, five = outcome.values()
assert one["as it is"] > 0.8
assert max(one["moved by 1"], one["moved by 2"], one["resized"]) < 0.5
assert five["moved by 1"] > 0.7 and five["moved by 2"] > 0.7

# %% [markdown]
# The printed number is the probability of espresso. The first attack dies of a step to the side; the second, at the same
# $\varepsilon$, survives the shifts it was made for (and not the resizing; Athalye and colleagues showed in 2017 how to
# include all of it). A defence that an attacker who knows it walks around is none. *And another network?* Three small networks, same garments, different seeds. Attack
# one, show the result to the others:

# %% tags=["hide-input"]
x = garments["test"].images[:200].float() / 255
y = garments["test"].labels[:200]
mean, std = garments["test"].mean[0], garments["test"].std[0]
eyes = [Normalised(small, mean, std) for small in small_nets]


def hit(eye: nn.Module, images) -> float:
    return (eye(images).argmax(1) == y).double().mean().item()


# %% tags=["hide-input"]
table = {"clean": [], "noise": [], "itself": [], "another": []}
for i, eye in enumerate(eyes):
    runtime.seed_all(i)
    evil = understand.adversarial_attack(eye, x, y, 16 / 255, steps=6)
    dull = (x + 16 / 255 * torch.randn_like(x).sign()).clamp(0, 1)
    with torch.no_grad():
        table["clean"].append(hit(eye, x))
        table["noise"].append(hit(eye, dull))
        table["itself"].append(hit(eye, evil))
        table["another"] += [hit(e, evil) for e in eyes if e is not eye]
for name, some in table.items():
    print(f"{name:<8} {min(some):.0%} to {max(some):.0%} right")
average = {name: sum(some) / len(some) for name, some in table.items()}
assert average["itself"] < average["another"] - 0.1
assert average["another"] < average["noise"] - 0.05

# %% [markdown]
# Part of it transfers: the three networks, which share no weight, err in partly the same directions. So an attacker need
# not have your network. What does it teach? That high probability is no sign of safety; that the network uses much which
# we do not see (Ilyas and colleagues, 2019, call it *features, not bugs*); and that accuracy on photographs says
# nothing about photographs chosen by an opponent. Training on attacked images helps, at a price in accuracy.

# %% [markdown]
# ## What each method does not tell
#
# * **First filters, units' favourite images:** one layer, one unit; what the network makes of it stays open.
# * **Occlusion:** parts that act together; what a grey square itself does.
# * **Gradient:** the slope *here*; not what happens when a part is gone.
# * **Deconvnet, guided:** hardly anything about the class. They failed our check.
# * **CAM, Grad-CAM:** details; how the last maps came about.
# * **Attention:** what is made of what passes.
# * **Made pictures:** whether photographs ever excite the unit that way.

# %% [markdown]
# ## What breaks next
#
# A class activation map knows roughly where, and nobody taught it. So, cut it at some share of its maximum and draw a box?
# Two cats in one picture, and three shares:

# %%
twins = torch.cat([cat, cat.flip(3)], dim=3)
with torch.no_grad():
    maps = net.body.features((twins - MEAN) / STD)
two_cats = understand.cam(maps, net.body._fc, CAT)  # [1, 4, 8]
large = F.interpolate(two_cats[None], size=(128, 256), mode="bilinear")[0, 0]
boxes = {}
for share in (0.5, 0.7, 0.8):
    rows, columns = (large > share * large.max()).nonzero(as_tuple=True)
    boxes[share] = (columns.min().item(), rows.min().item(),
        columns.max().item() + 1, rows.max().item() + 1)
    print(f"above {share:.0%} of the maximum: one box from {boxes[share][:2]} "
        f"to {boxes[share][2:]}")
    assert boxes[share][0] < 110 and boxes[share][2] > 146  # over both cats
assert says(twins)[0] > 0.8

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5, 2.6))
lit(ax, twins, two_cats, "two cats, one map, one box")
for share, (x0, y0, x1, y1) in boxes.items():
    ax.add_patch(plt.Rectangle((x0, y0), x1 - x0 - 1, y1 - y0 - 1, fill=False, ec=viz.YELLOW, lw=1.5))
    ax.text(x0 + 3, y0 + 10, f"{share:.0%}", color=viz.YELLOW, fontsize=9)
viz.show(
    fig,
    alt="A cat and its mirror image side by side, lit by the class activation map of the cat. Boxes at three thresholds; each "
    "lies across both cats, and their sizes differ.",
)

# %% [markdown]
# One box across both, and its size is whatever we choose to cut at. The map says *cat here*; it does not say how many, nor
# where one ends, and 4×8 places cannot draw an edge. If we want *where*, we should ask for it: four numbers, trained for.
# That is regression, and it opens Part III.
#
# ## Summary
#
# * First filters are pictures; with 3×3 they say little. Composed over three layers they are smooth, oriented and coloured.
# * **Occlusion** hides and measures. **CAM** is an exact account of the logit where the network ends in a mean and a
#   linear layer; **Grad-CAM** puts mean gradients in place of the weights, and on such a network is ReLU(CAM)/N.
# * **Gradient, deconvnet, guided backpropagation** differ only in how a ReLU passes the signal back.
# * **Sanity check:** destroy the last layer, ask for another class. Guided backpropagation and deconvnet hardly change;
#   occlusion, CAM and Grad-CAM do.
# * **Attention** is mask times feature map; the mask can be learned from the class alone.
# * Pictures made by gradient satisfy the network long before they satisfy us.
# * **Adversarial:** $\varepsilon$ times the sign of the gradient; a few grey levels suffice, noise of the same size does nothing,
#   part of it transfers.
#
# ## Five-minute quiz
#
# **1. A colleague shows guided backpropagation: a crisp cat. With a random last layer it shows the same cat. What follows?**
#
# (a) the network sees cats very reliably  (b) the picture does not explain the answer  (c) the last layer is not needed
# (d) the method should be run at a higher resolution
#
# <details><summary>Answer</summary>
#
# **(b)**: what does not depend on the answer cannot explain it. (a) the ruined network sees none; (c) without it there is no
# answer at all; (d) more pixels of the same.
#
# </details>
#
# **2. In a network that ends in a mean over 7×7 places and one linear layer, Grad-CAM at the last maps is**
#
# (a) CAM  (b) ReLU(CAM) times 49  (c) ReLU(CAM) divided by 49  (d) unrelated to CAM
#
# <details><summary>Answer</summary>
#
# **(c)**: the slope of a mean over 49 places is $w/49$ at each, and Grad-CAM keeps the positive part. (a) forgets both; (b)
# has the factor upside down; (d) would make it useless as a generalisation.
#
# </details>
#
# **3. A ReLU saw $-2$ on the way up; on the way down the signal is $+3$. What do gradient, deconvnet and guided let pass?**
#
# (a) 0, 3, 0  (b) 3, 0, 0  (c) 0, 0, 3  (d) $-2$, 3, 0
#
# <details><summary>Answer</summary>
#
# **(a)**: closed on the way up, so gradient and guided give 0; deconvnet looks at the signal only. (b) and (c) mix up the
# rules; (d) takes the value for the derivative.
#
# </details>
#
# **4. A small grey square anywhere lowers the score of the cat by next to nothing. What follows?**
#
# (a) no part of the picture matters  (b) the network ignores the cat  (c) no *single* part of that size is needed  (d) the
# network is robust to attacks
#
# <details><summary>Answer</summary>
#
# **(c)**: with one eye hidden there is the other. (a) and (b) do not follow, as a larger square shows; (d) attacks change all
# pixels a little, not a few much.
#
# </details>
#
# **5. Random $\pm\varepsilon$ leaves the answer, $\varepsilon \cdot \mathrm{sign}(g)$ changes it. Why?**
#
# (a) it is larger in every pixel  (b) it contains the shape of the other class  (c) its small effects all point one way and add up
# (d) the network has memorised that pattern
#
# <details><summary>Answer</summary>
#
# **(c)**: $\sum |g|$ against about $\sqrt{\sum g^2}$. (a) both change every pixel by $\varepsilon$; (b) one sees none; (d) it has
# never met it.
#
# </details>
#
# ## Papers
#
# * D. Erhan, Y. Bengio, A. Courville, P. Vincent. [Visualizing higher-layer features of a deep network](https://www.researchgate.net/publication/265022827_Visualizing_Higher-Layer_Features_of_a_Deep_Network). Technical report 1341, Université de Montréal, 2009.
# * A. Krizhevsky, I. Sutskever, G. E. Hinton. [ImageNet classification with deep convolutional neural networks](https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks). NIPS 2012: first filters, nearest images.
# * M. D. Zeiler, R. Fergus. [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901). ECCV 2014.
# * K. Simonyan, A. Vedaldi, A. Zisserman. [Deep inside convolutional networks](https://arxiv.org/abs/1312.6034). ICLR workshop 2014.
# * C. Szegedy, W. Zaremba, I. Sutskever, J. Bruna, D. Erhan, I. Goodfellow, R. Fergus. [Intriguing properties of neural networks](https://arxiv.org/abs/1312.6199). ICLR 2014.
# * J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller. [Striving for simplicity: the all convolutional net](https://arxiv.org/abs/1412.6806). ICLR workshop 2015: guided backpropagation.
# * A. Mahendran, A. Vedaldi. [Understanding deep image representations by inverting them](https://arxiv.org/abs/1412.0035). CVPR 2015.
# * I. J. Goodfellow, J. Shlens, C. Szegedy. [Explaining and harnessing adversarial examples](https://arxiv.org/abs/1412.6572). ICLR 2015.
# * B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba. [Learning deep features for discriminative localization](https://arxiv.org/abs/1512.04150). CVPR 2016: CAM.
# * R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra. [Grad-CAM: visual explanations from deep networks via gradient-based localization](https://arxiv.org/abs/1610.02391). ICCV 2017.
# * A. Kurakin, I. Goodfellow, S. Bengio. [Adversarial examples in the physical world](https://arxiv.org/abs/1607.02533). ICLR workshop 2017.
# * A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu. [Towards deep learning models resistant to adversarial attacks](https://arxiv.org/abs/1706.06083). ICLR 2018.
# * A. Athalye, L. Engstrom, A. Ilyas, K. Kwok. [Synthesizing robust adversarial examples](https://arxiv.org/abs/1707.07397). ICML 2018.
# * J. Hu, L. Shen, G. Sun. [Squeeze-and-excitation networks](https://arxiv.org/abs/1709.01507). CVPR 2018.
# * W. Nie, Y. Zhang, A. Patel. [A theoretical explanation for perplexing behaviors of backpropagation-based visualizations](https://arxiv.org/abs/1805.07039). ICML 2018.
# * J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim. [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292). NeurIPS 2018.
# * A. Ilyas, S. Santurkar, D. Tsipras, L. Engstrom, B. Tran, A. Madry. [Adversarial examples are not bugs, they are features](https://arxiv.org/abs/1905.02175). NeurIPS 2019.
