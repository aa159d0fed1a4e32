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
# # Assignment 01: a machine that learns from its mistakes
#
# In 1958 it took an IBM 704 the size of a room. Here it takes you six short functions: the unit, its rule, the loop
# around it, the number that says how hard a problem is, and a judge that says whether it can be learned at all. In the
# end you repeat the demonstration of that July, left against right, and find the question that should have been asked
# there.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `predict` | 3 |
# | 2 | `update` | 4 |
# | 3 | `train` | 6 |
# | 4 | `margin`, `mistake_bound` | 5 |
# | 5 | `separable` | 4 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 01.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect, so a `train` that
# does not stop in time yet still earns the rest. When we grade, the same checks run once more with inputs that nobody
# has seen, in `float64` and to within $10^{-10}$. The course's own perceptron is refused, as it is your turn. No
# exercise needs another one: stuck on 2, go on with 3.

# %%
import itertools

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from course_lib import viz
from course_lib.checks import expect_close, expect_equal, expect_error, own_work

# %% [markdown]
# ## Exercise 1: the unit (3 points)
#
# A perceptron holds one weight for each input and a bias. It answers 1 where $w \cdot x + b > 0$, and 0 otherwise; a
# score of *exactly* zero is a 0. Take $w = (1, -2)$ and $b = 1$:
#
# | $x$ | $w \cdot x + b$ | answer |
# |---|---|---|
# | $(2, 1)$ | $2 - 2 + 1 = 1$ | 1 |
# | $(1, 1)$ | $1 - 2 + 1 = 0$ | 0 |
# | $(0, 3)$ | $0 - 6 + 1 = -5$ | 0 |
#
# `predict(x, w, b)` answers for many examples at once:
#
# | | shape | |
# |---|---|---|
# | `x` | `[N, D]` | `N` examples of `D` inputs; `N` may be 0 |
# | `w` | `[D]` | |
# | `b` | `[]` | a tensor with a single number |
# | result | `[N]` | 0 or 1, of dtype `torch.int64` |
#
# <details><summary>Hint</summary>
#
# `x @ w` gives all weighted sums at once. A comparison gives `True` and `False`; `.long()` makes integers of them.
#
# </details>


