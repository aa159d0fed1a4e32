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
# # The multilayer perceptron
#
# Lecture 1 ended at a wall: one perceptron draws one straight line, and no straight line separates the four corners of XOR. Now
# draw the corners on a sheet of paper, fold it along the diagonal, and cut once. Unfold, and the opposite corners lie together.
# **A layer of neurons folds. How does it learn where?**
#
# **After this lecture you can**
#
# 1. compute the forward pass of a multilayer perceptron, and say why it needs an activation function;
# 2. choose a loss, write softmax so that it does not overflow, and name the gradient of cross-entropy from memory;
# 3. descend with SGD, momentum and Adam, and say when each is the better choice;
# 4. back-propagate by hand through any such network, and prove it right against autograd;
# 5. train one on Fashion-MNIST to at least 86 % on three seeds, and show two reasons why it is the wrong network for images.
#
# It builds on the perceptron (lecture 1), matrix products and the chain rule.

# %%
import dataclasses
import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import models, runtime, scale, train, viz
from course_lib.data import datasets

corners = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])  # [4, 2]
xor = torch.tensor([0.0, 1, 1, 0])

# %% tags=["hide-input"]
def mark(ax: plt.Axes, points: torch.Tensor, size: int = 90) -> None:
    """Draw the four corners: blue discs where XOR is 0, orange squares where it is 1."""
    for label, shape, colour in ((0, "o", viz.BLUE), (1, "s", viz.ORANGE)):
        ax.scatter(*points[xor == label].T, s=size, marker=shape, color=colour, edgecolor=viz.INK, zorder=3)


fig, axes = plt.subplots(1, 3, figsize=(6.6, 2.6), sharex=True, sharey=True)
tints = ["#cfe3f1", "#fbe6bf"]
sheet, half, cut = [(0, 0), (1, 0), (1, 1), (0, 1)], [(0, 0), (1, 1), (0, 1)], ([-0.1, 0.6], [0.4, 1.1])
axes[0].plot([0, 1], [0, 1], "--", color=viz.INK)
axes[1].add_patch(plt.Polygon([*half[:2], (0.5, 1), (0, 0.5)], facecolor=tints[0]))
axes[1].plot(*cut, color=viz.VERMILION)
axes[1].annotate("two corners", (0.03, 0.95), (0.5, 0.15), fontsize=9, arrowprops=dict(arrowstyle="->"))
axes[2].add_patch(plt.Polygon([(0, 0), (0, 0.5), (0.5, 1), (1, 1), (1, 0.5), (0.5, 0)], facecolor=tints[0]))
axes[2].plot(*cut, *cut[::-1], color=viz.VERMILION)
folded = torch.stack([corners.amin(1), corners.amax(1)], 1)  # (1, 0) comes to lie on (0, 1)
titles = ("1. fold along the dashes", "2. cut once", "3. unfold")
for ax, title, outline, points in zip(axes, titles, (sheet, half, sheet), (corners, folded, corners)):
    ax.add_patch(plt.Polygon(outline, facecolor="white" if ax is axes[0] else tints[1], edgecolor=viz.INK, zorder=0))
    ax.set(title=title, aspect="equal", xlabel="$x_1$", ylabel="$x_2$", xticks=(0, 1), yticks=(0, 1))
    mark(ax, points)
viz.show(
    fig,
    alt="A square sheet with the four XOR corners. Folded along its diagonal, (1, 0) comes to lie on (0, 1), and one "
    "straight cut parts them from the other two. Unfolded, the cut is two parallel lines, (0, 0) and (1, 1) between.",
)

# %% [markdown]
# ## Layers and the forward pass
#
# A **layer** is a row of perceptrons that look at the same inputs. Put their weights as rows into a matrix $W$, their biases into
# a vector $b$, replace the hard threshold by some function $f$, the **activation**, and feed the outputs to the next layer:
#
# $$ h = f(W_1 x + b_1), \quad y = W_2\, h + b_2 $$
#
# The $h$ in the middle is a **hidden layer**: no data tell it what to be. The whole is a **multilayer perceptron** (MLP), and
# computing $y$ from $x$ is the **forward pass**. It is a loop; we keep every layer's output, because we shall need them.

# %%
def forward(x, layers, f=torch.relu):
    """All outputs, the input [N, D] first; layers: weights [K, D], bias [K]."""
    outputs = [x]
    for index, (weight, bias) in enumerate(layers):
        z = outputs[-1] @ weight.T + bias  # [N, K]: a row an example
        last = index == len(layers) - 1
        outputs.append(z if last else f(z))  # no activation at the very end
    return outputs

# %% [markdown]
# With the activation $\max(0, z)$, two hidden units are enough for XOR. One measures how far a point lies on one side of the
# diagonal, the other how far on the other side; their sum is the distance from the crease.

# %%
hidden = (torch.tensor([[1.0, -1], [-1, 1]]), torch.zeros(2))  # ±(x₁ − x₂)
output = (torch.tensor([[1.0, 1]]), torch.tensor([-0.5]))  # their sum, minus ½
_, h, y = forward(corners, [hidden, output])
for corner, inside, score in zip(corners.tolist(), h.tolist(), y.tolist()):
    print(f"x = {corner}  →  h = {inside}  →  y = {score}")
assert ((y[:, 0] > 0) == xor.bool()).all()  # XOR, by nine numbers set by hand

# %% [markdown]
# ## Why an activation?
#
# Take the function $f$ away. A linear unit after a linear unit is a linear unit again:
#
# $$ v(x) = ax + b, \qquad w(z) = cz + d $$
#
# $$ \begin{aligned} w(v(x)) &= c\,(ax+b) + d \\ &= (ac)\,x + (cb+d) \end{aligned} $$

