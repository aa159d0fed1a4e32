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
# # A network that trains
#
# At the end of lecture 4 we raised one number, the learning rate, and LeNet-5 learned nothing: 10 % on ten classes, the score of
# a die with ten sides. Same network, same images. **What killed it, and how do we train so that success is not luck?**
#
# **After this lecture you can**
#
# 1. check a network before you train it, and read from a loss curve what is wrong;
# 2. derive how large the first weights must be, and show by code that a factor of two ruins fifty layers;
# 3. build batch normalisation, dropout and weight decay in a few lines each, and say what they do in training and after it;
# 4. find out which ingredient of a recipe pays, by removing it, over several seeds, and say how sure you are;
# 5. search for settings, and combine networks, knowing what each buys.
#
# It builds on gradient descent and Adam (lecture 2) and on LeNet-5 (lecture 4).

# %%
import dataclasses
import itertools
import math
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import layers, models, ops, runtime, scale, train, understand, viz
from course_lib.data import datasets
from course_lib.train import augment, schedules

torch.set_num_threads(1)  # for networks this small, sharing a step does not pay

train_set = datasets.load("fashion_mnist", "train")
test_set = datasets.load("fashion_mnist", "test")
x, y = train_set[:2000].inputs(), train_set.labels[:2000]

# %% [markdown]
# This page needs a training loop that we can poke. It draws a random batch, steps, and remembers the loss of each step.

# %%
def learn(model, x, y, optimizer, steps=60, batch_size=64, cost=F.cross_entropy):
    """Train in place; return the loss of each step."""
    stepper, losses = optimizer(model.parameters()), []
    for _ in range(steps):
        batch = torch.randint(len(x), (batch_size,))
        loss = cost(model(x[batch]), y[batch])
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    return losses

# %% [markdown]
# Two patients, and an autopsy: which share of each layer's units gives zero, for every image and at every place?

# %%
lives, dead = {}, {}
for rate in (0.003, 0.3):
    runtime.seed_all(0)
    patient, adam = models.LeNet5(), partial(torch.optim.AdamW, lr=rate)
    lives[rate] = learn(patient, x, y, adam, batch_size=32)
    rows = understand.activation_statistics(patient, x[:500])
    dead[rate] = [row.dead for row in rows if row.layer == "ReLU"]
    print(f"rate {rate:<6} dead units:", [f"{share:.0%}" for share in dead[rate]])
assert max(dead[0.3]) > 0.9 > max(dead[0.003])

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 2.7))
for (rate, losses), look in zip(lives.items(), ["-", "--"]):
    ax.plot(range(1, 61), losses, look, label=f"learning rate {rate}")
ax.axhline(math.log(10), color=viz.INK, lw=1, ls=":")
ax.text(60, math.log(10) + 0.12, "guessing: ln 10", ha="right", fontsize=9)
ax.set(xlabel="step", ylabel="cross-entropy in nats", title="Two lives of LeNet-5", ylim=(0, 4))
ax.legend(loc="lower left", fontsize=9)
viz.show(fig, alt="Loss against step: at rate 0.003 it falls, at 0.3 it jumps up and then lies on ln 10.")

# %% [markdown]
# The first steps threw the weights so far that hardly any sum is positive any more. A ReLU that is negative everywhere has
# gradient zero everywhere, so it never comes back. What remains is the last layer's bias, and the best constant guess costs
# $\ln 10$. This lecture is about keeping the patient alive.
#
# ## Three checks before you train
#
# **Check 1: the first loss.** An untrained network should know nothing. Ten classes at probability 1/10 each cost
# $-\ln\tfrac1{10} = 2.303$. A first loss far above that means scores too large: the network is sure, and wrong.
#
# From here on we use half-size images and a small network of four convolutions, so that dozens of runs cost a minute.

# %%
def half_size(images: datasets.ImageSet) -> datasets.ImageSet:
    small = F.avg_pool2d(images.images.float(), 2).round().byte()
    return dataclasses.replace(images, images=small)


def small_net(he=True, batch_norm=True, dropout=0.0) -> nn.Sequential:
    parts = []
    for deep, wide in ((1, 8), (8, 8), (8, 16), (16, 16)):
        conv = nn.Conv2d(deep, wide, 3, padding=1)
        nn.init.normal_(conv.weight, std=(2 / (9 * deep)) ** 0.5 if he else 0.01)
        nn.init.zeros_(conv.bias)
        norm = [nn.BatchNorm2d(wide)] if batch_norm else []
        pool = [nn.MaxPool2d(2)] if deep == wide else []
        parts += [conv, *norm, nn.ReLU(), *pool]
    head = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(16 * 3 * 3, 10)]
    return nn.Sequential(*parts, *head)


# %%
small_train, small_test = half_size(train_set[:2000]), half_size(test_set[:2000])
x, y = small_train.inputs(), small_train.labels
new_x, new_y = small_test.inputs(), small_test.labels

runtime.seed_all(0)
net = small_net(batch_norm=False)
first = F.cross_entropy(net(x), y).item()
pixels = small_train.images.float()  # 0 to 255: somebody forgot to normalise
shouting = F.cross_entropy(net(pixels), y).item()
print(f"first loss {first:.2f}; fed with raw pixels: {shouting:.0f}")
assert abs(first - math.log(10)) < 0.7 and shouting > 10

# %% [markdown]
# **Check 2: overfit one batch.** Twenty images must be learned by heart in a hundred steps. A network that cannot do that has a
# bug, and no amount of data will mend it. Shuffle the labels and it still must: the check asks whether gradients flow, not
# whether there is anything to learn.

# %%
few, adam = x[:20], partial(torch.optim.Adam, lr=0.01)
for name, labels in (("true labels", y[:20]), ("shuffled", y[:20].roll(7))):
    runtime.seed_all(0)
    losses = learn(small_net(), few, labels, adam, steps=100, batch_size=20)
    print(f"{name:<11} loss {losses[0]:.2f} → {losses[-1]:.4f}")
    assert losses[-1] < 0.05