# %% nbgrader={"grade_id": "predict", "solution": true}
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The answers, 0 or 1 [N], of a perceptron with weights w [D] and bias b [] to examples x [N, D]."""
    ### BEGIN SOLUTION
    return (x @ w + b > 0).long()
    ### END SOLUTION


# %% nbgrader={"grade_id": "predict_scores", "grade": true, "points": 1}
# Scores above and below zero; the bias counts.
x, w = torch.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 1.0]]).double(), torch.tensor([1.0, -2.0]).double()
with own_work():
    high, low = predict(x, w, torch.tensor(1.0).double()), predict(x, w, torch.tensor(-1.0).double())
expect_close(high, torch.tensor([1, 0, 1]), "w = (1, -2), b = 1")
expect_close(low, torch.tensor([0, 0, 1]), "w = (1, -2), b = -1")
### BEGIN HIDDEN TESTS
for count, inputs in ((9, 1), (20, 3), (30, 7)):
    x, w, b = torch.randn(count, inputs).double(), torch.randn(inputs).double(), torch.randn(()).double()
    expected = torch.tensor([int(sum(a * c for a, c in zip(row, w.tolist())) + b.item() > 0) for row in x.tolist()])
    with own_work():
        got = predict(x, w, b)
    expect_close(got, expected, f"{count} random examples of {inputs} inputs")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "predict_tie", "grade": true, "points": 1}
# A score of exactly zero is answered with 0, one a little above with 1.
x, w = torch.tensor([[1.0, 1.0], [3.0, 2.0], [1.25, 1.0]]).double(), torch.tensor([1.0, -2.0]).double()
with own_work():
    got = predict(x, w, torch.tensor(1.0).double())
expect_close(got, torch.tensor([0, 0, 1]), "scores 0, 0 and 0.25")
### BEGIN HIDDEN TESTS
for inputs in (1, 2, 5):
    w, x = torch.randint(1, 5, (inputs,)).double(), torch.randint(-3, 4, (1, inputs)).double().repeat(4, 1)
    b = -(x[0] @ w)  # whole numbers, so the score is exactly 0
    x[1, 0], x[2, 0] = x[0, 0] + 1, x[0, 0] - 1
    with own_work():
        got = predict(x, w, b)
    expect_close(got, torch.tensor([0, 1, 0, 0]), f"{inputs} inputs, scores 0, above 0, below 0 and 0")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "predict_batch", "grade": true, "points": 1}
# One answer an example, whatever their number; none for none.
x, w, b = torch.tensor([[3.0], [-3.0], [1.0]]).double(), torch.tensor([2.0]).double(), torch.tensor(-3.0).double()
with own_work():
    three, one, none = predict(x, w, b), predict(x[:1], w, b), predict(x[:0], w, b)
expect_close(three, torch.tensor([1, 0, 0]), "three examples of one input")
expect_close(one, torch.tensor([1]), "one example")
expect_close(none, torch.zeros(0, dtype=torch.int64), "no examples")
### BEGIN HIDDEN TESTS
x, w, b = torch.randn(50, 4).double(), torch.randn(4).double(), torch.randn(()).double()
for count in (50, 4, 1, 0):
    with own_work():
        got = predict(x[:count], w, b)
    expect_close(got, ((x[:count] * w).sum(1) > -b).long(), f"{count} examples of 4 inputs")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: one example, one correction (4 points)
#
# Rosenblatt's rule looks at one example. If the answer is right, nothing changes. If the unit said 0 and the truth is
# 1, its score was too low: **raise** the weights, by adding the example to $w$ and 1 to $b$. If it said 1 and the truth
# is 0, **lower** them, by subtracting the same.
#
# With $w = (1, -2)$, $b = 0$ and the example $x = (2, 1)$: the score is 0, so the unit says 0. If the truth is 1, the
# new weights are $(3, -1)$ and the new bias is 1. If the truth is 0, all stays as it is.
#
# `update(w, b, x, y)` takes `w` `[D]`, `b` `[]`, one example `x` `[D]` and its label `y`, the integer 0 or 1. It returns
# the pair `(w, b)` as they are afterwards. Make new tensors: those you are given belong to the caller.
#
# <details><summary>Hint</summary>
#
# The difference between truth and answer is $+1$, $-1$ or $0$. One line for the answer, one for the difference, one for
# both results.
#
# </details>


# %% nbgrader={"grade_id": "update", "solution": true}
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    """Weights [D] and bias [] after the perceptron has seen example x [D] with its label y, 0 or 1."""
    ### BEGIN SOLUTION
    error = y - int(x @ w + b > 0)  # +1: raise, −1: lower, 0: leave
    return w + error * x, b + error
    ### END SOLUTION


# %% nbgrader={"grade_id": "update_raise", "grade": true, "points": 1}
# 0 said for 1: the example is added, whatever the signs of its numbers.
w, b, x = torch.tensor([1.0, -2.0]).double(), torch.tensor(0.0).double(), torch.tensor([2.0, 1.0]).double()
with own_work():
    new_w, new_b = update(w, b, x, 1)
expect_close(new_w, [3, -1], "the weights after a score of 0 for a 1")
expect_close(new_b, torch.tensor(1.0).double(), "the bias after a score of 0 for a 1")
### BEGIN HIDDEN TESTS
for inputs in (1, 2, 5):
    w, x = torch.randn(inputs).double(), torch.randn(inputs).double()
    b = -(w @ x) - torch.rand(()).double()  # a score below zero
    expected_w, expected_b = w + x, b + 1
    with own_work():
        new_w, new_b = update(w, b, x, 1)
    expect_close(new_w, expected_w, f"the weights of {inputs} inputs, 0 said for 1")
    expect_close(new_b, expected_b, "the bias, 0 said for 1")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "update_lower", "grade": true, "points": 1}
# 1 said for 0: the example is subtracted.
w, b, x = torch.tensor([1.0, -2.0]).double(), torch.tensor(3.0).double(), torch.tensor([2.0, 1.0]).double()
with own_work():
    new_w, new_b = update(w, b, x, 0)
expect_close(new_w, [-1, -3], "the weights after a score of 3 for a 0")
expect_close(new_b, torch.tensor(2.0).double(), "the bias after a score of 3 for a 0")
### BEGIN HIDDEN TESTS
for inputs in (1, 2, 5):
    w, x = torch.randn(inputs).double(), torch.randn(inputs).double()
    b = -(w @ x) + 0.01 + torch.rand(()).double()  # a score above zero
    expected_w, expected_b = w - x, b - 1
    with own_work():
        new_w, new_b = update(w, b, x, 0)
    expect_close(new_w, expected_w, f"the weights of {inputs} inputs, 1 said for 0")
    expect_close(new_b, expected_b, "the bias, 1 said for 0")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "update_right", "grade": true, "points": 1}
# A right answer changes nothing, and a wrong one does.
w, x = torch.tensor([1.0, -2.0]).double(), torch.tensor([2.0, 1.0]).double()
for bias, y, said in ((0.0, 0, "a score of 0 for a 0"), (3.0, 1, "a score of 3 for a 1"), (-1.0, 0, "-1 for a 0")):
    b = torch.tensor(bias).double()
    with own_work():
        new_w, new_b = update(w.clone(), b.clone(), x, y)
        other_w, other_b = update(w.clone(), b.clone(), x, 1 - y)
    expect_close(new_w, [1, -2], f"the weights after {said}")
    expect_close(new_b, b, f"the bias after {said}")
    assert (other_w != w).any() and other_b != b, f"with the other label than in '{said}' weights and bias should change."
### BEGIN HIDDEN TESTS
for inputs in (1, 3, 6):
    w, x, shift = torch.randn(inputs).double(), torch.randn(inputs).double(), torch.rand(()).double() + 0.01
    for y in (0, 1):
        b = (2 * y - 1) * shift - w @ x
        with own_work():
            new_w, new_b = update(w.clone(), b.clone(), x, y)
            other_w, _ = update(w.clone(), b.clone(), x, 1 - y)
        expect_close(new_w, w, f"the weights of {inputs} inputs, {y} said for {y}")
        expect_close(new_b, b, f"the bias, {y} said for {y}")
        expect_close(other_w, w + (1 - 2 * y) * x, f"the weights, {y} said for {1 - y}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "update_untouched", "grade": true, "points": 1}
# The right pair comes back, and w, b and x are as before.
w, b, x = torch.ones(3).double(), torch.tensor(-4.0).double(), torch.ones(3).double()
with own_work():
    new_w, new_b = update(w, b, x, 1)
expect_close(new_w, [2, 2, 2], "ones added to ones")
expect_close(new_b, torch.tensor(-3.0).double(), "the new bias")
for name, argument, before in (("w", w, 1.0), ("b", b, -4.0), ("x", x, 1.0)):
    expect_close(argument, torch.full_like(argument, before), f"{name} after the call (make a new tensor)")
### BEGIN HIDDEN TESTS
for y in (0, 1):
    w, x = torch.randn(4).double(), torch.randn(4).double()
    b = -(w @ x) - (2 * y - 1)
    before = [w.clone(), b.clone(), x.clone()]
    with own_work():
        new_w, new_b = update(w, b, x, y)
    expect_close(new_w, before[0] + (2 * y - 1) * before[2], "the new weights")
    expect_close(new_b, before[1] + (2 * y - 1), "the new bias")
    for name, argument, copy in zip("wbx", (w, b, x), before):
        expect_close(argument, copy, f"{name} after the call (make a new tensor)")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: until no errors are left (6 points)
#
# Now the loop. Start with all weights and the bias at zero. Go through the examples **in their order**, correcting after
# each one that was answered wrongly; that was one *pass*. Stop after the first pass without a mistake, or after
# `max_passes` passes if none was.
#
# `train(x, y, max_passes=100)` takes `x` `[N, D]` and the labels `y` `[N]` (0 or 1, `int64`). It returns three things: `w`
# `[D]` and `b` `[]`, of the dtype of `x`, and `mistakes`, a list with one `int` a pass. Where training was finished the
# list ends with 0.
#
# By hand, with a single input: $x = (1), (2), (3)$ and $y = 0, 1, 1$.
#
# | pass | sees | score | says | truth | then $w$, $b$ |
# |---|---|---|---|---|---|
# | 1 | 1 | 0 | 0 | 0 | 0, 0 |
# | 1 | 2 | 0 | 0 | 1 | 2, 1 |
# | 1 | 3 | 7 | 1 | 1 | 2, 1 |
# | 2 | 1 | 3 | 1 | 0 | 1, 0 |
# | 2 | 2 | 2 | 1 | 1 | 1, 0 |
# | … | | | | | |
#
# In the end $w = 1$, $b = -1$ and `mistakes` is `[1, 1, 2, 1, 0]`.
#
# <details><summary>Hint 1: the skeleton</summary>
#
# Two loops: passes outside, `for example, label in zip(x, y)` inside. Count the mistakes of a pass in a variable, and
# look at it when the pass is over.
#
# </details>
#
# <details><summary>Hint 2: types</summary>
#
# `x.new_zeros(D)` makes zeros of the dtype of `x`, and `x.new_zeros(())` a single one. `mistakes` should hold plain
# numbers: `int(…)` makes one from a tensor.
#
# </details>


# %% nbgrader={"grade_id": "train", "solution": true}
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    """Weights [D], bias [] and the number of mistakes in each pass, for examples x [N, D] with labels y [N]."""
    ### BEGIN SOLUTION
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = label - int(example @ w + b > 0)
            if error:
                w, b, wrong = w + error * example, b + error, wrong + 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes
    ### END SOLUTION


# %% nbgrader={"grade_id": "train_weights", "grade": true, "points": 2}
# The weights that the rule leads to, from zero and in the given order.
x, y = torch.tensor([[1.0], [2.0], [3.0]]).double(), torch.tensor([0, 1, 1])
with own_work():
    w, b, _ = train(x, y)
expect_close(w, [1], "the weight of the worked example")
expect_close(b, torch.tensor(-1.0).double(), "the bias of the worked example")
### BEGIN HIDDEN TESTS
def by_the_rule(x: Tensor, y: Tensor, passes: int) -> tuple[Tensor, list[int]]:
    glued, counts = torch.cat([x, torch.ones(len(x), 1).double()], 1), []
    v = torch.zeros(glued.shape[1]).double()
    while len(counts) < passes and 0 not in counts:
        counts.append(0)
        for row, label in zip(glued, y):
            step = label - (row @ v > 0).long()
            v, counts[-1] = v + step * row, counts[-1] + abs(step.item())
    return v, counts


for count, inputs in ((30, 2), (40, 5), (25, 3)):
    secret, x = torch.randn(inputs + 1).double(), torch.randn(4 * count, inputs).double()
    score = x @ secret[1:] + secret[0]
    x, y = x[score.abs() > 0.3][:count], (score[score.abs() > 0.3][:count] > 0).long()
    expected, _ = by_the_rule(x, y, 500)
    with own_work():
        w, b, _ = train(x, y, 500)
    expect_close(w, expected[:-1], f"the weights for {len(x)} random examples of {inputs} inputs")
    expect_close(b, expected[-1], f"the bias for {len(x)} random examples of {inputs} inputs")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "train_mistakes", "grade": true, "points": 2}
# One number a pass, and the pass without a mistake is the last. "And" of two inputs takes six passes.
x, y = torch.tensor([[1.0], [2.0], [3.0]]).double(), torch.tensor([0, 1, 1])
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).double()
with own_work():
    mistakes, of_and = train(x, y)[2], train(corners, torch.tensor([0, 0, 0, 1]))[2]
expect_equal(mistakes, [1, 1, 2, 1, 0], "the mistakes in each pass of the worked example")
expect_equal(of_and, [1, 3, 3, 2, 1, 0], "the mistakes in each pass for 'and'")
### BEGIN HIDDEN TESTS
def by_the_rule(x: Tensor, y: Tensor, passes: int) -> tuple[Tensor, list[int]]:
    glued, counts = torch.cat([x, torch.ones(len(x), 1).double()], 1), []
    v = torch.zeros(glued.shape[1]).double()
    while len(counts) < passes and 0 not in counts:
        counts.append(0)
        for row, label in zip(glued, y):
            step = label - (row @ v > 0).long()
            v, counts[-1] = v + step * row, counts[-1] + abs(step.item())
    return v, counts


for count, inputs in ((30, 2), (40, 5), (25, 3)):
    secret, x = torch.randn(inputs + 1).double(), torch.randn(4 * count, inputs).double()
    score = x @ secret[1:] + secret[0]
    x, y = x[score.abs() > 0.3][:count], (score[score.abs() > 0.3][:count] > 0).long()
    _, expected = by_the_rule(x, y, 500)
    with own_work():
        mistakes = train(x, y, 500)[2]
    expect_equal(mistakes, expected, f"the mistakes in each pass, {len(x)} random examples of {inputs} inputs")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "train_limit", "grade": true, "points": 1}
# XOR never ends, so max_passes must: two mistakes, then three, then four in each pass.
corners, xor = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).double(), torch.tensor([0, 1, 1, 0])
with own_work():
    w, b, mistakes = train(corners, xor, max_passes=4)
expect_equal(mistakes, [2, 3, 4, 4], "the mistakes on XOR in four passes")
expect_close(w, [-1, 0], "the weights after four passes over XOR")
### BEGIN HIDDEN TESTS
def by_the_rule(x: Tensor, y: Tensor, passes: int) -> tuple[Tensor, list[int]]:
    glued, counts = torch.cat([x, torch.ones(len(x), 1).double()], 1), []
    v = torch.zeros(glued.shape[1]).double()
    while len(counts) < passes and 0 not in counts:
        counts.append(0)
        for row, label in zip(glued, y):
            step = label - (row @ v > 0).long()
            v, counts[-1] = v + step * row, counts[-1] + abs(step.item())
    return v, counts


for passes in (1, 2, 7):
    x, y = torch.randn(20, 2).double(), torch.arange(20) % 2
    expected, counts = by_the_rule(x, y, passes)
    with own_work():
        w, b, mistakes = train(x, y, passes)
    expect_equal(mistakes, counts, f"the mistakes in {passes} passes over labels that nobody can learn")
    expect_close(w, expected[:-1], f"the weights after {passes} passes")
    expect_close(b, expected[-1], f"the bias after {passes} passes")
with own_work():
    mistakes = train(x, y)[2]
expect_equal(len(mistakes), 100, "the passes where max_passes is not given")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "train_digits", "grade": true, "points": 1}
# Real images, 64 inputs: all are right in the end, and of those left out nearly all.
digits = load_digits()
images, labels = torch.tensor(digits.images).flatten(1) / 16, torch.tensor(digits.target)  # [1797, 64], [1797]
x, y = images[labels < 2], labels[labels < 2]
with own_work():
    w, b, mistakes = train(x[:200], y[:200])
answers = (x @ w + b > 0).long()
assert (answers[:200] == y[:200]).all(), f"{int((answers != y)[:200].sum())} of the 200 training images are still wrong."
assert (answers == y)[200:].double().mean() > 0.95, "more than 5 % of the images that were left out are wrong."
### BEGIN HIDDEN TESTS
for one, other in ((3, 6), (0, 2), (6, 7)):
    x = images[(labels == one) | (labels == other)]
    y = (labels[(labels == one) | (labels == other)] == other).long()
    order = torch.randperm(len(y))
    x, y = x[order], y[order]
    with own_work():
        w, b, mistakes = train(x[:200], y[:200])
    answers = (x @ w + b > 0).long()
    assert (answers[:200] == y[:200]).all(), f"{one} against {other}: training images are still wrong."
    assert (answers == y)[200:].double().mean() > 0.9, f"{one} against {other}: too many unseen images are wrong."
### END HIDDEN TESTS

# %% [markdown]
# What has it learned? Choose two digits and look at the weights: purple where ink speaks for the second, orange where
# it speaks for the first.

# %% tags=["skip-grading"]
one, other = 3, 8
digits = load_digits()
images, labels = torch.tensor(digits.images).flatten(1) / 16, torch.tensor(digits.target)
pick = (labels == one) | (labels == other)
w, b, mistakes = train(images[pick], (labels[pick] == other).long())
print(f"{one} against {other}: {sum(mistakes)} mistakes in {len(mistakes)} passes")
fig = viz.image_grid(w.view(1, 8, 8), titles=[f"{other} against {one}"], size=2, symmetric=True)
plt.show()

# %% [markdown]
# ## Exercise 4: room to spare (5 points)
#
# How many mistakes it makes depends on how much room a separator leaves. Write the label as $s = 2y - 1$, so that 1
# becomes $+1$ and 0 becomes $-1$, and treat the bias as a weight like the others, to an input that is always 1. The
# **margin** of weights $w$ and bias $b$ on a set of examples is
#
# $$\gamma = \min_n \; \frac{s_n\,(w \cdot x_n + b)}{\sqrt{|w|^2 + b^2}}$$
#
# It is positive if all examples are answered rightly with something to spare, and negative if one of them lies on the
# wrong side. By hand: $w = (2, 1)$ and $b = 2$ have length $\sqrt{4 + 1 + 4} = 3$. The example $(1, 1)$ with label 1
# scores 5, the example $(-3, 1)$ with label 0 scores $-3$. So their distances are $\tfrac53$ and $\tfrac33$, and
# $\gamma = 1$.
#
# `margin(w, b, x, y)` returns it, as a tensor of shape `[]`; the shapes are those of exercise 3.


# %% nbgrader={"grade_id": "margin", "solution": true}
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The margin [] of weights w [D] and bias b [] on examples x [N, D] with labels y [N]."""
    ### BEGIN SOLUTION
    signed = (2 * y - 1) * (x @ w + b)
    return signed.min() / (w @ w + b**2).sqrt()
    ### END SOLUTION