# %%
a, b, c, d = 3.0, 1.0, -2.0, 5.0
x = torch.linspace(-2, 2, 9)
v = a * x + b
w = c * v + d
assert torch.equal(w, (a * c) * x + (c * b + d))
print(f"two lines composed: {a * c:g}·x + {c * b + d:g}, one line")

unbent = forward(corners, [hidden, output], f=lambda z: z)[-1]
assert (unbent == -0.5).all()  # the XOR network answers the same to everything

# %% [markdown]
# So it goes for matrices ($W_2 W_1$ is a matrix) and for a hundred layers. Depth is worth nothing without a bend between the
# layers. Two bends have made history:
#
# * the **sigmoid** $\sigma(z) = 1/(1+e^{-z})$, the S of lecture 1, squashes any score into (0, 1). Its slope can be had from its value:
#   $\sigma'(z) = \sigma(z)\,(1-\sigma(z))$;
# * the **rectified linear unit**, $\mathrm{ReLU}(z) = \max(0, z)$, cuts off what is negative. Its slope is 1 where $z > 0$ and 0
#   where $z < 0$.

# %%
z = torch.linspace(-6, 6, 241).double().requires_grad_()
s = torch.sigmoid(z)
(slope,) = torch.autograd.grad(s.sum(), z)
assert torch.allclose(slope, s * (1 - s))
print(f"largest slope of the sigmoid: {slope.max():.2f}")
print(f"ten sigmoids in a row pass on at most {slope.max() ** 10:.0e}")

# %% [markdown]
# The sigmoid's slope is a quarter at best and dies on both sides, so that deep piles of sigmoids hardly learn. The ReLU passes
# its slope on whole, or not at all: a unit that is negative for every example gets no gradient and stays dead. At exactly 0 it
# has no derivative; any number from 0 to 1 will do (some books say 1, PyTorch says 0), since scores hardly ever hit it.
#
# *Is one hidden layer enough?* In principle: enough sigmoid units come as close as you like to any continuous function on a closed,
# bounded region (Cybenko, 1989). How many units, and with which weights, the theorem does not say.
#
# ## Losses: how wrong is wrong?
#
# To learn, the network needs one number that says how bad its answers are. For a quantity $t$ it is the **squared error**,
# $\tfrac12 (t-y)^2$. For yes or no, $t\in\{0,1\}$, the sigmoid makes the score a probability $p = \sigma(z)$, and we take minus the
# logarithm of the probability given to what happened, the **binary cross-entropy**, and its mean over all examples:
#
# $$ L = - t \log p - (1-t) \log(1-p) $$
#
# *Why not the squared error here, too?* Look at an example that is badly wrong: the answer is 1 and the score is −6.

# %%
losses = {
    "squared error": 0.5 * (1 - torch.sigmoid(z)) ** 2,
    "cross-entropy": -F.logsigmoid(z),  # −log p
}
for name, loss in losses.items():
    (slope,) = torch.autograd.grad(loss.sum(), z)
    print(f"{name}: {loss[0]:.2f} at a score of −6, slope {slope[0]:.4f}")
assert torch.allclose(slope, torch.sigmoid(z) - 1)  # of the cross-entropy

# %% [markdown]
# The worse the mistake, the less the squared error of a sigmoid wants to mend it. Cross-entropy undoes the sigmoid: its slope
# is $\sigma(z) - t$, prediction minus truth.
#
# For $K$ classes the network has $K$ outputs, one **logit** a class, and **softmax** makes them probabilities,
# $p_k = e^{z_k} / \sum_j e^{z_j}$. (Two classes, the second logit fixed at 0: $e^z/(e^z+1)$ is the sigmoid.) As the formula stands,
# it breaks: in float32 everything above $e^{88.7}$ is infinite.

# %%
def softmax_naive(z):
    return z.exp() / z.exp().sum(-1, keepdim=True)  # each row by itself


def softmax(z):
    return softmax_naive(z - z.amax(-1, keepdim=True))  # the largest is 0


logits = torch.tensor([[1.0, 2, 3], [101, 102, 103]])  # float32
for f in (softmax_naive, softmax):
    print(f"{f.__name__:<14}", f(logits).double().numpy().round(2).tolist())
assert softmax_naive(logits)[1].isnan().all()  # infinity / infinity
assert torch.allclose(softmax(logits)[0], softmax(logits)[1])

# %% [markdown]
# A shift of all logits cancels in the fraction, so we shift the largest to zero: no exponential exceeds 1. The loss, **softmax
# cross-entropy** $-\log p_{\text{truth}}$, has a trap of its own: a tiny probability rounds to 0, whose logarithm is $-\infty$. Take
# the logarithm on paper, then compute.

# %%
def cross_entropy(z, truth):
    z = z - z.amax(-1, keepdim=True)
    log_p = z - z.exp().sum(-1, keepdim=True).log()  # never the log of 0
    return -log_p.gather(1, truth[:, None]).mean()


far, truth = torch.tensor([[0.0, 200]]), torch.tensor([0])
print("softmax, then log:   ", -softmax(far)[0, 0].log().item())
print("on paper first:      ", cross_entropy(far, truth).item())
print("ten classes, no idea:", cross_entropy(torch.zeros(1, 10), truth).item())
assert cross_entropy(far, truth) == F.cross_entropy(far, truth) == 200

logits, truth = torch.randn(6, 10).double().requires_grad_(), torch.arange(6)
(by_autograd,) = torch.autograd.grad(cross_entropy(logits, truth), logits)
assert torch.allclose(by_autograd, (softmax(logits) - F.one_hot(truth, 10)) / 6)