# %% [markdown]
# **Check 3: sweep the learning rate**, a factor of three at a time, a few dozen steps each. The curve of the loss against the
# rate is a bathtub: on the left nothing moves yet, on the right nothing survives.

# %%
rates = [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]


def sweep(batch_norm: bool) -> dict[float, list[float]]:
    curves = {}
    for rate in rates:
        runtime.seed_all(0)
        stepper = partial(torch.optim.SGD, lr=rate, momentum=0.9)
        curves[rate] = learn(small_net(batch_norm=batch_norm), x, y, stepper)
    return curves


def last(losses: list[float]) -> float:
    """The mean of the last ten steps; 9 for a loss that has left all bounds."""
    return min(torch.tensor(losses[-10:]).nan_to_num(9.0).mean().item(), 9.0)


# %%
plain = sweep(batch_norm=False)
best = min(rates, key=lambda rate: last(plain[rate]))
print(f"best of {len(rates)} rates: {best}, loss {last(plain[best]):.2f}")
assert last(plain[best]) < 1.6 < min(last(plain[rates[0]]), last(plain[3.0]))

# %% tags=["hide-input"]
def draw_rate(rate: float) -> plt.Figure:
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3))
    for other in rates:
        left.plot(plain[other], color=viz.PALE, lw=1)
    left.plot(plain[rate], color=viz.BLUE)
    left.axhline(math.log(10), color=viz.INK, lw=1, ls=":")
    left.set(xlabel="step", ylabel="cross-entropy in nats", ylim=(0, 5))
    left.set_title(f"Learning rate {rate:g}")
    right.plot(rates, [last(plain[other]) for other in rates], "o-", color=viz.SKY)
    right.plot(rate, last(plain[rate]), "o", ms=11, color=viz.VERMILION)
    right.set(xscale="log", xlabel="learning rate (log scale)", ylim=(0, 5))
    right.set(ylabel="loss after 60 steps", title="The bathtub")
    return fig


def say_rate(rate: float) -> str:
    end = last(plain[rate])
    verdict = "learns" if end < 1.6 else "hardly moves" if rate < best else "is lost"
    return f"Learning rate {rate:g}: after 60 steps the loss is {end:.2f}; the network {verdict}."


viz.knob(draw_rate, say_rate, default=rates.index(best), learning_rate=rates)

# %% [markdown]
# Take a rate a little left of the bottom: the cliff on the right is steep, and where it stands moves with everything that
# follows on this page.
#
# ## Inputs: the shape of the valley
#
# *Why should it matter whether a pixel is called 200 or 0.78?* Take the smallest model there is, a weight and a bias, and let
# it tell coats from sandals by one number, the brightness of the picture. Its squared error is a valley over $(w, b)$, with
# the curvature matrix
#
# $$ H = \begin{pmatrix} \overline{x^2} & \bar x \\ \bar x & 1 \end{pmatrix}. $$
#
# A large mean $\bar x$ tilts the valley; a large $\overline{x^2}$ makes it narrow. And in a narrow valley (lecture 2) gradient
# descent may step no further than the steep direction allows, and then crawls along the flat one: with eigenvalues
# $\lambda_{\max}, \lambda_{\min}$ and $\kappa = \lambda_{\max}/\lambda_{\min}$, each step at the best rate shrinks the distance
# to the bottom by $(\kappa-1)/(\kappa+1)$.

# %%
two = (train_set.labels == 4) | (train_set.labels == 5)  # coats and sandals
brightness = train_set.images[two].float().mean((1, 2, 3)).double()
standard = (brightness - brightness.mean()) / brightness.std(correction=0)
ways, needed = {"0 to 255": brightness, "0 to 1": brightness / 255}, {}
for name, z in (ways | {"standardised": standard}).items():
    features = torch.stack([z, torch.ones_like(z)], 1)  # [N, 2]
    low, high = torch.linalg.eigvalsh(features.T @ features / len(z)).tolist()
    shrink = max((high - low) / (high + low), 1e-9)
    needed[name] = math.ceil(math.log(1000) / -math.log(shrink))
    print(f"{name:<12} κ {high / low:>8,.1f}, steps to 1/1000: {needed[name]:>6,}")
assert needed["standardised"] == 1
assert 20 < needed["0 to 1"] < needed["0 to 255"] / 100

# %% [markdown]
# Standardised, the valley is round, and one step leads to its bottom. So we subtract the mean and divide by the standard deviation,
# one pair of numbers a channel, **taken from the training set and used for the test set too**: the test set has no say in anything.
# `ImageSet.inputs()` has done it all along.
#
# ## Weights: fifty layers deep
#
# A layer of ReLU units sums $n$ inputs $a_i$, each times an independent weight with mean 0:
#
# $$ z = \sum_{i=1}^{n} w_i a_i \quad\Rightarrow\quad \operatorname{Var} z = n \operatorname{Var}(w)\; \overline{a^2}. $$
#
# The inputs are rectified sums of the layer before. Those were symmetric about zero, and ReLU removes one half:
# $\overline{a^2} = \tfrac12 \operatorname{Var} z_{\text{before}}$. Together
#
# $$ \operatorname{Var} z = \tfrac n2 \operatorname{Var}(w) \cdot \operatorname{Var} z_{\text{before}}. $$
#
# To keep the signal, set $\operatorname{Var}(w) = 2/n$: the rule of **He** (2015). Without the half, for units that are linear
# near zero such as tanh, it is $1/n$: the rule of **Xavier** Glorot (2010), who takes for $n$ the mean of a unit's number of inputs
# (its *fan-in*) and of outputs (*fan-out*), so that the gradient on its way back is served too. Any other choice multiplies the spread by a constant *in every layer*.