# %% nbgrader={"grade_id": "margin_value", "grade": true, "points": 1}
# All examples are on their right side: the smallest distance counts.
w, b = torch.tensor([2.0, 1.0]).double(), torch.tensor(2.0).double()
x, y = torch.tensor([[1.0, 1.0], [-3.0, 1.0], [-4.0, 0.0]]).double(), torch.tensor([1, 0, 0])
with own_work():
    got, first = margin(w, b, x, y), margin(w, b, x[:1], y[:1])
expect_close(got, torch.tensor(1.0).double(), "the worked example, and a third one further off")
expect_close(3 * first, torch.tensor(5.0).double(), "three times the margin of the example (1, 1) alone")
### BEGIN HIDDEN TESTS
for count, inputs in ((1, 1), (12, 2), (20, 5)):
    w, b, x = torch.randn(inputs).double(), torch.randn(()).double(), torch.randn(count, inputs).double()
    y = (x @ w + b > 0).long()
    expected = min(abs(sum(w[i] * row[i] for i in range(inputs)) + b) for row in x)
    expected = expected / torch.cat([w, b[None]]).norm()
    with own_work():
        got = margin(w, b, x, y)
    expect_close(got, expected, f"{count} examples of {inputs} inputs, all on their right side")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "margin_wrong_side", "grade": true, "points": 1}