# %% [markdown]
# The last printed line is worth remembering: ten classes and no idea cost $\ln 10 \approx 2.30$. If your first loss is far above,
# something is wrong before training began. And the gradient is as plain as can be, as the last assertion holds: $\partial L/\partial z$
# is $p$ less 1 at the true class, again prediction minus truth (the 6 is the mean over six examples).
#
# ## Downhill
#
# A minimum of the loss $J(w)$ has gradient 0. (So have a maximum and a saddle: zero gradient is necessary, not sufficient.) Begin
# where everything is known, with one linear unit and squared errors. The chain rule gives
#
# $$ \begin{aligned} J(w) &= \tfrac12 \textstyle\sum_n \big(t_n - x_n^\top w\big)^2 \\ \nabla_w J(w) &= -\textstyle\sum_n \big(t_n - x_n^\top w\big)\, x_n \end{aligned} $$

# %%
runtime.seed_all(1)
u = 2 * torch.rand(4000).double()
x = torch.stack([torch.ones_like(u), u], 1)  # [4000, 2]: constant, feature
t = 1 + 2 * u + 0.5 * torch.randn(4000).double()


def gradient(w, x, t):
    return -(t - x @ w) @ x / len(x)  # divided by N, so that a rate suits any N


w = torch.zeros(2).double().requires_grad_()
(by_autograd,) = torch.autograd.grad(0.5 * ((t - x @ w) ** 2).mean(), w)
assert torch.allclose(gradient(w.detach(), x, t), by_autograd)
best = torch.linalg.lstsq(x, t).solution
assert gradient(best, x, t).norm() < 1e-10

# %% [markdown]
# For one linear unit, `lstsq` finds the minimum outright. For a network nothing does, so we walk. **Gradient descent** (GD; Cauchy,
# 1847) takes a step against the gradient of *all* examples, $w \leftarrow w - \gamma \nabla J(w)$, with a small rate $\gamma$.
# **Stochastic gradient descent** (SGD; Robbins and Monro, 1951) asks only a few examples, a **mini-batch**, and steps at once.

# %%
def descend(batch_size, rate, passes=40):
    """How far J lies above its minimum, after every step; the rate may fall."""
    runtime.seed_all(0)
    w, excess = torch.zeros(2).double(), []
    for _ in range(passes):
        for batch in torch.randperm(len(x)).split(batch_size):
            w = w - rate(len(excess)) * gradient(w, x[batch], t[batch])
            excess.append(0.5 * ((x @ (w - best)) ** 2).mean())  # J is a bowl
    return torch.stack(excess).reshape(passes, -1)


level = {
    "GD": descend(4000, lambda step: 0.5),
    "SGD, 10 at a time": descend(10, lambda step: 0.1),
    "SGD, falling rate": descend(10, lambda step: 0.1 / (1 + step / 400)),
}
hovering = level["SGD, 10 at a time"]
assert hovering[1].mean() < level["GD"][9]  # pass 2 beats pass 10
assert level["GD"][-1] < hovering[30:].mean() / 5  # in the long run GD wins

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.2))
for (name, values), line in zip(level.items(), ("-", "-", "--")):
    parts = values.reshape(40, min(10, values.shape[1]), -1).mean(2).flatten()  # SGD: tenths of a pass
    ax.semilogy((torch.arange(len(parts)) + 1) * 40 / len(parts), parts, line, lw=1.5, label=name)
ax.set(title="What a look at the data buys", xlabel="passes over the data", ylabel="J − J(best)")
ax.legend(fontsize=8)
viz.show(fig, alt="SGD sinks first, then hovers on a floor that GD crosses later; with a falling rate it sinks on.")

# %% [markdown]
# * **For GD**: three lines, any number of weights, and on a bowl it converges to the last digit.
# * **Against**: it needs a smooth function, reads everything before each step, and comes to rest in any hollow or on any plateau it
#   happens upon, not only at the deepest place (XOR will show it).
# * **For SGD**: it is far ahead while it matters, and a step needs the memory of one batch. Where many solutions fit, it is said to
#   prefer simple ones (**implicit regularisation**): a theorem for linear units, an observation for deep networks.
# * **Against**: the rate needs care. With a constant rate SGD never arrives but hovers; the convergence proof wants a rate that falls.
#
# ## Momentum and Adam
#
# Most losses have narrow valleys: steep across, flat along. The steep direction caps the rate (where the curvature is $c$, GD
# diverges above $2/c$), and at that rate the flat direction takes forever. **Momentum** (Polyak, 1964) keeps a running sum of
# gradients: across the valley they cancel, along it they add up. **Adam** (Kingma and Ba, 2015) keeps running means of the gradient
# and of its square and divides one by the root of the other, so that each weight gets a rate of its own.

# %%
def gd(g, memory, rate, step):
    return rate * g


def momentum(g, memory, rate, step):
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return rate * memory["v"]


def adam(g, memory, rate, step):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["s"] = 0.999 * memory.get("s", 0) + 0.001 * g**2
    m = memory["m"] / (1 - 0.9**step)  # both means began at 0, so scale them up
    s = memory["s"] / (1 - 0.999**step)
    return rate * m / (s.sqrt() + 1e-8)


# %% [markdown]
# A race in narrow valleys, $J(w) = \tfrac12 w^\top H w$ with the gradient $Hw$, and a fair one: at every narrowness $\kappa$, the
# ratio of the two curvatures, each rule gets the best of 40 rates. We count the steps until the loss stays below a thousandth. Adam
# (first checked against PyTorch's own) runs twice, the second time in the same valley turned by 45°.

# %% tags=["hide-input"]
def walk(rule, rate, H, start, steps):
    """Every place on the way down ½ wᵀHw, [S + 1, …, 2]."""
    w, memory, path = start, {}, [start]
    for step in range(1, steps + 1):
        w = w - rule((H @ w[..., None])[..., 0], memory, rate, step)
        path.append(w)
    return torch.stack(path)


valley, start = torch.diag(torch.tensor([1.0, 50])), torch.tensor([-9.0, 1.5])
w = start.clone().requires_grad_()
theirs = torch.optim.Adam([w], lr=0.7)
for _ in range(60):
    w.grad = valley @ w.detach()
    theirs.step()