# %%
def deep_net(gain: float, batch_norm=False, depth=50, width=256) -> nn.Sequential:
    """Linear layers with ReLU; weights of standard deviation gain / √fan_in."""
    parts, fan_in = [nn.Flatten()], 196
    for _ in range(depth):
        linear = nn.Linear(fan_in, width, bias=False)
        nn.init.normal_(linear.weight, std=gain / fan_in**0.5)
        norm = [nn.BatchNorm1d(width)] if batch_norm else []
        parts += [linear, *norm, nn.ReLU()]
        fan_in = width
    return nn.Sequential(*parts, nn.Linear(width, 10))


# %%
def spreads(net: nn.Sequential) -> tuple[list[float], list[float]]:
    rows = understand.activation_statistics(net, x[:256], y[:256], training=True)
    rows = [row for row in rows if row.layer == "ReLU"]
    return [row.std for row in rows], [row.gradient_std for row in rows]


starts = {"half of He": 0.5**0.5, "Xavier": 1.0, "He": 2**0.5, "twice He": 8**0.5}
runtime.seed_all(0)
signal = {name: spreads(deep_net(gain)) for name, gain in starts.items()}
normed = [spreads(deep_net(gain, batch_norm=True)) for gain in starts.values()]

# %%
for name, gain in starts.items():
    forward, backward = signal[name]
    measured = (forward[-1] / forward[0]) ** (1 / 49)
    returned = (backward[0] / backward[-1]) ** (1 / 49)
    rule = gain / 2**0.5
    print(f"{name:<11} forward × {measured:.3f} a layer, back × {returned:.3f};"
          f" the rule says {rule:.3f}")
    assert abs(measured / rule - 1) < 0.05 and abs(returned / rule - 1) < 0.05

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.5), sharey=True)
depth = range(1, 51)
for k, title in enumerate(["Activations, forward", "Gradients, backward"]):
    for name, mark in zip(starts, "v^os"):
        axes[k].plot(depth, signal[name][k], marker=mark, markevery=7, ms=5, label=name)
    axes[k].set(yscale="log", xlabel="layer", title=title)
axes[0].set_ylabel("standard deviation (log scale)")
axes[0].legend(fontsize=9, loc="lower left")
viz.show(
    fig,
    alt="Standard deviation against layer, log scale, for four starts. Forward: He is level, twice He "
    "climbs to 10^15, Xavier falls to 10^-8, half of He to 10^-15. The gradients, from layer 50 back to layer 1, do the same.",
)

# %% [markdown]
# A factor of two in the weights is a factor of $2^{50} \approx 10^{15}$ after fifty layers. Too small, and nothing arrives at
# the top, nor any gradient at the bottom. Too large, and the scores overflow, or with tanh every unit saturates. AlexNet drew
# from a standard deviation of 0.01, about half of He's at a fan-in of 4096, and got away with it, being eight layers deep.
#
# ## Batch normalisation
#
# Initialisation sets the scale once, and training upsets it. Sergey Ioffe and Christian Szegedy (2015) set it again in every
# layer at every step: take each channel's mean and variance over the batch and all places, standardise, and let the network
# choose a scale $\gamma$ and a shift $\beta$ of its own.

# %%
runtime.seed_all(0)
maps = 3 + 5 * torch.randn(64, 8, 14, 14)  # [B, C, H, W]
gamma, beta = torch.ones(8, 1, 1), torch.zeros(8, 1, 1)

mean = maps.mean((0, 2, 3), keepdim=True)  # [1, C, 1, 1]
var = maps.var((0, 2, 3), keepdim=True, correction=0)
standard = (maps - mean) / (var + 1e-5).sqrt()
by_hand = gamma * standard + beta

by_op, *_ = ops.batch_norm(maps, gamma.flatten(), beta.flatten())
for other in (by_op, layers.BatchNorm2d(8)(maps), nn.BatchNorm2d(8)(maps)):
    assert torch.allclose(by_hand, other, atol=1e-5)

# %% [markdown]
# *What does it do to the fifty layers?* All four starts become alike. Scaling a layer's weights no longer changes
# its output, so initialisation stops mattering, forward. The same goes for the scale of the input.

# %%
ends = [forward[-1] / forward[0] for forward, _ in normed]
growth = [(back[0] / back[-1]) ** (1 / 49) for _, back in normed]
print("activations, layer 50 : layer 1 =", [f"{end:.2f}" for end in ends])
print("gradient, factor a layer on the way back:", [f"{g:.2f}" for g in growth])
assert all(0.7 < end < 1.4 for end in ends)
assert all(abs(g - (math.pi / (math.pi - 1)) ** 0.5) < 0.05 for g in growth)

# %% [markdown]
# Look at the second line, though. The gradient *grows* on its way back, ten-thousandfold over fifty layers. ReLU halves the
# square of what comes back, as before; but we now divide by the *variance* of ReLU's output, $(\pi-1)/2\pi$, where He's rule set
# off its mean square, $\tfrac12$. The factor is $\sqrt{\pi/(\pi-1)} = 1.21$ a layer, whatever the weights (Yang et al., 2019).
#
# What batch normalisation does buy is a wider bathtub. The sweep of check 3 again, with it:

# %%
normal = sweep(batch_norm=True)
fine = [sum(last(c[rate]) < 1.2 for rate in rates) for c in (plain, normal)]
print(f"rates with a loss below 1.2: {fine[0]} without, {fine[1]} with batch norm")
assert fine[1] > fine[0]

# %% [markdown]
# There is a price, too. In training an image's answer depends on its companions in the batch. In evaluation it must not, so the
# layer keeps **running averages** of mean and variance, which each batch moves a tenth of the way ($m \leftarrow 0.9\,m +
# 0.1\,\bar x$), and uses those: `model.eval()`. Everybody forgets that line once.

# %%
runtime.seed_all(0)
net = small_net()
learn(net, x, y, partial(torch.optim.SGD, lr=0.1, momentum=0.9))
one, crowd, others = x[:1], x[1:16], x[16:31]
answers = {}
for mode in (True, False):
    net.train(mode)
    with torch.no_grad():
        pair = [net(torch.cat([one, company]))[0] for company in (crowd, others)]
    answers[mode] = (pair[0] - pair[1]).abs().max().item()