# One example on the wrong side makes it negative, whichever label it has.
w, b = torch.tensor([2.0, 1.0]).double(), torch.tensor(2.0).double()
x = torch.tensor([[1.0, 1.0], [-3.0, 1.0]]).double()
with own_work():
    one, other = margin(w, b, x, torch.tensor([1, 1])), margin(w, b, x, torch.tensor([0, 0]))
expect_close(one, torch.tensor(-1.0).double(), "the worked example, both labels 1")
expect_close(3 * other, torch.tensor(-5.0).double(), "the worked example, both labels 0, times 3")
### BEGIN HIDDEN TESTS
for count, inputs in ((8, 2), (15, 4), (15, 1)):
    w, b, x = torch.randn(inputs).double(), torch.randn(()).double(), torch.randn(count, inputs).double()
    y = (x @ w + b > 0).long()
    y[count // 2] = 1 - y[count // 2]
    expected = -(x[count // 2] @ w + b).abs() / (w.square().sum() + b.square()) ** 0.5
    with own_work():
        got = margin(w, b, x, y)
    expect_close(got, expected, f"{count} examples of {inputs} inputs, one of them on the wrong side")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "margin_scale", "grade": true, "points": 1}
# Weights and bias ten times as large draw the same line: the same margin. The bias is part of the length.
x, y = torch.tensor([[4.0], [1.0]]).double(), torch.tensor([1, 0])
with own_work():
    got = [margin(k * torch.tensor([3.0]).double(), k * torch.tensor(-4.0).double(), x, y) for k in (1, 10, 100)]
for value, k in zip(got, (1, 10, 100)):
    expect_close(5 * value, torch.tensor(1.0).double(), f"x = 4 and 1, w = {3 * k}, b = {-4 * k}: 5 times the margin")
### BEGIN HIDDEN TESTS
for factor in (0.01, 3.0, 1000.0):
    w, b, x = torch.randn(3).double(), 2 + torch.rand(()).double(), torch.randn(9, 3).double()
    y = (x @ w + b > 0).long()
    expected = (x @ w + b).abs().min() / (w.square().sum() + b.square()) ** 0.5
    with own_work():
        got = margin(factor * w, factor * b, x, y)
    expect_close(got, expected, f"random weights and bias, times {factor}")
### END HIDDEN TESTS

# %% [markdown]
# Novikoff's bound of 1962: if *some* $w$ and $b$ have the margin $\gamma > 0$, the perceptron will make at most
#
# $$\begin{gathered}
# \frac{R^2}{\gamma^2} \text{ mistakes, where} \\
# R^2 = \max_n\,\left(|x_n|^2 + 1\right)
# \end{gathered}$$
#
# is the square of the longest input (the $+1$ is the input that is always 1). In the worked example $R^2 = 9 + 1 + 1 =
# 11$, so it will make at most 11 mistakes on those two examples, in any order.
#
# `mistake_bound(w, b, x, y)` returns the bound, not rounded, as a tensor of shape `[]`. Weights that do not separate the
# examples prove nothing: where the margin is zero or negative it raises a `ValueError` whose message is a sentence.
#
# <details><summary>Hint</summary>
#
# It may call your `margin`, but need not: the three lines of the formula do, too, and then a mistake there costs you
# nothing here.
#
# </details>


# %% nbgrader={"grade_id": "mistake_bound", "solution": true}
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """At most so many mistakes [] will be made on examples x [N, D] with labels y [N], as w [D] and b [] separate them.

    Raises:
        ValueError: they do not: the margin is not above zero.
    """
    ### BEGIN SOLUTION
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("These weights do not separate the examples, so they bound nothing.")
    radius = (x**2).sum(dim=1).max() + 1  # R²
    return radius * (w @ w + b**2) / signed**2
    ### END SOLUTION


# %% nbgrader={"grade_id": "mistake_bound_value", "grade": true, "points": 1}
# The worked example, and one with a longer input.
w, b = torch.tensor([2.0, 1.0]).double(), torch.tensor(2.0).double()
x, y = torch.tensor([[1.0, 1.0], [-3.0, 1.0], [7.0, 0.0]]).double(), torch.tensor([1, 0, 1])
with own_work():
    two, three = mistake_bound(w, b, x[:2], y[:2]), mistake_bound(w, b, x, y)
expect_close(two, torch.tensor(11.0).double(), "the worked example")
expect_close(three, torch.tensor(50.0).double(), "the worked example, and (7, 0) with label 1")
### BEGIN HIDDEN TESTS
for count, inputs in ((2, 1), (12, 2), (20, 5)):
    w, b, x = torch.randn(inputs).double(), torch.randn(()).double(), torch.randn(count, inputs).double()
    x = x + 0.2 * (x @ w + b).sign()[:, None] * w / w.norm()  # some room
    y = (x @ w + b > 0).long()
    glued, u = torch.cat([x, torch.ones(count, 1).double()], 1), torch.cat([w, b[None]])
    expected = (glued.norm(dim=1).max() / ((glued @ u).abs().min() / u.norm())) ** 2
    with own_work():
        got = mistake_bound(w, b, x, y)
    expect_close(got / expected, torch.tensor(1.0).double(), f"{count} examples of {inputs} inputs, bound by truth")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "mistake_bound_refused", "grade": true, "points": 1}
# Weights that do not separate are refused, also by a hair; others are not.
w, b, x = torch.tensor([1.0]).double(), torch.tensor(-1.0).double(), torch.tensor([[1.0], [3.0]]).double()
expect_error(ValueError, mistake_bound, w, b, x, torch.tensor([1, 0]))
expect_error(ValueError, mistake_bound, w, b, x, torch.tensor([0, 1]))  # the score of x = 1 is exactly 0
with own_work():
    got = mistake_bound(w, b - 1, x, torch.tensor([0, 1]))
expect_close(got, torch.tensor(50.0).double(), "w = 1, b = -2, x = 1 and 3")
### BEGIN HIDDEN TESTS
for inputs in (1, 2, 4):
    w, b, x = torch.randn(inputs).double(), torch.randn(()).double(), torch.randn(9, inputs).double()
    y = (x @ w + b > 0).long()
    for which in (0, 4, 8):
        flipped = y.clone()
        flipped[which] = 1 - flipped[which]
        expect_error(ValueError, mistake_bound, w, b, x, flipped)
    with own_work():
        assert mistake_bound(w, b, x, y) >= 1, "weights that separate the examples have a bound of at least 1."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: can it be learned at all? (4 points)
#
# When the perceptron has not stopped after a hundred passes, is the problem impossible, or is its margin small? If the
# inputs are **whole numbers** there is an exact answer. Then the weights are whole numbers, too, and it can be proved
# (Block and Levin, 1970) that they stay within bounds however long the training lasts. There are only finitely many
# weights within bounds, so one of two things must happen in the end:
#
# * a pass without a mistake: the examples are separable;
# * a pass that ends with weights and bias which an **earlier pass ended with**: from there everything repeats, for
#   ever, so no pass without a mistake will come, and the examples are not separable.
#
# For XOR, the passes end with $(w_1, w_2, b) = (-1, 0, 0)$, then $(-1, 0, 1)$, then $(-1, 0, 1)$ again: not separable.
#
# `separable(x, y)` returns `True` or `False`, a `bool`. `x` `[N, D]` holds whole numbers, as `float64`, and `y` `[N]` the
# labels. Any exact method earns the points, but one that gives up after a fixed number of passes does not. Examples of
# one label only are separable.
#
# <details><summary>Hint</summary>
#
# Write the loop of exercise 3 once more, without counting. Keep a `set` of what the passes ended with; a tensor does not
# compare well in a set, a tuple of numbers does: `(*w.tolist(), b.item())`.
#
# </details>


# %% nbgrader={"grade_id": "separable", "solution": true}
def separable(x: Tensor, y: Tensor) -> bool:
    """Whether a perceptron can learn the labels y [N] of the examples x [N, D], which hold whole numbers."""
    ### BEGIN SOLUTION
    w, b, seen = x.new_zeros(x.shape[1]), x.new_zeros(()), set()
    while True:
        clean = True
        for example, label in zip(x, y):
            error = label - int(example @ w + b > 0)
            if error:
                w, b, clean = w + error * example, b + error, False
        if clean:
            return True
        ended = (*w.tolist(), b.item())
        if ended in seen:
            return False
        seen.add(ended)
    ### END SOLUTION


# %% nbgrader={"grade_id": "separable_two", "grade": true, "points": 1}
# Functions of two inputs: all but two can be learned.
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).double()
with own_work():
    found = {name: separable(corners, torch.tensor(y)) for name, y in (("and", [0, 0, 0, 1]), ("xor", [0, 1, 1, 0]))}