assert torch.allclose(walk(adam, 0.7, valley, start, 60)[-1], w, atol=1e-4)

narrowness = torch.tensor([3.0, 10, 30, 100, 300, 1000]).double()
valleys = torch.diag_embed(torch.stack([torch.ones(6).double(), narrowness], 1))  # [6, 2, 2]
turn = torch.tensor([[1.0, -1], [1, 1]]).double() / math.sqrt(2)  # by 45°
rates, ones = 2.0 ** torch.arange(-16, 4, 0.5).double()[:, None, None], torch.ones(2).double()


def steps_needed(rule, H, start, most=1700):
    """Steps until the loss stays below 0.001, at the best rate, in each valley."""
    path = walk(rule, rates, H, start.expand(40, 6, 2), most)  # [S + 1, 40, 6, 2]
    loss = 0.5 * (path * (H @ path[..., None])[..., 0]).sum(-1)
    last = (~(loss < 1e-3) * torch.arange(most + 1)[:, None, None]).amax(0)  # the last step at which it was high
    return (last.amin(0) + 1).tolist()


race = {rule.__name__: steps_needed(rule, valleys, ones) for rule in (gd, momentum, adam)}
race["adam, turned"] = steps_needed(adam, turn @ valleys @ turn.T, turn @ ones)
assert race["gd"][0] < race["momentum"][0] / 5  # a round bowl needs no memory
assert race["gd"][-1] > 5 * max(race["momentum"][-1], race["adam"][-1])
assert race["adam, turned"][-1] > 2 * race["adam"][-1]

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), width_ratios=[1.3, 1])
first, second = torch.linspace(-10, 3, 80), torch.linspace(-2.4, 2.4, 80)
heights = 0.5 * (first**2 + 50 * second[:, None] ** 2)
left.contour(first, second, heights, levels=[2, 8, 20, 40, 80, 130], colors="#b5b2a8", linewidths=1)
looks = [(viz.BLUE, "o-"), (viz.VERMILION, "s-"), (viz.GREEN, "^-"), (viz.GREEN, "^:")]
for rule, rate, (colour, line) in zip((gd, momentum, adam), (0.035, 0.01, 0.7), looks):
    left.plot(*walk(rule, rate, valley, start, 60).T, line, ms=3.5, lw=1, color=colour, label=rule.__name__)
for (name, needed), (colour, line) in zip(race.items(), looks):
    right.loglog(narrowness, needed, line, ms=5, color=colour, label=name)
left.plot(0, 0, "*", ms=13, color=viz.INK, zorder=4)
left.set(title="A valley of narrowness 50, 60 steps", xlabel="$w_1$", ylabel="$w_2$", ylim=(-2.4, 2.9))
left.legend(fontsize=8, ncols=3, loc="upper center")
right.set(title="Steps needed, best rate", xlabel="narrowness κ", ylabel="steps")
right.legend(fontsize=8)
viz.show(
    fig,
    alt="Left: GD zigzags across a narrow valley, momentum swings in wide arcs, Adam heads along it. Right: the "
    "steps of GD grow with the narrowness, those of momentum and Adam hardly, unless Adam's valley is turned.",
)

# %% [markdown]
# Read the right picture three times. GD needs steps in proportion to $\kappa$, and in a round bowl it wins. Momentum pays for its
# swinging at the start, then hardly minds. Adam does as well, but its secret is *one rate a weight*: it helps most when the valley
# runs along the axes.
#
# ## Back-propagation, with all its numbers
#
# We can walk downhill if we know the gradient. In a network a weight of the first layer moves the loss only by way of everything
# after it, and the chain rule multiplies what happens on the way. Take two inputs, two linear hidden units, one output, no biases,
# and one example: $x = (2, 3)$ should give $t = 1$. The error is $E = \frac12 (y-t)^2$.
#
# **Forward.** $h_1 = x_1 w_1 + x_2 w_2$, $\ h_2 = x_1 w_3 + x_2 w_4$, $\ y = h_1 w_5 + h_2 w_6$.

# %%
x = torch.tensor([2.0, 3.0]).double()
target = 1.0
W1 = torch.tensor([[0.11, 0.21], [0.12, 0.08]]).double()  # [[w1, w2], [w3, w4]]
W2 = torch.tensor([0.14, 0.15]).double()  # [w5, w6]

h = W1 @ x
prediction = W2 @ h
delta = prediction - target
print(f"h = ({h[0]:.2f}, {h[1]:.2f})   y = {prediction:.3f}   Δ = {delta:.3f}")
assert [round(value, 2) for value in h.tolist()] == [0.85, 0.48]
assert round(prediction.item(), 3) == 0.191 and round(delta.item(), 3) == -0.809

# %% [markdown]
# **Backward.** The error's slope at the output is $\partial E/\partial y = y - t = \Delta$. From there, one factor a step:
#
# $$ \frac{\partial E}{\partial w_6} = \underbrace{\frac{\partial E}{\partial y}}_{\Delta} \underbrace{\frac{\partial y}{\partial w_6}}_{h_2} $$
#
# $$ \frac{\partial E}{\partial w_1} = \underbrace{\frac{\partial E}{\partial y}}_{\Delta} \underbrace{\frac{\partial y}{\partial h_1}}_{w_5} \underbrace{\frac{\partial h_1}{\partial w_1}}_{x_1} $$
#
# Every weight's gradient is *what came in* times *the blame that came back*. Blame travels backwards along the same wires,
# through the same weights.

# %%
grad_W2 = delta * h  # what came in: h; the blame: Δ
blame = delta * W2  # ∂E/∂h: through w5 and w6, the old ones
grad_W1 = torch.outer(blame, x)  # [2, 2]