print("the same image in other company: its scores move by")
print(f"{answers[True]:.2f} in training mode, {answers[False]:.0e} in evaluation")
assert answers[True] > 1000 * answers[False]

# %% [markdown]
# ## Rates that change
#
# *Why not keep one good rate?* A step sees a batch, not the whole set, so its gradient is the true one plus noise, and near the
# bottom the noise is all there is: with a constant rate SGD hovers (lecture 2). A large rate arrives soon and stays restless; a
# small one arrives late and calmly. A **schedule** has both.

# %%
def rates_of(schedule, steps=200) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    clock, seen = schedule(optimizer, steps), []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        clock.step()
    return seen


assert math.isclose(rates_of(schedules.step)[-1], 0.01)

# %% tags=["hide-input"]
plans = {"step": schedules.step, "cosine": schedules.cosine, "one-cycle": schedules.one_cycle}
plans["warm-up, cosine"] = schedules.warm_up(schedules.cosine, share=0.1)
fig, ax = plt.subplots(figsize=(6, 2.6))
for (name, plan), look in zip(plans.items(), ["-", "--", "-.", ":"]):
    ax.plot(rates_of(plan), look, label=name)
ax.set(xlabel="step", ylabel="rate / peak rate", xlim=(0, 290), xticks=range(0, 201, 50))
ax.set_title("Four schedules")
ax.legend(fontsize=9, loc="right")
viz.show(
    fig,
    alt="Four schedules over 200 steps. Step: 1, then 0.1 from step 100, 0.01 from 150. Cosine: smoothly "
    "from 1 to 0. One-cycle: up to 1 at step 60, then down. Warm-up, cosine: a short climb, then cosine.",
)

# %% [markdown]
# Stairs are AlexNet's and ResNet's; AlexNet's were taken by hand, when validation stopped improving. Cosine needs no choice of
# stairs. One-cycle and warm-up start low, because the first steps, as the autopsy showed, are the deadly ones.
#
# ## Against learning by heart
#
# **Dropout** (Srivastava et al., 2014) sets each unit to zero with probability $p$ in training, so that none can rely on
# another. The survivors are divided by $1-p$; then the mean over all draws is what evaluation, which drops nothing, will see.

# %%
runtime.seed_all(0)
h, p = torch.rand(256), 0.5
mask = torch.rand(20_000, 256) > p  # as many draws
naive, inverted = (h * mask).mean(0), (h * mask / (1 - p)).mean(0)
undivided, divided = (naive / h).mean().item(), (inverted / h).mean().item()
print(f"mean / h: {undivided:.3f} as it is, {divided:.3f} divided by 1 − p")
assert abs(divided - 1) < 0.01 and abs(undivided - (1 - p)) < 0.01

layer = layers.Dropout(p)
assert set((layer(h) / h).unique().round().tolist()) == {0.0, 2.0}
assert torch.equal(layer.eval()(h), h)

# %% [markdown]
# **Weight decay** multiplies all weights by a little less than 1 in every step: $w \leftarrow (1 - \eta\lambda)\,w - \eta\,g$.
# **L2 regularisation** adds $\tfrac\lambda2 w^2$ to the loss, so $\lambda w$ to the gradient. *Is that not the same?* With SGD
# it is, to the digit. With Adam it is not (Loshchilov and Hutter, 2019): Adam divides the gradient by its usual size, and the
# $\lambda w$ in it too. Two weights, the first pulled to and fro weakly, the second strongly; what does decay take from each in
# 400 steps?

# %%
def share_lost(kind, decay: float) -> list[float]:
    """What decay takes from a weakly and a strongly pulled weight."""
    ends = []
    for weight_decay in (0.0, decay):
        w = nn.Parameter(torch.ones(2))
        stepper = kind([w], lr=1e-3, weight_decay=weight_decay)
        for step in range(400):
            w.grad = (-1) ** step * torch.tensor([0.1, 10.0])
            stepper.step()
        ends.append(w.detach())
    return (1 - ends[1] / ends[0]).tolist()


# %%
optim = torch.optim
for kind, decay in ((optim.SGD, 0.5), (optim.Adam, 0.05), (optim.AdamW, 0.5)):
    weak, strong = share_lost(kind, decay)
    print(f"{kind.__name__:<5} takes {weak:.1%} and {strong:.1%}")
    if kind is optim.Adam:  # L2
        assert weak > 20 * strong
    else:
        assert abs(weak - strong) < 0.01

# %% [markdown]
# **Augmentation** changes the image and not its class. A boot seen in a mirror is a boot; a 3 in a mirror is nothing. Each
# epoch sees other versions, so the network cannot know them by heart, and it learns which changes do not matter.

# %%
def shaking(pixels: int):
    move = partial(augment.crop, padding=pixels, mode="replicate")
    return augment.chain(augment.flip, move)


boot = train_set[train_set.labels == 9][:1].inputs()
versions = shaking(3)(boot.expand(9, -1, -1, -1), runtime.seed_all(1))
viz.show(
    viz.image_grid(torch.cat([boot, versions]), columns=5),
    alt="An ankle boot and nine versions of it: mirrored or not, moved a little.",
)

# %% [markdown]
# ## A gallery of sick curves
#
# A doctor learns from many patients. Each of these is one change to one healthy run: a perceptron with a hidden layer, 300
# steps. The solid line is the loss of each batch, the dashed one the loss on images it does not train on.

# %% tags=["hide-input"]
flat, new_flat = x.flatten(1), new_x.flatten(1)  # [N, 196]


