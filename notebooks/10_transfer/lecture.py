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
# # Transfer
#
# Somebody has shown a network 1.28 million photographs of dogs, cups and cars, for days. You have a few hundred pictures
# of something else: stars, rings and hexagons that float over lava. **What is their network worth to you?** And which of
# its layers should you leave alone?
#
# **After this lecture you can**
#
# 1. read the activations of any layer as features, and search and classify with them;
# 2. judge features with a linear probe, on pictures that neither has seen;
# 3. freeze, and fine-tune with a rate for each depth, by the size of your data and its distance from the source;
# 4. measure how transferable a layer is: split the classes, cut, and compare transfer with its control, the selffer;
# 5. say when transfer does not pay.
#
# It builds on learning rates and batch normalisation (lecture 5) and on EfficientNet-Lite0 (lecture 9).

# %%
import copy
from collections import OrderedDict

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import models, runtime, scale, understand, viz
from course_lib.data import scenes
from course_lib.models.efficientnet_lite import MEAN, STD

torch.set_num_threads(1)  # sharing so small a step costs more than it saves

LEARN, TEST = 640, 300  # pictures to learn from, and to be judged by
side = scale.pick(cpu=64, gpu=128)
world = scenes.sample(LEARN + TEST, seed=0, size=side, difficulty=0.4,
    objects=(1, 1), truths=("boxes",))
pictures = world.images[:, 0]  # [N, 3, side, side], values 0..1
lite = models.efficientnet_lite0(pretrained=True).eval()
x = (pictures - MEAN) / STD
print(f"{len(x)} pictures of {side}×{side}; {scenes.CLASSES}")

# %% [markdown]
# The network is EfficientNet-Lite0 with its real ImageNet weights. The pictures are computer graphics: one of eight
# shapes, in one of eight colours, on one of eight grounds, turned and partly striped or dotted. ImageNet has no class
# for any of it. The first 640 are yours to learn from; the last 300 are there to judge.

# %% [markdown]
# ## Read a layer
#
# A hook is a function that torch calls whenever a layer has run, with what came out. So the activations of any layer
# can be kept on their way through. Take block 10 of 16, and average each of its maps over all places:

# %%
kept = {}
layer = lite.get_submodule("_blocks.10")
hook = layer.register_forward_hook(
    lambda module, inputs, output: kept.update(maps=output))
with torch.inference_mode():
    lite(x[:2])
hook.remove()  # or it is called for ever
maps = kept["maps"]
print("maps", tuple(maps.shape), "→ features", tuple(maps.mean((2, 3)).shape))
again = understand.features(lite, "_blocks.10", x[:2])  # the same, tidied up
assert torch.allclose(maps, again, atol=1e-5)

# %% [markdown]
# 112 numbers now stand for a picture of 12,288. These are **deep features**. One pass over all pictures keeps eight
# layers, and we never need to run the lower ones again. (`_dropout` names the last one: the 1,280 numbers that ImageNet's
# own classifier reads.)

# %%
LAYERS = [f"_blocks.{i}" for i in (0, 2, 4, 8, 10, 14)] + ["_dropout"]