rate = 0.05
new_W1, new_W2 = W1 - rate * grad_W1, W2 - rate * grad_W2
rounded = [round(w, 2) for w in [*new_W1.flatten().tolist(), *new_W2.tolist()]]
names = ["w1", "w2", "w3", "w4", "w5", "w6"]
print("  ".join(f"{name} = {value:.2f}" for name, value in zip(names, rounded)))
assert rounded == [0.12, 0.23, 0.13, 0.10, 0.17, 0.17]

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.6, 3))
places = torch.tensor([[0, 1], [0, 0], [1, 1], [1, 0], [2, 0.5]])  # x1, x2, h1, h2, y
wires = [(0, 2, 0.5), (1, 2, 0.2), (0, 3, 0.2), (1, 3, 0.5), (2, 4, 0.5), (3, 4, 0.5)]  # from, to, where the text is
values = ["$x_1$ = 2", "$x_2$ = 3", f"$h_1$ = {h[0]:.2f}", f"$h_2$ = {h[1]:.2f}", f"$y$ = {prediction:.3f}"]
blames = ["", "", *[f"{v:.3f}" for v in blame], f"{delta:.3f}"]
texts = [(*place, forth, back) for place, forth, back in zip(places, values, blames)]
slopes = [*grad_W1.flatten(), *grad_W2]
for (source, end, at), name, old, slope in zip(wires, names, [*W1.flatten(), *W2], slopes):
    ax.plot(*places[[source, end]].T, color=viz.PALE, lw=3, zorder=0)
    texts += [(*torch.lerp(places[source], places[end], at), f"{name} = {old:g}", f"{slope:.2f}")]
for across, up, forth, back in texts:
    where = dict(ha="center", fontsize=9, bbox=dict(fc=viz.GROUND, ec="none", pad=1))
    ax.text(across, up + 0.01, forth, va="bottom", color=viz.BLUE, **where)
    ax.text(across, up - 0.01, back, va="top", color=viz.VERMILION, **where)
ax.set(title="Blue: values and weights. Red: ∂E/∂ of each", xlim=(-0.3, 2.3), ylim=(-0.2, 1.2))
ax.axis("off")
viz.show(
    fig,
    alt="The 2-2-1 network. Forward: inputs 2 and 3, hidden 0.85 and 0.48, prediction 0.191. Backward, on the same "
    "wires: −0.809 at the output, −0.113 and −0.121 at the hidden units, on every wire the gradient of its weight.",
)

# %% [markdown]
# (A common slip: update $w_5$ first and send the blame back through the *new* $w_5$. All gradients belong to the old weights.)
# Now let it **repeat until learned**.

# %%
predictions = []
while abs(delta) > 0.001:
    h = W1 @ x
    delta = W2 @ h - target
    predictions.append((delta + target).item())
    grad_W1, grad_W2 = torch.outer(delta * W2, x), delta * h  # from old weights
    W1, W2 = W1 - rate * grad_W1, W2 - rate * grad_W2
updates = len(predictions) - 1
print("after 0, 3, 6, … updates:", [round(y, 2) for y in predictions[::3]])
print(f"after 1 update {predictions[1]:.3f}, within 0.001 after {updates}")
assert round(predictions[1], 2) == 0.26 and updates < 30

# %% [markdown]
# It speeds up before it slows down: each layer's gradient is multiplied by the other's weights, and both are growing. Even a
# network without activations learns along a curve. (It has learned *one example*; the numbers show the machine, not its worth.)
#
# ## Back-propagation for any network
#
# In matrices, with $a_l$ the output of layer $l$, $\delta_l$ the blame $\partial L/\partial z_l$ at its scores, and a batch in the rows:
#
# $$ \begin{aligned} \partial L/\partial W_l &= \delta_l^\top a_{l-1} \\ \partial L/\partial b_l &= \textstyle\sum_n \delta_{l,n} \\ \delta_{l-1} &= (\delta_l W_l) \odot f'(z_{l-1}) \end{aligned} $$
#
# The same three moves in every layer: blame times input, blame alone, blame sent down ($\odot$ multiplies entry by entry). For the
# sigmoid $f' = a(1-a)$, which is why the forward pass kept the outputs.

# %%
def backward(outputs, layers, delta, slope=lambda a: a * (1 - a)):
    """Gradients [(∂W, ∂b), …] of the layers, from the blame [N, K] on top."""
    gradients = []
    for (weight, _), below in zip(reversed(layers), reversed(outputs[:-1])):
        gradients.insert(0, (delta.T @ below, delta.sum(0)))
        delta = (delta @ weight) * slope(below)  # once more than needed
    return gradients


# %%
runtime.seed_all(0)
shapes = [(7, 5), (4, 7), (3, 4)]  # three layers: 5 inputs, 3 classes
layers = [[torch.randn(s).double() for s in ([k, d], [k])] for k, d in shapes]
leaves = [p.requires_grad_() for layer in layers for p in layer]
x, truth = torch.randn(20, 5).double(), torch.arange(20) % 3

outputs = forward(x, layers, torch.sigmoid)
F.cross_entropy(outputs[-1], truth).backward()  # fills .grad
delta = (softmax(outputs[-1]) - F.one_hot(truth, 3)) / 20  # the blame on top
by_hand = [g for pair in backward(outputs, layers, delta) for g in pair]
worst = max((g - p.grad).abs().max() for g, p in zip(by_hand, leaves))
print(f"largest difference from autograd: {worst:.0e}")
assert worst < 1e-12

# %% [markdown]
# `course_lib/models/mlp.py` holds the same in 20 lines, as a class. What makes it great is its price. To find the gradient by trying,
# you would nudge every weight and run the network again, once for each weight; back-propagation finds them all at once, with two
# matrix products where the forward pass does one.
#
# The trick was found more than once: by Seppo Linnainmaa in 1970, to follow rounding errors through a program, by Paul Werbos for
# networks (1974), and in 1986 David Rumelhart, Geoffrey Hinton and Ronald Williams showed in *Nature* that hidden units trained with
# it invent useful features. Found twice during the AI winter of lecture 1, it helped to end it.
#
# ## XOR, solved
#
# Two sigmoid hidden units, a sigmoid output, binary cross-entropy, all four corners at once, momentum. We film it.