def watch(net, x=flat, y=y, rate=0.1, shuffle=True, loss=F.cross_entropy) -> torch.Tensor:
    """300 steps of SGD: the loss on each batch, and on unseen images."""
    curves, sgd = [], partial(torch.optim.SGD, lr=rate)
    for step in range(300):
        rows = slice(None) if shuffle else torch.arange(50 * step, 50 * step + 50) % len(x)
        now = learn(net, x[rows], y[rows], sgd, steps=1, batch_size=50, cost=loss)
        with torch.no_grad():
            unseen = loss(net(new_flat[:500]), new_y[:500]).item()
        curves.append([*now, unseen])
    return torch.tensor(curves)  # [300, 2]


runtime.seed_all(0)
deep = models.MLP([196, *[64] * 7, 10])
for linear in deep.layers:
    nn.init.normal_(linear.weight, std=0.01)
order = y.argsort()  # sorted by class
noisy = torch.where(torch.rand(len(y)) < 0.4, torch.randint(10, y.shape), y)
healthy = partial(models.MLP, [196, 64, 10])
gallery = {
    "healthy": watch(healthy()),
    "rate too small": watch(healthy(), rate=0.001),
    "rate too large": watch(healthy(), rate=2.0),
    "first weights too small": watch(deep),
    "learned by heart": watch(healthy(), flat[:100], y[:100], rate=0.3),
    "not shuffled": watch(healthy(), flat[order], y[order], shuffle=False),
    "wrong labels": watch(healthy(), y=noisy),
    "softmax twice": watch(healthy(), loss=lambda z, t: F.cross_entropy(z.softmax(1), t)),
}
fig, axes = plt.subplots(4, 2, figsize=(7, 6.2), sharex=True, sharey=True)
for ax, (name, curves) in zip(axes.flat, gallery.items()):
    ax.plot(curves[:, 0], color=viz.SKY, lw=1, label="batch")
    ax.plot(curves[:, 1], "--", color=viz.VERMILION, lw=1.5, label="unseen")
    ax.axhline(math.log(10), color=viz.INK, lw=0.8, ls=":")
    ax.set_title(name, fontsize=10)
axes[0, 0].set_ylim(0, 4)
fig.supxlabel("step", fontsize=10)
fig.supylabel("loss in nats", fontsize=10)
axes[0, 0].legend(fontsize=8)
ends = {name: curves[-50:].mean(0).tolist() for name, curves in gallery.items()}
assert ends["wrong labels"][0] > ends["wrong labels"][1] + 0.2
assert ends["learned by heart"][1] > gallery["learned by heart"][:, 1].min() + 0.05
assert abs(ends["first weights too small"][0] - math.log(10)) < 0.05
assert ends["not shuffled"][1] > ends["healthy"][1] + 0.3
said = "; ".join(f"{name} {batch:.2f} and {unseen:.2f}" for name, (batch, unseen) in ends.items())
viz.show(fig, alt=f"Eight loss curves. Mean loss of the last 50 steps on batches and on unseen images: {said}.")

# %% [markdown]
# | what you see | what it says | what to do |
# |---|---|---|
# | a straight, slow descent | rate too small | three times as much |
# | spikes, or a plateau at or above $\ln 10$ | rate too large; units dead | a third of it; warm up; cut long gradients short ("clipping") |
# | flat at $\ln 10$ from the start | no gradient arrives: weights too small, or a layer is cut off | He's rule; check 2 |
# | batch loss to zero, unseen loss *rises* | learning by heart | more images, augmentation, dropout, decay; stop earlier |
# | a saw: low, then a leap | the data come sorted | shuffle |
# | falls, then a high floor, unseen *below* batch | part of the training labels are wrong | look at the images with the highest loss |
# | falls ever more slowly, never below 1.46 | softmax applied twice | give cross-entropy the raw scores |
#
# The last floor can be computed: the best that the first softmax can hand to the second is $(1, 0, \dots, 0)$.

# %%
floor = math.log(1 + 9 / math.e)
print(f"softmax twice: never below {floor:.2f}")
assert gallery["softmax twice"].min() >= floor

# %% [markdown]
# ## The study: take one ingredient away
#
# Now the whole recipe: standardised pixels, He's start, batch normalisation, dropout, weight decay, augmentation, one-cycle.
# *Which of these earns its place?* Remove one at a time, change nothing else, three seeds each. And because one ingredient may
# stand in for another, remove two pairs as well.

# %%
images = scale.pick(cpu=2000, gpu=30_000, full=60_000)
epochs = scale.pick(cpu=5, gpu=30, full=60)
some = half_size(train_set[:images])
held_out = half_size(test_set[: scale.pick(cpu=2000, gpu=10_000)])


def study(seeds, data=some, standardised=True, he=True, batch_norm=True,
          dropout=0.2, decay=5e-4, shaken=True, schedule=schedules.one_cycle):
    sets = [data, held_out]
    if not standardised:  # pixels from 0 to 255
        sets = [dataclasses.replace(s, mean=(0.0,), std=(1 / 255,)) for s in sets]
    sgd = partial(optim.SGD, lr=0.05, momentum=0.9, weight_decay=decay)
    options = dict(epochs=epochs, batch_size=64, optimizer=sgd, schedule=schedule)
    options |= dict(seeds=seeds, augment=shaking(1) if shaken else None)
    net = partial(small_net, he, batch_norm, dropout)
    return train.over_seeds(net, *sets, **options)


# %% tags=["remove-stderr"]
arms = {
    "full recipe": {},
    "no normalisation": {"standardised": False},
    "no He": {"he": False},
    "no batch norm": {"batch_norm": False},
    "no dropout": {"dropout": 0.0},
    "no weight decay": {"decay": 0.0},
    "no augmentation": {"shaken": False},
    "no schedule": {"schedule": schedules.constant},
    "no batch norm nor normalisation": dict(batch_norm=False, standardised=False),
    "no batch norm nor He": dict(batch_norm=False, he=False),
}
runs = {name: study(range(3), **change) for name, change in arms.items()}
runs["full recipe"] += study(range(3, 5))  # two more, for later

# %% [markdown]
# And lecture 4's question: does it know a boot that stands elsewhere? So we ask each network twice, about the test images as
# they are and moved aside by two of their fourteen pixels.