@torch.inference_mode()
def read(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What each layer puts out: name → [N, C, h, w], the last [N, C]."""
    found = {name: [] for name in LAYERS}
    with understand.recording(net, *LAYERS) as now:
        for batch in images.split(64):
            net(batch.contiguous(memory_format=torch.channels_last))
            for name, parts in found.items():
                parts.append(now[name])
    return {name: torch.cat(parts) for name, parts in found.items()}


def pooled(maps: Tensor) -> Tensor:
    return maps.mean((2, 3)) if maps.ndim == 4 else maps  # [N, C]


def told(values: dict) -> str:
    return "; ".join(f"{name}: {value}".replace("_blocks.", "block ")
        for name, value in values.items())


maps = read(lite.to(memory_format=torch.channels_last), x)
features = {"pixels": F.adaptive_avg_pool2d(pictures, 16).flatten(1)}
features |= {name: pooled(values) for name, values in maps.items()}
print(told({name: f.shape[1] for name, f in features.items()}))

# %% [markdown]
# ## Nearest neighbours
#
# The cheapest use of features needs no training: look for the picture that is nearest. Near in pixels, or near to block
# 10?

# %%
shape = world.labels[:, 0]


def nearest(name: str, k: int = 5) -> Tensor:
    """Each test picture's neighbours among those to learn from: [300, k]."""
    known, asked = features[name][:LEARN], features[name][LEARN:]
    centre = known.mean(0)
    return understand.nearest_neighbours(asked - centre, known - centre, k)[1]


def same_shape(name: str) -> float:
    first = nearest(name, 1)[:, 0]
    return (shape[first] == shape[LEARN:]).double().mean().item()


hits = {name: same_shape(name) for name in ("pixels", "_blocks.10")}
print(told({name: f"{share:.0%}" for name, share in hits.items()}),
    "of the first neighbours have the same shape; by chance 12 %")
assert hits["_blocks.10"] > 2 * hits["pixels"]

# %% tags=["hide-input"]
QUERIES = [17, 13, 15]


def strip(name: str) -> Tensor:
    """Three queries and their neighbours as one picture, white gaps between."""
    rows = []
    for query, found in zip(QUERIES, nearest(name)[QUERIES]):
        row = torch.cat([pictures[LEARN + query][None], pictures[found]])
        row = F.pad(row, (1, 1, 1, 1), value=1.0)
        row = torch.cat([F.pad(row[:1], (0, 8), value=1.0).squeeze(0), torch.cat(list(row[1:]), -1)], -1)
        rows.append(row)
    return torch.cat(rows, 1).movedim(0, -1)


def right(name: str) -> int:
    found = nearest(name)[QUERIES]
    return int((shape[found] == shape[LEARN:][QUERIES][:, None]).sum())


fig, axes = plt.subplots(1, 2, figsize=(9, 2.5))
for ax, name, title in zip(axes, ("pixels", "_blocks.10"), ("in pixels", "in block 10")):
    ax.imshow(strip(name))
    ax.set_axis_off()
    ax.set_title(f"Asked, and the five nearest {title}", fontsize=10)
viz.show(
    fig,
    alt="Three scenes and the five nearest to each. In pixels the neighbours share the ground, and "
    f"{right('pixels')} of 15 the shape; in block 10 of the ImageNet network {right('_blocks.10')} of 15 share the shape.",
)

# %% [markdown]
# (The three are picked to show the rule; the share above is over all 300.) Pixels find the same *ground*, with anything on
# it. Block 10 keeps the ground and finds the *shape*, at other places and in other colours. Nobody told it what we mean
# by alike.
#
# People were surprised, too. In October 2013 Jeff Donahue and colleagues put the activations of AlexNet on the web as a
# ready-made feature, DeCAF; in November Matthew Zeiler and Rob Fergus reported 86.5 % on Caltech-101 (30 pictures a
# class) with a network trained on ImageNet, and 46.5 % with the same network trained on Caltech-101 alone. In March 2014
# Ali Razavian and colleagues beat a dozen tuned systems with such features and a linear classifier: "an astounding
# baseline".

# %% [markdown]
# ## A linear probe
#
# How good are features? Put the weakest learner on top: **a linear probe**. What it can do must already be in the
# features. Ours is ridge regression onto one-hot labels: with features $Z$ (standardised, one row a picture), targets $Y$
#
# $$ W = (Z^\top Z + \lambda I)^{-1} Z^\top Y = Z^\top (Z Z^\top + \lambda I)^{-1} Y $$
#
# The right-hand form solves for as many unknowns as there are pictures, not features.

# %%
def probe(known: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """Ridge regression; the class with the largest answer: [M]."""
    mean, spread = known.mean(0), known.std(0) + 1e-3  # of the known only
    scaling = spread * known.shape[1] ** 0.5  # rows of length about 1
    z, z_asked = (known - mean) / scaling, (asked - mean) / scaling
    y = F.one_hot(labels).float()
    w = z.T @ torch.linalg.solve(
        z @ z.T + torch.eye(len(z)), y - y.mean(0))  # λ = 1
    return (z_asked @ w + y.mean(0)).argmax(1)


def draw(n: int, seed: int) -> Tensor:
    """n of the pictures to learn from, other ones for every seed."""
    order = torch.randperm(
        LEARN, generator=torch.Generator().manual_seed(seed))
    return order[:n]


def probed(f: Tensor, labels: Tensor, n: int) -> list[float]:
    """Share of unseen pictures that a probe gets right, for three draws."""
    guesses = [probe(f[some], labels[some], f[LEARN:])
        for some in (draw(n, seed) for seed in range(3))]
    return [(g == labels[LEARN:]).double().mean().item() for g in guesses]


def said(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


# %%
runtime.seed_all(0)
blank = models.efficientnet_lite0().eval()  # the same network, untrained
some = torch.cat([torch.arange(160), torch.arange(LEARN, LEARN + 150)])
raw = read(blank.to(memory_format=torch.channels_last), x[some])
guess = {"pixels": features["pixels"][some],
    "untrained, block 10": pooled(raw["_blocks.10"]),
    "ImageNet, block 10": features["_blocks.10"][some]}
guess = {name: probe(f[:160], shape[:160], f[160:])
    for name, f in guess.items()}
score = {name: (g == shape[some[160:]]).double().mean().item()
    for name, g in guess.items()}
print("160 pictures to learn 8 shapes from:",
    told({name: f"{share:.0%}" for name, share in score.items()}))
assert score["ImageNet, block 10"] > 2 * max(
    score["pixels"], score["untrained, block 10"])

# %% [markdown]
# It is not the architecture: untrained, it is no better than pixels. It is the weights. And the probe is judged on
# pictures that neither it nor the network has seen; on its own 160 it would always look splendid.

# %% [markdown]
# ## What each layer knows
#
# *Then take the last layer, which has seen the most?* Ask the same pictures four questions: which shape, which colour,
# which ground, and where (left, middle or right third)?

# %%
middle = world.boxes[:, 0, 0, [0, 2]].mean(1)  # of the object, in pixels
thirds = middle.quantile(torch.tensor([1 / 3, 2 / 3]))
QUESTIONS = {
    "shape": shape,
    "colour": world.world.colours[:, 0],
    "ground": world.world.backgrounds,
    "place": (middle[:, None] > thirds).sum(1),
}
CHANCE = {q: 1 / (int(labels.max()) + 1) for q, labels in QUESTIONS.items()}
knows = {q: {name: probed(f, labels, 400) for name, f in features.items()}
    for q, labels in QUESTIONS.items()}
for q, known in knows.items():
    print(f"{q:<7}", told({name: said(known[name])
        for name in ("pixels", "_blocks.10", "_dropout")}))

# %% tags=["hide-input"]
NAMES = ["pixels", *(name.replace("_blocks.", "block ") for name in LAYERS[:-1]), "last"]
LOOKS = {"shape": (viz.BLUE, "o-"), "colour": (viz.VERMILION, "s--"), "ground": (viz.GREEN, "^:"), "place": (viz.INK, "D-.")}
fig, ax = plt.subplots(figsize=(7.5, 3.4))
for q, (colour, look) in LOOKS.items():
    values = torch.tensor(list(knows[q].values()))
    ax.fill_between(range(len(NAMES)), values.amin(1), values.amax(1), color=colour, alpha=0.25, lw=0)
    ax.plot(values.mean(1), look, color=colour, ms=6)
    ax.text(len(NAMES) - 0.85, values[-1].mean(), q, color=colour, va="center", fontsize=10)
ax.set_xticks(range(len(NAMES)), [name.replace(" ", "\n") for name in NAMES])
ax.set(xlim=(-0.3, len(NAMES)), ylim=(0, 1.04), xlabel="layer that the probe reads", ylabel="share of unseen pictures", title="The same pictures, four questions")
viz.show(
    fig,
    alt="Accuracy of linear probes against the layer they read, from pixels to the last, for four questions. "
    + "; ".join(f"{q}: pixels {said(k['pixels'])}, block 10 {said(k['_blocks.10'])}, last {said(k['_dropout'])}" for q, k in knows.items())
    + ".",
)

# %%
mean = {q: {name: sum(v) / 3 for name, v in known.items()}
    for q, known in knows.items()}
assert mean["shape"]["_blocks.10"] > mean["shape"]["pixels"] + 0.3
assert mean["shape"]["_blocks.10"] > mean["shape"]["_dropout"]
assert mean["place"]["_dropout"] < mean["place"]["_blocks.10"] - 0.1
assert mean["place"]["pixels"] > mean["place"]["_dropout"] + 0.15

# %% [markdown]
# Read the lines one by one. The ground is easy everywhere. Shape rises with depth, and then *falls*: the last layers
# are specific to ImageNet's thousand classes, and block 10 is not yet. And the place of the object is in the pixels and
# is thrown away: a dog on the left is a dog on the right, and ImageNet paid for not noticing.
#
# So **features transfer as far as the source needed what the target needs**. Turn the knob, and watch what near means to
# each layer.

# %% tags=["hide-input"]
def draw_layer(name: str) -> plt.Figure:
    key = dict(zip(NAMES, features))[name]
    fig, (left, right_ax) = plt.subplots(1, 2, figsize=(9, 2.7), width_ratios=[2.1, 1])
    left.imshow(strip(key))
    left.set_axis_off()
    left.set_title(f"Asked, and the five nearest to: {name}", fontsize=10)
    for row, (q, (colour, _)) in enumerate(LOOKS.items()):
        right_ax.barh(row, mean[q][key], color=colour)
        right_ax.plot([CHANCE[q]] * 2, [row - 0.45, row + 0.45], color=viz.ORANGE, lw=2)
        right_ax.text(min(mean[q][key] + 0.02, 1.02), row, f"{mean[q][key]:.2f}", va="center", fontsize=9)
    right_ax.set_yticks(range(4), LOOKS)
    right_ax.invert_yaxis()
    right_ax.set(xlim=(0, 1.2), xticks=[0, 0.5, 1], xlabel="a probe gets right (orange: chance)")
    return fig


def say_layer(name: str) -> str:
    key = dict(zip(NAMES, features))[name]
    told = ", ".join(f"{q} {mean[q][key]:.2f}" for q in LOOKS)
    return f"Neighbours in {name}: {right(key)} of 15 have the shape that was asked for. Probes on it: {told}."


viz.knob(draw_layer, say_layer, default=5, layer=NAMES)

# %% [markdown]
# ## Freeze, or fine-tune?
#
# A probe leaves all old layers **frozen**. To **fine-tune** is to go on training some of them on the new pictures. The
# deck's recipe goes by the size of the new data: little, train the new layer only; more, retrain the top as well, with
# about 1/10 of the rate, and the middle with about 1/100. The lowest layers stay.
#
# We keep Lite0 up to block 10. Blocks 0 to 8 are frozen, so their answer to a picture never changes: compute it once.

# %%
lower = maps["_blocks.8"].clone()  # [940, 112, 4, 4]


def student() -> nn.Sequential:
    """Blocks 9 and 10 of Lite0, a fixed standardisation, and a new layer."""
    blocks = copy.deepcopy(lite._blocks)
    new = nn.Linear(112, 8)
    nn.init.zeros_(new.weight)
    return nn.Sequential(OrderedDict(
        middle=blocks[9], top=blocks[10],
        pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(),
        norm=nn.BatchNorm1d(112, affine=False), new=new)).eval()


def groups(net: nn.Module, rates: dict[str, float]) -> list[dict]:
    """One parameter group for each part that has a rate."""
    return [{"params": list(net.get_submodule(part).parameters()), "lr": rate}
        for part, rate in rates.items()]

# %% [markdown]
# A new layer with random weights sends random gradients down into good features. So first the probe, on features that
# are there already, and only then the rest. This order costs nothing and is a safe habit (Ananya Kumar and colleagues
# studied it in 2022).

# %%
known = features["_blocks.10"][:LEARN]


def tune(net, inputs, labels, rates, steps, batch=16):
    """Adam with a rate a part, up and down in one cycle (lecture 5)."""
    optimiser = torch.optim.AdamW(groups(net, rates))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser,
        list(rates.values()), total_steps=steps, cycle_momentum=False)
    visits = [torch.randperm(len(inputs))
        for _ in range(-(-steps * batch // len(inputs)))]
    for chosen in torch.cat(visits)[:steps * batch].split(batch):
        loss = F.cross_entropy(net(inputs[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def begin(some: Tensor) -> nn.Sequential:
    """A student whose new layer is a trained probe."""
    net = student()
    net.norm.running_mean.copy_(known[some].mean(0))
    net.norm.running_var.copy_(known[some].var(0))
    tail = nn.Sequential(OrderedDict(norm=net.norm, new=net.new))
    tune(tail, known[some], shape[some], {"new": 1e-2}, steps=100, batch=40)
    return net

# %% [markdown]
# `.eval()` in `student` looks like a slip and is the trap of this trade. *The weights are frozen; is the network?* Not
# in training mode: batch normalisation then uses the batch's own statistics, and overwrites its running averages, with
# no optimiser anywhere near.

# %%
net = student()
before = copy.deepcopy(net.state_dict())
with torch.no_grad():
    calm = net.top(net.middle(lower[:1]))
    net.train()
    for p in net.parameters():
        p.requires_grad = False  # "frozen"
    company = [net.top(net.middle(lower[some]))[:1]
        for some in (slice(0, 8), torch.tensor([0, *range(8, 15)]))]
moved = [n for n, t in net.state_dict().items() if (t != before[n]).any()]
print("moved by two batches without any training:", len(moved), "buffers")
assert moved and not any(n.endswith(("weight", "bias")) for n in moved)
far = ((company[0] - company[1]).norm() / calm.norm()).item()
print(f"and one picture's features depend on its company: by {far:.0%}")
assert far > 0.05

# %% [markdown]
# So a frozen part belongs in evaluation mode, in every epoch again if your loop calls `net.train()`. With a few dozen
# pictures leave the averages of the tuned part alone, too, as we do. Now three data sizes, and three ways: the probe; the
# recipe 1, 1/10, 1/100; and one rate for all.

# %%
RATE, STEPS, SIZES = 1e-2, scale.pick(cpu=20, gpu=200), (40, 160, 640)
WAYS = {
    "recipe": {"new": RATE, "top": RATE / 10, "middle": RATE / 100},
    "one rate": {"new": RATE, "top": RATE, "middle": RATE},
}


@torch.no_grad()
def judged(net: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    return (net.eval()(inputs).argmax(1) == labels).double().mean().item()


tuned = {way: {n: [] for n in SIZES} for way in ("probe", *WAYS)}
for n, seed in [(n, seed) for n in SIZES for seed in range(3)]:
    runtime.seed_all(seed)
    some = draw(n, seed)
    probing = begin(some)
    tuned["probe"][n].append(judged(probing, lower[LEARN:], shape[LEARN:]))
    for way, rates in WAYS.items():
        net = copy.deepcopy(probing)
        tune(net, lower[some], shape[some], rates, STEPS)
        tuned[way][n].append(judged(net, lower[LEARN:], shape[LEARN:]))
for way, results in tuned.items():
    print(f"{way:<8}", told({n: said(v) for n, v in results.items()}))

# %% [markdown]
# And without any transfer? A small network, four convolutions with stride 2, learns the same pictures (at 32×32) from
# nothing. To be fair to it, it gets three times as many steps, of 64 pictures instead of 16.

# %%
WIDTHS = (8, 16, 24, 32)


def convnet(classes: int) -> nn.Sequential:
    """Four parts of convolution, normalisation, ReLU; then a linear part."""
    parts = [nn.Sequential(nn.Conv2d(below, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width), nn.ReLU())
        for below, width in zip((3, *WIDTHS), WIDTHS)]
    parts.append(nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes)))
    return nn.Sequential(*parts).to(memory_format=torch.channels_last)


def learn(net, inputs, labels, steps, batch):
    """Train everything that does not say otherwise, in training mode."""
    net.train()
    rates = {name: 2e-2 for name, _ in net.named_children()}
    tune(net, inputs, labels, rates, steps, batch)


# %%
thumbs = F.adaptive_avg_pool2d(x, 32).contiguous(
    memory_format=torch.channels_last)
scratch = {}
for q, n in [("shape", n) for n in SIZES] + [("place", LEARN)]:
    labels = QUESTIONS[q]
    for seed in range(3):
        runtime.seed_all(seed)
        net, some = convnet(8), draw(n, seed)
        learn(net, thumbs[some], labels[some], 3 * STEPS, batch=64)
        result = judged(net, thumbs[LEARN:], labels[LEARN:])
        scratch.setdefault((q, n), []).append(result)
for (q, n), values in scratch.items():
    print(f"from scratch, {q}, {n:>3} pictures: {said(values)}")

# %% tags=["hide-input"]
fig, (left, right_ax) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=[1.7, 1])
lines = {"recipe: 1, 1/10, 1/100": (tuned["recipe"], viz.BLUE, "o-"), "probe, all old layers frozen": (tuned["probe"], viz.GREEN, "^--"), "one rate for all": (tuned["one rate"], viz.VERMILION, "s-."), "from scratch": ({n: scratch["shape", n] for n in SIZES}, viz.INK, "D:")}
for label, (results, colour, look) in lines.items():
    values = torch.tensor([results[n] for n in SIZES])
    left.fill_between(range(3), values.amin(1), values.amax(1), color=colour, alpha=0.2, lw=0)
    left.plot(values.mean(1), look, color=colour, label=label)
left.axhline(1 / 8, color=viz.ORANGE, lw=1)
left.set_xticks(range(3), SIZES)
left.set(xlabel="pictures to learn from", ylabel="share of unseen pictures", ylim=(0, 1), title="Which shape?")
left.legend(fontsize=8.5, loc="upper left", bbox_to_anchor=(-0.02, 1.02), ncols=2)
left.set_ylim(0, 1.15)
bars = {"pixels,\nprobe": knows["place"]["pixels"], "block 10,\nprobe": knows["place"]["_blocks.10"], "last layer,\nprobe": knows["place"]["_dropout"], "from\nscratch": scratch["place", LEARN]}
for i, values in enumerate(bars.values()):
    right_ax.bar(i, sum(values) / 3, color=viz.INK if i == 3 else viz.SKY)
    right_ax.plot([i, i], [min(values), max(values)], color=viz.VERMILION, lw=3)
right_ax.axhline(1 / 3, color=viz.ORANGE, lw=1)
right_ax.set_xticks(range(4), bars, fontsize=8)
right_ax.set(ylim=(0, 1.15), title="Where is it?")
viz.show(
    fig,
    alt="Left: share of unseen pictures whose shape is right, for 40, 160 and 640 pictures to learn from. "
    + "; ".join(f"{label}: " + ", ".join(said(r[n]) for n in SIZES) for label, (r, *_) in lines.items())
    + f". Right: the place of the object. A probe on the last layer {said(bars['last layer,' + chr(10) + 'probe'])}, from scratch {said(scratch['place', LEARN])}.",
)

# %%
average = {way: {n: sum(v) / 3 for n, v in results.items()}
    for way, results in tuned.items()}
for n in SIZES:
    assert n == 40 or average["recipe"][n] > average["one rate"][n]
    assert average["probe"][n] > sum(scratch["shape", n]) / 3 + 0.15
assert min(scratch["place", LEARN]) > max(knows["place"]["_dropout"])

# %% [markdown]
# What do the numbers say?
#
# * **Shape.** With 40 pictures, transfer gets nearly half of them right, and the small network is at chance. With 640 it
#   is 0.8 against 0.3.
# * **One rate for all** damages in 20 steps what took days to build. The recipe's small rates are a *guard*.
# * **Did fine-tuning beat the probe?** Not here: the means differ by a few points, upwards and downwards. The deck
#   promises more for more data, and so do papers; but 20 steps see 320 pictures, not even all 640 once. We also measured 60 steps with a rate of 0.003 for all three parts: 0.85 and 0.88. With many pictures and
#   many steps the guard becomes a brake. The recipe is a place to start, not a law.
# * **Place.** Here the small network from scratch beats every probe. ImageNet's last layer is worth little to a question
#   that ImageNet learned to ignore.
#
# | | target near the source | target far from it |
# |---|---|---|
# | **few pictures** | probe on a late layer | probe on earlier layers; or other weights |
# | **many pictures** | fine-tune, small rates | fine-tune deep with larger rates, or train from scratch |

# %% [markdown]
# ## How transferable are features?
#
# Jason Yosinski, Jeff Clune, Yoshua Bengio and Hod Lipson measured it layer by layer in 2014. Split ImageNet's classes at
# random into A and B, 500 each. Train one network on A, one on B. Then cut: keep the first $n$ layers of one of them,
# start all layers above afresh, and train on B.
#
# | name | the first $n$ layers come from | and are then |
# |---|---|---|
# | **BnB**, the selffer | the network trained on B | frozen |
# | **BnB⁺** | the network trained on B | trained along |
# | **AnB**, transfer | the network trained on A | frozen |
# | **AnB⁺** | the network trained on A | trained along |
#
# *Why transfer from B to B?* It is the control. If AnB is worse than BnB, features of A are not fit for B:
# **specificity**. If BnB itself is worse than the network on B, it cannot be that: the features were made for B. Then
# the layers above, started afresh, fail to find the partners that the frozen ones had grown up with: **fragile
# co-adaptation**.
#
# Our classes are shapes: four are A, four are B, another split for every seed. And a far source: the same pictures, but
# the network was trained to name the *ground*.

# %%
images = scale.pick(cpu=400, gpu=3000)  # of each half
easy = scenes.sample(scale.pick(cpu=4400, gpu=16_000), seed=5, size=32,
    difficulty=0.2, objects=(1, 1), truths=())
scene = easy.images[:, 0] - 0.5
scene = (scene / scene.std()).contiguous(memory_format=torch.channels_last)
figure, ground = easy.labels[:, 0], easy.world.backgrounds


def task(four: Tensor, most: int = images, test: bool = False):
    """Pictures of these four shapes, and which of the four it is."""
    which = figure[:, None] == four
    mine = which.any(1).nonzero()[:, 0]
    mine = mine[-600:] if test else mine[:most]
    return scene[mine], which[mine].int().argmax(1)


# %%
def trained(classes: int, data: tuple, seed: int) -> nn.Sequential:
    runtime.seed_all(seed)
    net = convnet(classes)
    learn(net, *data, steps=8 * images // 100, batch=100)
    return net.eval()


def grafted(source, n: int, data: tuple, seed: int, along: bool):
    """The source's first n parts under fresh ones, trained on the data."""
    runtime.seed_all(seed + 100)
    net, (inputs, labels) = convnet(4), data
    for i in range(n):
        net[i] = copy.deepcopy(source[i])
    with torch.no_grad():  # frozen parts, in evaluation mode, run only once
        inputs = inputs if along else net[:n].eval()(inputs)
    learn(net if along else net[n:], inputs, labels,
        steps=8 * images // 100, batch=100)
    return net.eval()

# %% tags=["remove-stderr"]
CUTS, base, ends, sources = (1, 2, 3, 4), [], {}, []
for seed in range(3):
    halves = torch.randperm(
        8, generator=torch.Generator().manual_seed(seed)).split(4)
    on_a, on_b, judge = *map(task, halves), task(halves[1], test=True)
    a, b = (trained(4, data, seed) for data in (on_a, on_b))
    far = trained(8, (scene[:images], ground[:images]), seed)
    base.append(judged(b, *judge))
    sources.append(a)
    arms = {"BnB": (b, False), "BnB⁺": (b, True), "AnB": (a, False),
        "AnB⁺": (a, True), "ground": (far, False)}
    for arm, n in [(arm, n) for arm in arms for n in CUTS]:
        source, along = arms[arm]
        net = grafted(source, n, on_b, seed, along)
        ends.setdefault((arm, n), []).append(judged(net, *judge) - base[-1])
print(f"trained on B from nothing: {said(base)}")
for arm in arms:
    print(f"{arm:<6}", told({n: f"{100 * min(ends[arm, n]):+.0f} to "
        f"{100 * max(ends[arm, n]):+.0f}" for n in CUTS}), "points")

# %% tags=["hide-input"]
ARMS = {"BnB": (viz.BLUE, "o--"), "BnB⁺": (viz.SKY, "o-"), "AnB": (viz.VERMILION, "s--"), "AnB⁺": (viz.GREEN, "s-"), "ground": (viz.INK, "D:")}
fig, ax = plt.subplots(figsize=(7.5, 3.8))
ax.axhline(0, color=viz.INK, lw=1)
below = 100.0
for arm, (colour, look) in sorted(ARMS.items(), key=lambda item: -sum(ends[item[0], 4])):
    values = 100 * torch.tensor([[0.0] * 3, *(ends[arm, n] for n in CUTS)])
    ax.fill_between(range(5), values.amin(1), values.amax(1), color=colour, alpha=0.15, lw=0)
    ax.plot(values.mean(1), look, color=colour)
    below = min(below - 4.5, values[-1].mean().item())  # labels keep their distance
    ax.text(4.08, below, {"ground": "ground,\nfrozen"}.get(arm, arm), color=colour, va="center", fontsize=10)
ax.set_xticks(range(5), ["0", "1", "2", "3", "4"])
ax.set(xlim=(-0.1, 4.7), xlabel="n: parts of four that were kept", ylabel="points against B from nothing", title="Cut, keep, train again")
viz.show(
    fig,
    alt="Change of accuracy on B, in points against a network trained on B from nothing, by the number of parts kept. "
    + "; ".join(f"{arm} with n = 4: {100 * min(ends[arm, 4]):+.0f} to {100 * max(ends[arm, 4]):+.0f}" for arm in ARMS)
    + ".",
)

# %%
gain = {key: sum(values) / 3 for key, values in ends.items()}
assert gain["AnB", 4] < gain["BnB", 4] - 0.05  # specificity
assert gain["ground", 4] < gain["AnB", 4] - 0.1  # and distance
assert gain["ground", 2] < gain["AnB", 2] - 0.05
assert gain["AnB⁺", 3] > gain["AnB", 4] and gain["AnB⁺", 3] > 0
assert min(gain["BnB", n] for n in CUTS) > -0.08  # no dip

# %% [markdown]
# Compare with the paper, line by line.
#
# * **AnB falls at the top: specificity, confirmed.** One, two or three kept parts of A serve B as well as its own; the
#   fourth has become A's. In the paper the first two of eight layers are fully general, and the fall begins at the third.
# * **The far source falls at once: distance, confirmed.** Who only ever named the ground can show hardly any shape to
#   what stands above. The paper split natural things from man-made ones (449 and 551 classes; the deck has the two numbers
#   swapped): far was worse than near, and still better than random weights.
# * **AnB⁺ is above zero: transfer helps even after fine-tuning, confirmed.** In the paper by 2.1 points for five to seven
#   kept layers, after 450,000 steps, though B had 645,000 pictures of its own. *Is it only that those layers were trained
#   for longer?* BnB⁺ was, too, and gains less in the paper, where it just comes back to B. Here BnB⁺ gains a little, for
#   our B had few steps.
# * **Fragile co-adaptation: not confirmed.** The paper's BnB dips in the middle, at layers four and five, where new
#   layers cannot find back to the old partners. Ours is flat. With four parts and normalisation in each, relearning three of them
#   is no harder than learning all; AlexNet had eight layers and no batch normalisation. Our toy is too shallow for it to break.
#
# ## When the target is large
#
# Does the gain last, if B brings more pictures? The best transfer, A3B⁺, against starting from nothing, with the same
# steps each:

# %%
def gains(size: int, steps: int) -> tuple[list[float], list[float]]:
    """Accuracy from scratch, and what A's first three parts add, a seed."""
    starts, added = [], []
    for seed in range(3):
        halves = torch.randperm(
            8, generator=torch.Generator().manual_seed(seed)).split(4)
        inputs, labels = task(halves[1], most=size)
        judge = task(halves[1], test=True)
        for source in (None, sources[seed]):
            runtime.seed_all(seed + 100)
            net = convnet(4)
            for i in range(3 if source else 0):
                net[i] = copy.deepcopy(source[i])
            learn(net, inputs, labels, steps, batch=100)
            (added if source else starts).append(judged(net, *judge))
    return starts, [after - start for after, start in zip(added, starts)]


few, many = 100, scale.pick(cpu=1000, gpu=6000)
small_b, large_b = gains(few, steps=32), gains(many, steps=6 * many // 100)
for size, (starts, added) in ((few, small_b), (images, (base, ends["AnB⁺", 3])),
        (many, large_b)):
    print(f"{size:>5} pictures: from nothing {said(starts)}, transfer adds "
        f"{100 * min(added):+.0f} to {100 * max(added):+.0f} points")
assert sum(large_b[0]) > sum(small_b[0]) + 0.6  # more pictures
assert sum(large_b[1]) < 0.4 and max(large_b[1]) < 0.2

# %% [markdown]
# *What has become of transfer?* It buys some points at the start, and the more pictures
# there are, the less is left to buy: 1,000 of your own are worth more than any source. Kaiming He, Ross Girshick and Piotr
# Dollár showed it in earnest in 2018: with the 118,000 pictures of COCO, a detector trained from scratch ends where the one
# from ImageNet ends. It only takes longer. So transfer is, above all, **time and labels saved**.

# %% [markdown]
# ## What breaks next
#
# Judge one more probe. This time somebody else took the pictures: 300 to learn from, 100 to be judged by, none seen
# before.

# %%
theirs = scenes.sample(400, seed=7, size=side, difficulty=0.4,
    objects=(1, 1), biased="class", truths=())
seen = pooled(read(lite, (theirs.images[:, 0] - MEAN) / STD)["_blocks.10"])
label = theirs.labels[:, 0]


def agrees(asked: Tensor, truth: Tensor) -> float:
    guess = probe(seen[:300], label[:300], asked)
    return (guess == truth).double().mean().item()


on_theirs = agrees(seen[300:], label[300:])
on_ours = agrees(features["_blocks.10"][LEARN:], shape[LEARN:])
print(f"on their unseen pictures {on_theirs:.0%}, on ours {on_ours:.0%}")
assert on_theirs > 0.85 and on_ours < on_theirs - 0.25

# %% tags=["hide-input"]
chosen = torch.cat([(label == k).nonzero()[:4, 0] for k in (3, 4)])
fig, axes = plt.subplots(1, 8, figsize=(9, 1.6))
for ax, i in zip(axes, chosen):
    ax.imshow(theirs.images[i, 0].movedim(0, -1))
    ax.set_axis_off()
    ax.set_title(scenes.CLASSES[int(label[i])], fontsize=9, fontweight="normal")
viz.show(fig, alt="Eight of their pictures: four stars, nearly all on one ground, and four rings, nearly all on another.")

# %% [markdown]
# In their pictures nearly every star stands on the same ground. The probe learned the ground, a held-out test set from
# the same source could not tell, and neither could we: **we use features without knowing what they see**. Which pixels
# made the network say star? Which of the 112 numbers is it, and what would that number like to look at? Lecture 11 opens
# the network.
#
# ## Summary
#
# * **Deep features**: the activations of a layer, kept by a hook, averaged over places. They serve search and a linear
#   classifier, for things the network has never seen.
# * A **linear probe** shows what is in the features already. It is judged on unseen pictures, against pixels and against the
#   same network untrained.
# * Features go from general to specific. The last layer is not always the best, and what the source had to ignore (place)
#   is gone.
# * **Freeze** with little data; with more, **fine-tune** after the probe, the top with 1/10 and the middle with 1/100 of the
#   rate. Far targets and much data want larger rates, or no transfer. A frozen part stays in evaluation mode.
# * **AnB** against the selffer **BnB** separates specificity from fragile co-adaptation. At toy size we saw specificity,
#   distance and the gain of AnB⁺; no co-adaptation.
# * Transfer saves time and labels. The larger the target, the less it adds.
#
# ## Five-minute quiz
#
# **1. A probe on a layer gets 95 % of its own training pictures right, with 1,280 features and 160 pictures. What do you
# know about the features?**
#
# (a) they are good  (b) nothing yet  (c) they are specific to the source  (d) the layer should be fine-tuned
#
# <details><summary>Answer</summary>
#
# **(b)**: with more features than pictures almost any labels can be fitted, on random features too. Judge on unseen
# pictures, and against pixels. (a) confuses fitting with generalising; (c) and (d) need a comparison that nobody has made.
#
# </details>
#
# **2. All weights of a network with batch normalisation have `requires_grad = False`, and your loop calls `net.train()`.
# What still changes?**
#
# (a) nothing  (b) the weights of the normalisation  (c) its running averages  (d) the biases
#
# <details><summary>Answer</summary>
#
# **(c)**: they are buffers, not parameters; the forward pass overwrites them in training mode, and normalises with the
# batch besides. (b) and (d) are parameters and stay. (a) is what the name *frozen* promises.
#
# </details>
#
# **3. AnB is 8 points below the network on B, and BnB is 8 points below it, too. What do you conclude?**
#
# (a) the features are specific to A  (b) co-adaptation was broken  (c) A and B are far apart  (d) B has too few pictures
#
# <details><summary>Answer</summary>
#
# **(b)**: the selffer's features were made for B, and it falls as deep, so the cut is to blame. (a) and (c) would show as AnB
# *below* BnB; (d) would hurt the network on B as well.
#
# </details>
#
# **4. You have 50 pictures of a task much like ImageNet. What do you try first?**
#
# (a) one rate for all layers  (b) training from scratch  (c) a probe on frozen features  (d) fine-tuning the first layers only
#
# <details><summary>Answer</summary>
#
# **(c)**: few numbers to learn, nothing to destroy. (a) can ruin good features in a few steps; (b) must learn all
# weights from 50 pictures; (d) changes the most general layers, which fit best as they are.
#
# </details>
#
# **5. A probe on the last layer cannot say whether the object is left or right. Why?**
#
# (a) the probe is linear  (b) the pictures are too small  (c) ImageNet's classes do not depend on it  (d) too little data
#
# <details><summary>Answer</summary>
#
# **(c)**: the source gained from forgetting the place, and the mean over all places helps it to. (a) a linear probe on
# pixels does far better; (b) and (d) hold for that probe as well.
#
# </details>
#
# ## Papers
#
# * J. Donahue, Y. Jia, O. Vinyals, J. Hoffman, N. Zhang, E. Tzeng, T. Darrell. [DeCAF: a deep convolutional activation feature for generic visual recognition](https://arxiv.org/abs/1310.1531). ICML 2014.
# * M. D. Zeiler, R. Fergus. [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901). ECCV 2014.
# * A. S. Razavian, H. Azizpour, J. Sullivan, S. Carlsson. [CNN features off-the-shelf: an astounding baseline for recognition](https://arxiv.org/abs/1403.6382). CVPR workshops 2014.
# * J. Yosinski, J. Clune, Y. Bengio, H. Lipson. [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) NIPS 2014.
# * G. Alain, Y. Bengio. [Understanding intermediate layers using linear classifier probes](https://arxiv.org/abs/1610.01644). ICLR workshop 2017.
# * K. He, R. Girshick, P. Dollár. [Rethinking ImageNet pre-training](https://arxiv.org/abs/1811.08883). ICCV 2019.
# * A. Kumar, A. Raghunathan, R. Jones, T. Ma, P. Liang. [Fine-tuning can distort pretrained features and underperform out-of-distribution](https://arxiv.org/abs/2202.10054). ICLR 2022.