# %%
def learn_xor(seed, hidden=2, steps=400, rate=1.0):
    """The layers after every step, and the loss."""
    runtime.seed_all(seed)
    shapes = (hidden, 2), (1, hidden)
    layers = [[torch.randn(k, d), torch.zeros(k)] for k, d in shapes]
    memory, film, losses = [[{}, {}], [{}, {}]], [], []
    for step in range(steps + 1):
        film.append(layers)
        outputs = forward(corners, layers, torch.sigmoid)
        p = torch.sigmoid(outputs[-1])  # [4, 1]
        losses.append(F.binary_cross_entropy(p[:, 0], xor).item())
        gradients = backward(outputs, layers, (p - xor[:, None]) / 4)
        layers = [
            [w - momentum(g, m, rate, step) for w, g, m in zip(*parts)]
            for parts in zip(layers, gradients, memory)
        ]
    return film, losses


# %%
def answers(layers):
    return torch.sigmoid(forward(corners, layers, torch.sigmoid)[-1])[:, 0]


film, losses = learn_xor(seed=2)
print("answers:", *[f"{p:.2f}" for p in answers(film[-1])])
assert ((answers(film[-1]) > 0.5) == xor.bool()).all() and losses[-1] < 0.05

# %% [markdown]
# Now watch. On the left is the input space, with the lines where each hidden unit says ½. On the right the same sheet as the *output
# unit* sees it: each point placed at its two hidden activations. There the boundary is a straight line, always, because the output
# unit is a perceptron and can do nothing else. **Learning does not bend the boundary. It bends the sheet, until a straight cut will
# do.** The thin trails show how the corners travelled: in the end the two orange ones lie together. The network has
# folded the paper.

# %% tags=["hide-input"]
def square(low: float, high: float) -> torch.Tensor:
    ticks = torch.linspace(low, high, 81)
    return torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"), -1)  # [81, 81, 2]


sheet, unit = square(-0.3, 1.3), square(-0.05, 1.05)


def draw_xor(step: int) -> plt.Figure:
    (w1, b1), (w2, b2) = film[step]
    hidden = torch.sigmoid(sheet @ w1.T + b1)  # [81, 81, 2]
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.7))
    for ax, place, inside in ((axes[0], sheet, hidden), (axes[1], unit, unit)):
        score = (inside @ w2.T + b2)[..., 0]
        ax.contourf(*place.unbind(-1), score, levels=[-1e6, 0, 1e6], colors=tints)
        if score.min() < 0 < score.max():
            ax.contour(*place.unbind(-1), score, levels=[0], colors=[viz.INK], linewidths=2.5)
        ax.set(aspect="equal", xlim=place[[0, -1], 0, 0], ylim=place[0, [0, -1], 1], xticks=(0, 1), yticks=(0, 1))
    for k, look in enumerate((dict(colors=[viz.VERMILION], linestyles="--"), dict(colors=[viz.GREEN], linestyles=":"))):
        axes[0].contour(*sheet.unbind(-1), hidden[..., k], levels=[0.5], **look)
    for wire in [*hidden[::8], *hidden[:, ::8].unbind(1)]:
        axes[1].plot(*wire.T, color="#6e6c66", lw=0.8)
    trail = torch.stack([torch.sigmoid(corners @ w.T + b) for (w, b), _ in film[: step + 1]])  # [S, 4, 2]
    for corner in trail.unbind(1):
        axes[1].plot(*corner.T, color=viz.INK, lw=0.8)
    mark(axes[0], corners)
    mark(axes[1], trail[-1], size=60)
    axes[0].set(title="Input space", xlabel="$x_1$", ylabel="$x_2$")
    axes[1].set(title="Hidden space", xlabel="unit 1 (dashed)", ylabel="unit 2 (dotted)")
    fig.suptitle(f"Step {step}, loss {losses[step]:.2f}", fontsize=11)
    return fig


def say_xor(step: int) -> str:
    right = ((answers(film[step]) > 0.5) == xor.bool()).sum().item()
    return f"Step {step}: {right} of 4 corners right; the boundary in the plane, and straight in hidden space."


viz.knob(draw_xor, say_xor, default=6, training_step=[0, 10, 20, 30, 40, 50, 60, 70, 80, 100, 400])

# %% [markdown]
# We chose that seed. *Do two hidden units always find it?* Ask twenty networks, for each number of hidden units.

# %%
solved = {}
for hidden in (1, 2, 4):
    ends = [learn_xor(seed, hidden)[1][-1] for seed in range(20)]
    solved[hidden] = sum(loss < 0.1 for loss in ends)
print("hidden units: solved, of 20:", solved)
assert solved[1] == 0 and solved[2] < 18 < solved[4]

# %% [markdown]
# One hidden unit cannot: it sees the plane along one direction, and an S along a line is still a single cut. Two are enough to *hold*
# a solution, but some starts come to rest on a plateau. With more units a good pair among them is likelier. Networks are made
# larger than the problem asks for, so that they train.
#
# ## Fashion-MNIST
#
# Real pictures: ten kinds of garment, 28×28 grey pixels, 60,000 to learn from and 10,000 to be judged by. The image is flattened into
# a list of 784 numbers, as if it were a table row. A layer of $K$ units with $D$ inputs has $K(D+1)$ parameters.

# %%
train_set = datasets.load("fashion_mnist", "train")
test_set = datasets.load("fashion_mnist", "test")


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), models.MLP([784, 128, 10]))  # with ReLU