expect_equal(found["and"], True, "'and' of two inputs")
expect_equal(found["xor"], False, "XOR of two inputs")
### BEGIN HIDDEN TESTS
for y in itertools.product((0, 1), repeat=4):
    with own_work():
        got = separable(corners, torch.tensor(y))
    expect_equal(got, y not in ((0, 1, 1, 0), (1, 0, 0, 1)), f"the labels {y} of the corners of a square")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separable_three", "grade": true, "points": 1}
# Functions of three inputs: the majority can be learned, an odd number cannot.
cube = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3))).double()  # [8, 3]
with own_work():
    majority, odd = separable(cube, (cube.sum(1) >= 2).long()), separable(cube, (cube.sum(1) % 2).long())
expect_equal(majority, True, "at least two of three inputs are on")
expect_equal(odd, False, "an odd number of three inputs is on")
### BEGIN HIDDEN TESTS
weights = torch.tensor(list(itertools.product(range(-3, 4), repeat=3))).double()
biases = torch.arange(-9, 10).double() + 0.5
learnable = {tuple(t) for t in ((cube @ weights.T)[:, :, None] + biases > 0).flatten(1).T.unique(dim=0).tolist()}
expect_equal(len(learnable), 104, "learnable functions of three inputs, in this check itself")
both = [sorted(learnable), sorted(set(itertools.product((False, True), repeat=8)) - learnable)]
for kind, tables in zip((True, False), both):
    for which in torch.randperm(len(tables))[:8].tolist():
        y = torch.tensor(tables[which]).long()
        with own_work():
            got = separable(cube, y)
        expect_equal(got, kind, f"the labels {y.tolist()} of the corners of a cube")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separable_points", "grade": true, "points": 1}