# %%
held_x, held_y = held_out.inputs(), held_out.labels
aside = F.pad(held_x, (2, 0, 0, 0), mode="replicate")[..., :14]
score, moved = {}, {}
for name, change in arms.items():
    raw = change.get("standardised") is False  # they know pixels from 0 to 255
    views = [255 * (0.353 * v + 0.286) if raw else v for v in (held_x, aside)]
    for view, results in zip(views, (score, moved)):
        nets = [net.cpu() for net, _ in runs[name]]
        results[name] = [100 * train.accuracy(net, view, held_y) for net in nets]

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.5, 4.2), sharey=True)
for ax, results, title in zip(axes, (score, moved), ("Test images as they are", "Moved aside")):
    edge = min(min(values) for values in results.values() if min(values) > 30) - 2
    full = results["full recipe"]
    ax.axvspan(min(full), max(full), color=viz.SKY, alpha=0.35, lw=0)
    for row, values in enumerate(results.values()):
        ax.plot(values, [row] * len(values), "o-", color=viz.BLUE if row else viz.INK, ms=6)
        if max(values) < edge:  # it guesses
            said = f"◂ {sum(values) / len(values):.0f} %"
            ax.text(edge, row, said, va="center", fontsize=9, color=viz.VERMILION)
    ax.set(xlabel="accuracy in %", title=title, xlim=(edge, None))
axes[0].set_yticks(range(len(score)), [name.replace(" nor ", "\nnor ") for name in score])
axes[0].invert_yaxis()
fig.suptitle(f"{images:,} images, {epochs} epochs; a mark is a seed, the band the full recipe", fontsize=9)
ranges = "; ".join(
    f"{name} {min(score[name]):.1f} to {max(score[name]):.1f} and {min(moved[name]):.1f} to {max(moved[name]):.1f}"
    for name in score
)
viz.show(fig, alt=f"Accuracy in percent, range over seeds, as they are and moved aside: {ranges}.")

mean = {name: sum(values) / len(values) for name, values in score.items()}
mean_moved = {name: sum(values) / len(values) for name, values in moved.items()}
early = max(history.test_accuracy[0] for _, history in runs["no batch norm nor He"])
assert early < 0.3 < 0.6 < min(score["no He"]) / 100  # both gone, or one
assert max(score["no batch norm nor normalisation"]) < 30
assert min(score["no normalisation"]) > 60
assert mean["no augmentation"] - mean["full recipe"] > scale.pick(cpu=1, gpu=-5)
assert mean_moved["full recipe"] - mean_moved["no augmentation"] > 2
assert min(score["no schedule"]) < max(score["full recipe"])
for part in ("dropout", "weight decay"):
    assert abs(mean[f"no {part}"] - mean["full recipe"]) < 4

# %% [markdown]
# Read it as an experiment, not as a verdict.
#
# * **Batch norm and He cover for each other.** Without He alone little happens, because batch norm repairs the scale.
#   Without both, the network guesses. The same with standardised pixels. Removing one thing at a time cannot see this.
# * **What is a help depends on the question.** Without augmentation the network does *better* on the test images: they are as
#   neatly centred as the training images, and a handful of epochs is too short to learn them by heart. Moved aside, it does worse.
# * **Dropout and decay fight learning by heart**, and a run this short knows little by heart yet: we see no gain, perhaps a cost.
# * **The schedule: no verdict.** With it and without it the ranges overlap. What it buys, calm at the end, needs an end to be calm at.
# * **One learning rate for all.** We chose it for the full recipe, by hand, looking at these very test images. A fair trial would
#   sweep it for each arm, on a validation set.
#
# This is a toy: small images, a small network, a short run. On a GPU the same cells take 30,000 images and 30 epochs. Predict
# first which rows will move, then run them.
#
# ## How many seeds?
#
# A seed decides the first weights, the order, the dropout and the crops. The same seed gives the same run again; another gives
# a run that is as good a witness. *Three seeds of A all beat three seeds of B. Is A better?* Suppose the two were equal: then
# all $\binom 63 = 20$ ways in which the six results can be ordered are equally likely, and in two of them the ranges do not touch.

# %% tags=["remove-stderr"]
for n in (2, 3, 4, 5):
    luck = 2 / math.comb(2 * n, n)
    print(f"{n} seeds each: ranges apart by luck alone in {luck:.1%} of cases")
assert 2 / math.comb(6, 3) == 0.1

twice = [study(range(1), data=some[:256])[0][1].train_loss[-1] for _ in range(2)]
assert math.isclose(*twice, rel_tol=0.01)  # one seed, one result

# %% [markdown]
# One in ten; and the figure above makes nine comparisons, so expect about one false alarm in it. More seeds, fewer alarms.
#
# So: report ranges, not points; say how many seeds; compare the same images; and choose on a validation set, because the best
# of twenty tries on the test set is an advertisement, not a measurement.
#
# ## Random against grid search
#
# Settings have to be searched: rate, decay, dropout. The tidy way is a grid. James Bergstra and Yoshua Bengio (2012) showed that
# throwing darts is better, and the reason is a picture. We measure it where *every* setting can be tried: softmax regression on
# 7×7 images, 24 learning rates times 24 decays, all 576 trained at once, without any randomness.

# %%
tiny = F.avg_pool2d(train_set[:1200].inputs(), 4).flatten(1)  # [1200, 49]
fit_x, fit_y = tiny[:200], train_set.labels[:200]
check_x, check_y = tiny[200:], train_set.labels[200:1200]
lr_axis, decay_axis = torch.logspace(-4, 2, 24), torch.logspace(-6, -2, 24)
lr, decay = lr_axis[:, None, None, None], decay_axis[:, None, None]

w = torch.zeros(24, 24, 49, 10)
for _ in range(30):
    wrong = (fit_x @ w).softmax(-1) - F.one_hot(fit_y, 10)  # [24, 24, 200, 10]
    w = w - lr * (fit_x.T @ wrong / 200 + decay * w)