first, second = 128 * (784 + 1), 10 * (128 + 1)
assert first + second == models.count_parameters(mlp()) == 101_770
print(f"{first:,} + {second:,} = {first + second:,} parameters")

# %% tags=["hide-input"]
first_of_each = [int((train_set.labels == k).nonzero()[0]) for k in range(10)]
viz.show(
    viz.image_grid(train_set.images[first_of_each], titles=train_set.classes, columns=5, size=1.2),
    alt="The first training image of each class: " + ", ".join(train_set.classes) + ".",
)

# %% [markdown]
# Training is what we did for XOR, with softmax cross-entropy, mini-batches of 128 and Adam. The loop is `train.fit`, 40 lines that you
# can read by now (its AdamW is Adam with shrinking weights, lecture 5). One run proves little, so three seeds and their range.

# %% tags=["remove-stderr"]
epochs = scale.pick(cpu=3, gpu=12, full=40)
plan = dict(seeds=range(3), epochs=epochs, lr=3e-3)
runs = train.over_seeds(mlp, train_set, test_set, **plan)
final = [history.test_accuracy[-1] for _, history in runs]
print("test accuracy", runs.range)
assert min(final) >= 0.86

# %% [markdown]
# ## What is i.i.d., and why does learning need it?
#
# *What is i.i.d.?* **Independent and identically distributed**: every example is drawn from the same distribution, and no draw
# depends on another. Statistics rests on it: the mean of $n$ such draws has a standard error of $\sigma/\sqrt n$ ($\sigma$ is the
# spread of one draw), and that is how far to trust a test accuracy.

# %%
p, n = final[0], len(test_set)
error = math.sqrt(p * (1 - p) / n)
print(f"{p:.1%} on {n:,} independent images: known to about ±{2 * error:.1%}")
assert 2 * error < 0.01

# %% [markdown]
# *Why does learning need it?* Two parts, two ways to fail. **Not independent**: SGD takes a batch for a fair sample of all examples. We
# show a fresh network the same 10,000 images once, either shuffled or sorted by class, with every other detail the same.

# %%
some = train_set[:10_000]
shuffled = torch.randperm(10_000, generator=runtime.seed_all(0))
orders = {"shuffled": shuffled, "sorted": some.labels.argsort(stable=True)}
right = {}
for name, order in orders.items():
    runtime.seed_all(0)
    net = mlp()
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    for batch in order.split(50):
        sgd.zero_grad()
        answer, truth = net(some[batch].inputs()), some.labels[batch]
        F.cross_entropy(answer, truth).backward()
        sgd.step()
    says = train.predict(net, test_set.inputs()).argmax(1)
    right[name] = (says == test_set.labels).float().mean()
    boots = (says == 9).float().mean()  # the last class
    print(f"{name:<9} {right[name]:.0%} right, {boots:.0%} answered boot")
assert right["shuffled"] > 0.6 and right["sorted"] < 0.3

# %% [markdown]
# Sorted, most of its answers are the class that it saw last: a batch of boots asks for one thing only, to say boot, and what came
# before is forgotten. The same images, the same network; only the order was not random. Hence the first line of every training
# loop: shuffle.
#
# **Not identically distributed**: the test images come from elsewhere. The garments are the same to you; to the network they are not.

# %%
x = test_set.inputs()
framed = F.pad(x, (4, 0), value=x.min().item())  # four columns of ground
elsewhere = {
    "as in training": x,
    "mirrored": x.flip(3),
    "negative": x.max() + x.min() - x,
    "2 px to the right": framed[..., 2:30],
    "4 px to the right": framed[..., :28],
}
for name, views in elsewhere.items():
    each = [train.accuracy(model, views, test_set.labels) for model, _ in runs]
    print(f"{name:<17} {min(each):.0%} to {max(each):.0%}")
    assert name == "as in training" or max(each) < min(final) - 0.1

# %% [markdown]
# Even the mirror is too much, since the shoes of this set point to the left, and a shift by two pixels costs a good part of the
# right answers. A test accuracy is a promise about images drawn like the test images, and about no others.
#
# ## Two faults
#
# **Parameters.** Every unit of the first layer has a weight for every pixel, so the layer grows with the picture.

# %%
sizes = {"Fashion-MNIST": 28 * 28, "ImageNet": 224 * 224 * 3}
sizes["a phone's photo"] = 4000 * 3000 * 3
for name, D in sizes.items():
    print(f"{name:<16} {D:>10,} numbers, {128 * (D + 1):>13,} parameters")

# %% [markdown]
# Nineteen million parameters for 128 units on a picture the size of a passport photo: more to store, more to compute, and above
# all more to *learn* from the same examples.
#
# **Lost structure.** Flattening threw away which pixels are neighbours. How much did the network miss it? Shuffle the 784 pixels, with
# one fixed shuffle for all images.

# %% tags=["hide-input"]
shuffle = torch.randperm(784, generator=runtime.seed_all(0))


def scramble(images: datasets.ImageSet) -> datasets.ImageSet:
    """The same images, the pixels of each shuffled in the same way."""
    pixels = images.images.flatten(1)[:, shuffle]  # [N, 784]
    return dataclasses.replace(images, images=pixels.reshape(-1, 1, 28, 28))


pair = torch.cat([test_set.images[:6], scramble(test_set).images[:6]])
viz.show(viz.image_grid(pair, columns=6), alt="Above six garments, below the same six, pixels shuffled: noise.")

# %% tags=["remove-stderr"]
noise = train.over_seeds(mlp, scramble(train_set), scramble(test_set), **plan)
print(f"in order: {runs.range}\nshuffled: {noise.range}")
after = [history.test_accuracy[-1] for _, history in noise]
assert abs(sum(final) - sum(after)) / 3 < 0.015  # the means