# Points in the plane; a point with two labels; one label only.
x = torch.tensor([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0], [-3.0, 1.0]]).double()
with own_work():
    apart, between = separable(x, torch.tensor([0, 1, 1, 0])), separable(x, torch.tensor([0, 0, 1, 0]))
    twice, alike = separable(x[[0, 1, 0]], torch.tensor([0, 1, 1])), separable(x, torch.ones(4, dtype=torch.int64))
expect_equal(apart, True, "(0, 0) and (-3, 1) against (2, 2) and (1, 1)")
expect_equal(between, False, "(1, 1) between (0, 0) and (2, 2)")
expect_equal(twice, False, "(0, 0) with both labels")
expect_equal(alike, True, "all labels 1")
### BEGIN HIDDEN TESTS
for inputs in (1, 2, 3, 3):
    secret = torch.randint(1, 4, (inputs,)).double() * (torch.randint(0, 2, (inputs,)) * 2 - 1)
    x = torch.randint(-4, 5, (10, inputs)).double()
    y = (x @ secret > 0.5).long()
    start, step = x[0], torch.randint(1, 3, (inputs,)).double()
    x_bad = torch.cat([x, start + step * torch.arange(3)[:, None]])  # the middle of three has another label
    y_bad = torch.cat([y, torch.tensor([1, 0, 1]) if y[0] else torch.tensor([0, 1, 0])])
    with own_work():
        good, bad = separable(x, y), separable(x_bad, y_bad)
    expect_equal(good, True, f"10 random points of {inputs} inputs, labelled by a line")
    expect_equal(bad, False, f"13 points of {inputs} inputs, one of them between two of the other label")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separable_narrow", "grade": true, "points": 1}