each = torch.arange(1000)
guess = [(check_x @ row).log_softmax(-1)[:, each, check_y] for row in w]
loss = -torch.stack(guess).mean(-1)  # [24, 24]
good = loss < loss.min() + 0.1
print(f"best loss {loss.min():.2f}; {good.double().mean():.0%} are within 0.1")

# %% [markdown]
# Nine trials, two ways. A 3×3 grid tries three learning rates, three times each; nine darts try nine, or eight where two fall
# into one column. All 64 places where such a grid can lie can be counted, and for darts the chance is $1-(1-g)^9$ when a share
# $g$ of the settings is good: nothing here is drawn at random.

# %%
corners = itertools.product(range(8), range(8))
hit = {
    "grid": sum(good[i::8, j::8].any().item() for i, j in corners) / 64,
    "random": 1 - (1 - good.double().mean().item()) ** 9,
}
print("chance of a good setting in nine trials:")
print({name: f"{chance:.0%}" for name, chance in hit.items()})
assert hit["random"] > 1.5 * hit["grid"]

# %% tags=["hide-input"]
runtime.seed_all(3)
grid_at = torch.cartesian_prod(torch.tensor([4, 12, 20]), torch.tensor([4, 12, 20]))
trials = {"Grid": grid_at, "Random": torch.randint(24, (9, 2))}
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), sharey=True)
for ax, (name, at) in zip(axes, trials.items()):
    tried = at[:, 0].unique()
    ax.imshow(loss.T.clamp(max=3), origin="lower", aspect="auto", cmap="Blues_r")
    ax.plot(*at.T, "o", color=viz.ORANGE, mec=viz.INK, ms=9)
    ax.plot(tried, [24.3] * len(tried), "v", color=viz.VERMILION, clip_on=False)
    ax.set_xticks([0, 8, 16, 23], ["0.0001", "0.01", "1", "100"])
    ax.set_yticks([0, 12, 23], ["10⁻⁶", "10⁻⁴", "10⁻²"])
    ax.set(xlabel="learning rate (log scale)", ylim=(-0.5, 23.5))
    ax.set_title(f"{name}: {len(tried)} learning rates tried", pad=12)
axes[0].set_ylabel("weight decay; dark: low loss")
viz.show(
    fig,
    alt="Loss over learning rate and decay: it changes with the rate, a dark band, and hardly with the decay. "
    "Nine grid points stand below three marks on the rate's axis, nine random points below nearly nine.",
)

# %% [markdown]
# The loss hardly cares about the decay, so six of the grid's nine trials repeat what the first three said. One does not know
# beforehand which setting matters, and darts need not know: projected on *any* axis they are nearly all different.
#
# ## Ensembles
#
# Train the network several times, average the probabilities. Networks that differ in their seed make different mistakes, and
# averaging cancels what is not shared. The five seeds of the full recipe are at hand; every choice of $k$ of them is an ensemble.

# %%
nets = [net for net, _ in runs["full recipe"]]
votes = [train.predict(net, held_x).softmax(1) for net in nets]  # 5 times [N, 10]
teams = {}
for k in range(1, 6):
    mixtures = [sum(team) / k for team in itertools.combinations(votes, k)]
    right = [(mixture.argmax(1) == held_y).float().mean() for mixture in mixtures]
    teams[k] = results = [100 * share.item() for share in right]
    print(f"averages of {k}: {min(results):.1f} to {max(results):.1f} %")
assert teams[5][0] > sum(teams[1]) / 5

# %% [markdown]
# The team beats its average member. It need not beat its luckiest one, but nobody knows beforehand who that will be.
#
# AlexNet's entry of 2012 is often quoted as "an ensemble of seven: 18.2 → 15.4 % top-5 error" (a top-5 error: the
# truth is not among the five best answers). *Was it the ensemble?* The
# paper's table gives four numbers, on the validation set: one network 18.2, five alike 16.4, one of two *other* networks 16.6, and
# all seven together 15.4.

# %%
whole, alike = 18.2 - 15.4, 18.2 - 16.4
print(f"{alike:.1f} points by averaging five, {whole - alike:.1f} by adding two")
assert round(whole, 1) == 2.8 and round(alike, 1) == 1.8

# %% [markdown]
# The two others had one more convolution layer and had first been trained on the whole ImageNet release of autumn 2011,
# 15 million images in 22,000 categories, then fine-tuned. One of them *alone* scores 16.6, nearly what five plain ones reach
# together. So of 2.8 points, 1.8 are the ensemble's; the last 1.0 came with two networks that were deeper and had seen more. (On the
# test set the seven made 15.3 %.) And an ensemble of seven costs seven times as much, in training and at every answer.
#
# ## What breaks next
#
# First the patient: LeNet-5, the deadly rate of 0.3, and one change, batch normalisation before every ReLU.

# %%
runtime.seed_all(0)
sick, parts, two_d, one_d = models.LeNet5(), [], nn.BatchNorm2d, nn.BatchNorm1d
norms = iter([two_d(6), two_d(16), one_d(120), one_d(84)])
for layer in [*sick.features, *sick.classifier]:
    parts += [next(norms), layer] if isinstance(layer, nn.ReLU) else [layer]
cured = nn.Sequential(*parts)
full_size, labels = train_set[:2000].inputs(), train_set.labels[:2000]
losses = learn(cured, full_size, labels, partial(torch.optim.AdamW, lr=0.3))
print(f"rate 0.3: loss {last(losses):.2f}")
assert last(losses) < 2.0

# %% [markdown]
# It lives. So let us get bold and go deep: the same recipe on plain stacks of layers, sixty steps each.

# %%
ended = {}
for depth in (2, 20, 50):
    runtime.seed_all(0)
    stack = deep_net(2**0.5, batch_norm=True, depth=depth, width=64)
    sgd = partial(optim.SGD, lr=0.05, momentum=0.9)
    ended[depth] = last(learn(stack, x, y, sgd))
    print(f"{depth:>2} layers: loss {ended[depth]:.2f}")