W, x = runs[0][0].cpu()[1].layers[0].weight, test_set.inputs().flatten(1)
assert torch.allclose(x[:, shuffle] @ W[:, shuffle].T, x @ W.T, atol=1e-3)

# %% [markdown]
# You can no longer tell a boot from a bag, and to the network **nothing has changed**. It could not: shuffle the columns of the first
# weight matrix the same way, and every hidden unit gets the same score as before (the last line). At the start of training, both
# matrices are equally likely.
#
# So whatever it knows about images, it does not know that they are images.
#
# ## What breaks next
#
# What that costs we have seen: moved by two pixels, a garment is often a stranger. What was learned for one place is not known at
# the next. We need units that look at a *neighbourhood*, and the same units at every place. Looking at neighbourhoods is called
# filtering, and it is lecture 3.
#
# ## Summary
#
# * A layer computes $f(Wx+b)$ and has $K(D+1)$ parameters. Without a bend $f$ between them, all layers compose to one.
# * The output unit is still a perceptron: it cuts straight. The hidden units bend the space until a straight cut will do.
# * Losses: squared error for quantities, binary cross-entropy on a sigmoid for yes or no, cross-entropy on softmax for classes. In the
#   last two the gradient at the score is **prediction minus truth**. Shift the largest logit to zero before `exp`.
# * GD reads everything before a step; SGD steps after a few examples and hovers unless its rate falls. Momentum is for narrow valleys,
#   Adam for narrow valleys along the axes.
# * Back-propagation: blame times input is the gradient; blame through the old weights and the activation's slope goes one layer
#   down. All gradients together cost two forward passes more.
# * Learning assumes examples that are independent and identically distributed: shuffle, and test on what you will meet.
# * An MLP on images has too many parameters and does not know which pixels are neighbours.
#
# ## Five-minute quiz
#
# **1. How many parameters has an MLP with 784 inputs, hidden layers of 300 and 100 units and 10 outputs?**
#
# (a) 266,200  (b) 266,610  (c) 235,500  (d) 1,194
#
# <details><summary>Answer</summary>
#
# **(b)**: $300\cdot 785 + 100\cdot 301 + 10\cdot 101 = 266{,}610$. (a) forgets the biases, (c) counts the first layer only, (d) adds up
# units, but parameters sit on the wires between them.
#
# </details>
#
# **2. Someone removes all activations from a network of ten layers. What can it still represent?**
#
# (a) any continuous function, if wide enough  (b) polynomials of degree ten  (c) what one linear layer can  (d) nothing
#
# <details><summary>Answer</summary>
#
# **(c)**: linear maps compose to a linear map. (a) is Cybenko's theorem, which needs the activation. (b) would need products of inputs;
# a layer only adds them up, weighted. (d): it is a fine linear model, only a slow one.
#
# </details>
#
# **3. The logits are (1001, 1000), in float32. What is the stable softmax?**
#
# (a) (nan, nan)  (b) (0.5, 0.5)  (c) (1, 0)  (d) (0.73, 0.27)
#
# <details><summary>Answer</summary>
#
# **(d)**: only the difference counts, and $1/(1+e^{-1}) = 0.73$. (a) is what the naive formula gives. (b) would divide the logits by
# their size first, (c) is the maximum without the "soft": it needs a difference of many units, not of one.
#
# </details>
#
# **4. In the 2-2-1 network, Δ = −0.5, $w_5 = 0.4$, $x_1 = 2$. What is $\partial E/\partial w_1$?**
#
# (a) −1  (b) −0.2  (c) −0.4  (d) 0.4
#
# <details><summary>Answer</summary>
#
# **(c)**: $\Delta\, w_5\, x_1 = -0.5 \cdot 0.4 \cdot 2$. (a) forgets the way back through $w_5$, (b) forgets what came in, (d) is the
# direction of the update, not the gradient.
#
# </details>
#
# **5. The pixels of all training and test images are shuffled, each image with a different shuffle. An MLP now...**
#
# (a) does as well as before  (b) does much worse  (c) does better, the shuffle is augmentation  (d) needs a larger first layer
#
# <details><summary>Answer</summary>
#
# **(b)**: only *one* shuffle for all images (a) can be undone by the first layer's weights. With a new one each time an input no longer
# means anything but "some pixel", and all that is left is how bright the picture is overall. (c): augmentation must keep
# what makes the class. (d): no layer can undo a shuffle it does not know.
#
# </details>
#
# ## Papers
#
# * D. E. Rumelhart, G. E. Hinton, R. J. Williams. [Learning representations by back-propagating errors](https://doi.org/10.1038/323533a0). *Nature* 323, 1986.
# * S. Linnainmaa. [Taylor expansion of the accumulated rounding error](https://doi.org/10.1007/BF01931367). *BIT Numerical Mathematics* 16, 1976: his thesis of 1970, in English.
# * G. Cybenko. [Approximation by superpositions of a sigmoidal function](https://doi.org/10.1007/BF02551274). *Mathematics of Control, Signals and Systems* 2, 1989.
# * X. Glorot, A. Bordes, Y. Bengio. [Deep sparse rectifier neural networks](https://proceedings.mlr.press/v15/glorot11a.html). AISTATS 2011: why ReLU.
# * H. Robbins, S. Monro. [A stochastic approximation method](https://doi.org/10.1214/aoms/1177729586). *Annals of Mathematical Statistics* 22, 1951.
# * B. T. Polyak. [Some methods of speeding up the convergence of iteration methods](https://doi.org/10.1016/0041-5553(64)90137-5). *USSR Computational Mathematics and Mathematical Physics* 4, 1964.
# * D. P. Kingma, J. Ba. [Adam: a method for stochastic optimization](https://arxiv.org/abs/1412.6980). ICLR 2015.
# * H. Xiao, K. Rasul, R. Vollgraf. [Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms](https://arxiv.org/abs/1708.07747). 2017.