# 20 against 19 on a line takes hundreds of passes and is separable all the same; 20 between 19 and 21 is not.
x = torch.tensor([[19.0], [20.0], [21.0]]).double()
with own_work():
    close, impossible = separable(x[:2], torch.tensor([0, 1])), separable(x, torch.tensor([0, 1, 0]))
expect_equal(close, True, "19 with label 0, 20 with label 1")
expect_equal(impossible, False, "19 and 21 with label 0, 20 with label 1")
### BEGIN HIDDEN TESTS
for low in torch.randint(30, 40, (2,)).tolist():
    x = torch.tensor([[low], [low + 1], [low + 2]]).double()
    with own_work():
        close, impossible = separable(x, torch.tensor([0, 0, 1])), separable(x, torch.tensor([1, 0, 1]))
    expect_equal(close, True, f"{low} and {low + 1} with label 0, {low + 2} with label 1")
    expect_equal(impossible, False, f"{low} and {low + 2} with label 1, {low + 1} with label 0")
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** July 1958 once more. A retina of 20×20 points sees square marks of 4×4. *Left or
# right*: there is one mark; is it in the right half? *Same or different*: there are two marks; are they in the same
# half? Your `train` learns each question from 150 pictures and is tested on 1,000 others. Before you run the cell, write
# down what you expect.