assert ended[2] < ended[20] < 1.6 < ended[50]

# %% [markdown]
# Twenty layers still train, enough for the networks that changed computer vision between 2012 and 2014: they are lecture 6. Fifty
# falter, and on *training* images, so this is not learning by heart. The gradient that grows by 1.21 a layer is one reason; the
# cure, in lecture 8, is a wire.
#
# ## Summary
#
# * **Check first**: the first loss is $\ln(\text{classes})$; one batch can be learned by heart; a sweep finds the bathtub.
# * **Standardise** the inputs with the training set's mean and deviation: it makes the valley round.
# * **He**: $\operatorname{Var}(w) = 2/n_{\text{in}}$ for ReLU; **Xavier**: $1/n$ for units linear near zero. A wrong factor acts once a layer.
# * **Batch normalisation** standardises every channel over the batch, in evaluation by running averages. It makes start and
#   input scale matter little, and more learning rates work.
# * **Dropout** drops and divides by $1-p$, in training only. **Decay** is not L2 under Adam. **Augmentation** changes the image, not the class.
# * **Schedules**: large first to arrive, small last to settle; warm-up because the first steps kill.
# * **Ablate** over seeds and show ranges. Three disjoint against three happens by luck once in ten. Ingredients cover for each other.
# * Search at **random**; choose on validation. **Ensembles** buy a little, at full price.
#
# ## Five-minute quiz
#
# **1. A network for 100 classes starts with a loss of 38. Which is the likeliest reason?**
#
# (a) the learning rate is too large  (b) the scores are far too large, say from unnormalised inputs
# (c) all weights are zero  (d) 38 is normal for 100 classes
#
# <details><summary>Answer</summary>
#
# **(b)**: it is sure, and wrong. Knowing nothing costs $\ln 100 = 4.6$, so not (d). (a): no step has been taken yet. (c): zero
# weights give equal scores, exactly 4.6.
#
# </details>
#
# **2. Thirty ReLU layers of 400 units start with weights of standard deviation 0.05. What happens to the signal?**
#
# (a) it keeps its size  (b) it shrinks about a thousandfold  (c) it shrinks about 30,000-fold  (d) it grows
#
# <details><summary>Answer</summary>
#
# **(c)**: each layer multiplies the spread by $0.05\sqrt{400/2} = 0.707$, and $0.707^{30} = 2^{-15}$. (a) forgets the half that
# ReLU removes: $0.05 = 1/\sqrt{400}$ is Xavier's value, right for linear units. (b) is twenty layers' worth. (d) needs more than
# $\sqrt{2/400} = 0.071$.
#
# </details>
#
# **3. A network with batch normalisation scores 92 % on a batch of 100 test images and 15 % when they come one by one. Why?**
#
# (a) it overfits  (b) dropout is still on  (c) it is still in training mode  (d) the running averages have momentum 0.1
#
# <details><summary>Answer</summary>
#
# **(c)**: with the batch's own statistics, one image is standardised against itself. (a) would hurt both alike, and so would (b).
# (d) is the usual value, and in evaluation the company makes no difference.
#
# </details>
#
# **4. Over three seeds method A scores 90.1 to 90.6 %, method B 90.7 to 91.0 %. What may you say?**
#
# (a) B is better  (b) nothing at all  (c) B looks better; equal methods would look so in one of ten such trials, run more seeds
# (d) B is better by 0.5 points
#
# <details><summary>Answer</summary>
#
# **(c)**: $2/\binom63 = 1/10$. (a) and (d) sell a hint as a fact. (b) throws the hint away.
#
# </details>
#
# **5. You have 16 trials for four settings, of which perhaps one or two matter. How do you spend them?**
#
# (a) a 2×2×2×2 grid  (b) 16 random settings  (c) one setting at a time  (d) 16 seeds of the default
#
# <details><summary>Answer</summary>
#
# **(b)**: sixteen values of whichever setting matters. (a) tries two values of it, (c) about four, and misses that settings depend
# on each other. (d) tells you how sure you are of the default, and of nothing else.
#
# </details>
#
# ## Papers
#
# * X. Glorot, Y. Bengio. [Understanding the difficulty of training deep feedforward neural networks](https://proceedings.mlr.press/v9/glorot10a.html). AISTATS 2010.
# * J. Bergstra, Y. Bengio. [Random search for hyper-parameter optimization](https://www.jmlr.org/papers/v13/bergstra12a.html). *Journal of Machine Learning Research* 13, 2012.
# * A. Krizhevsky, I. Sutskever, G. E. Hinton. [ImageNet classification with deep convolutional neural networks](https://doi.org/10.1145/3065386). NeurIPS 2012.
# * N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. [Dropout: a simple way to prevent neural networks from overfitting](https://jmlr.org/papers/v15/srivastava14a.html). *Journal of Machine Learning Research* 15, 2014.
# * K. He, X. Zhang, S. Ren, J. Sun. [Delving deep into rectifiers: surpassing human-level performance on ImageNet classification](https://arxiv.org/abs/1502.01852). ICCV 2015.
# * S. Ioffe, C. Szegedy. [Batch normalization: accelerating deep network training by reducing internal covariate shift](https://arxiv.org/abs/1502.03167). ICML 2015.
# * I. Loshchilov, F. Hutter. [SGDR: stochastic gradient descent with warm restarts](https://arxiv.org/abs/1608.03983). ICLR 2017: the cosine.
# * P. Goyal et al. [Accurate, large minibatch SGD: training ImageNet in 1 hour](https://arxiv.org/abs/1706.02677). 2017: warm-up.
# * L. N. Smith. [A disciplined approach to neural network hyper-parameters](https://arxiv.org/abs/1803.09820). 2018: one-cycle.
# * I. Loshchilov, F. Hutter. [Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101). ICLR 2019.
# * G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz. [A mean field theory of batch normalization](https://arxiv.org/abs/1902.08129). ICLR 2019.