# %% tags=["skip-grading"]
def retina(count: int, marks: int) -> tuple[Tensor, Tensor]:
    """Pictures [count, 400] with so many marks, and in which half each mark is [count, marks]."""
    halves = torch.randint(0, 2, (count, marks))
    pictures = torch.zeros(count, 20, 20).double()
    for picture, sides in zip(pictures, halves):
        for side in sides.tolist():
            top, left = torch.randint(0, 17, ()), 10 * side + torch.randint(0, 7, ())
            picture[top : top + 4, left : left + 4] = 1
    return pictures.flatten(1), halves


fig, axes = plt.subplots(1, 2, figsize=(6, 2.6))
for marks, question, ax in ((1, "left or right", axes[0]), (2, "same or different", axes[1])):
    for seed in range(3):
        torch.manual_seed(seed)
        x, halves = retina(1150, marks)
        y = halves[:, 0] if marks == 1 else (halves[:, 0] == halves[:, 1]).long()
        w, b, mistakes = train(x[:150], y[:150], max_passes=200)
        unseen = ((x[150:] @ w + b > 0).long() != y[150:]).double().mean()
        finished = f"finished after {len(mistakes)} passes" if mistakes[-1] == 0 else "not finished"
        print(f"{question}: {sum(mistakes)} mistakes, {finished}; errors on unseen pictures {unseen:.1%}")
    limit = w.abs().max()
    ax.imshow(w.view(20, 20), cmap="PuOr", vmin=-limit, vmax=limit)
    ax.set(title=f"weights: {question}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Exercise 6: what the Navy saw (3 points)
#
# The newspaper wrote that the Navy expected a machine that would "walk, talk, see, write, reproduce itself and be
# conscious of its existence". In about 150 words:
#
# 1. Quote your numbers for *left or right*. Describe weights that answer it without any learning, and say what the
#    margin has to do with how fast it was learned.
# 2. Quote your numbers for *same or different*. Show that **no** weights answer it for all pictures, as the lecture did
#    for XOR. Why then may the training end without a mistake, and what does that tell you about training errors?
# 3. You sit in the press conference in 1958 and may ask for one more demonstration. Which, and what would its outcome
#    have told the reporters? Name one input that, given to the perceptron in addition, would make *same or different*
#    learnable.
#
# | points | the answer |
# |---|---|
# | 1 | quotes numbers, gives weights such as −1 on the left and +1 on the right, ties the speed to the margin |
# | 1 | finds XOR in the second question (four pictures whose scores contradict each other), tells learning by heart from learning |
# | 1 | proposes a test that the perceptron must fail, says what it would show, and names an input that mends it |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. *Left or right* took 11 or 12 mistakes in 2 passes, and at most 1.1 % of the unseen pictures were wrong. Weights of −1
#    on the left half and +1 on the right, with bias 0, score −16 or +16. They leave a margin of $16/20 = 0.8$, and $R^2 =
#    16 + 1$: at most 26 mistakes, however many pictures there are. A wide margin is learned fast.
# 2. *Same or different* took 570 to 760 mistakes in 29 to 38 passes, and on unseen pictures 48 to 53 % were wrong: a coin.
#    Take marks A, B on the left and C, D on the right that do not overlap. AB and CD are *same*, AC and BD *different*,
#    yet score(AB) + score(CD) = score(AC) + score(BD), as both count each mark once and the bias twice; above zero on
#    one side, not above on the other. With 401 numbers for 150 pictures a separator of *these* exists all the same. It
#    was learned by heart: no training error says nothing about other pictures.
# 3. I would ask for *same or different* on cards not used in training. At 50 % the reporters would have seen that it
#    counts points and sees no relations. An input that helps: the number of lit points on the left times the number on
#    the right. It is 0 for *same* and 256 for *different*.
# ### END SOLUTION
