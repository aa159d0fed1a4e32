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
# # Convolution
#
# Take nine numbers. Lay them over nine pixels of a photograph, multiply each with the pixel under it, add up, write the sum
# down, move one pixel on. With one choice of nine the photograph blurs, with another it turns crisp, with a third nothing but
# outlines is left. **How can one small sum do all that, and who chooses the nine?** By the end of this lecture nobody has to.
#
# **After this lecture you can**
#
# 1. filter a signal and an image by hand, border included, and say how large the result is;
# 2. look at a filter's weights and say what it does to a photograph, and design one for a purpose;
# 3. tell correlation from convolution with one bright pixel, and say when the difference matters;
# 4. write a filter as a banded matrix, and read its transpose as stamping;
# 5. find out whether a filter comes apart into two cheaper ones, and which orientation it likes.
#
# It builds on the dot product (lecture 1) and on gradient descent with momentum (lecture 2).

# %%
import math

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from torch.nn import functional as F

from course_lib import ops, runtime, viz
from course_lib.data import datasets

photo = datasets.photograph("camera")[0]  # [512, 512], grey, 0 black to 1 white
detail = photo[72:200, 176:304]  # [128, 128]

# %% tags=["hide-input"]
def show_row(pictures: dict[str, torch.Tensor], alt: str) -> None:
    """Pictures in a row, by their titles."""
    fig, axes = plt.subplots(1, len(pictures), figsize=(2.3 * len(pictures), 2.6))
    for ax, (name, picture) in zip(axes, pictures.items()):
        ax.imshow(picture, vmin=0, vmax=1)
        ax.set_title(name, fontsize=10)
        ax.axis("off")
    viz.show(fig, alt=alt)


def show_numbers(grids: dict[str, tuple[torch.Tensor, torch.Tensor]], alt: str, height: float = 2.4) -> None:
    """Grids of numbers in a row, by their titles; the second tensor says which cells are lit."""
    widths = [values.shape[1] for values, _ in grids.values()]
    fig, axes = plt.subplots(1, len(grids), figsize=(8.4, height), width_ratios=widths, squeeze=False)
    for ax, (name, (values, lit)) in zip(axes[0], grids.items()):
        viz.number_grid(ax, values, title=name, highlight=lit)
    viz.show(fig, alt=alt)


ninths = torch.ones(3, 3) / 9
double = torch.tensor([[0.0, 0, 0], [0, 2, 0], [0, 0, 0]])
rightwards = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 2
nines = torch.stack([ninths, double - ninths, rightwards])[:, None]
soft, crisp, lines = F.conv2d(detail[None, None], nines)[0]
show_row(
    {"a photograph": detail, "nine numbers": soft, "another nine": crisp, "yet another nine": lines.abs().clamp(max=1)},
    alt="A man looking through a camera on a tripod, and the same picture blurred, "
    "sharpened, and reduced to bright outlines on black, each by nine numbers.",
)

# %% [markdown]
# ## A line of numbers
#
# One dimension first. Here are eight samples of a signal. The 10 looks like a slip of the instrument; the climb from 2 to 8
# looks real. To calm the slip, replace every sample by the mean of the five around it: slide five weights of ⅕ along the line,
# multiply, add up.
#
# $$ y_i = \sum_{t=0}^{k-1} w_t \, x_{i+t} $$

# %%
def correlate1d(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Slide w along x, multiply, add up. [n], [k] → [n − k + 1]"""
    places = len(x) - len(w) + 1
    return torch.stack([(x[i : i + len(w)] * w).sum() for i in range(places)])


signal = torch.tensor([2.0, 3, 10, 3, 2, 8, 8, 8])
mean_of_5 = torch.ones(5) / 5
smooth = correlate1d(signal, mean_of_5)
assert (2 + 3 + 10 + 3 + 2) / 5 == 4  # the first of four
assert torch.allclose(smooth, torch.tensor([4.0, 5.2, 6.2, 5.8]))

# %% tags=["hide-input"]
rows, lit = torch.full((3, 8), torch.nan), torch.zeros(3, 8)
rows[0], rows[1, 1:6], rows[2, 2:6] = signal, mean_of_5, smooth
lit[:2, 1:6], lit[2, 3] = 1, 1
show_numbers(
    {"the signal; five weights at their second place; the result": (rows, lit)},
    height=1.7,
    alt="The signal 2 3 10 3 2 8 8 8; five weights of 0.2 under its samples two to six; "
    "the result 4, 5.2, 6.2, 5.8, with 5.2 lit up under the middle of the weights.",
)

# %% [markdown]
# The slip is gone, and so is the sharp climb: the filter cannot know which was which. And eight samples became four, because
# five weights fit into eight samples at $8 - 5 + 1 = 4$ places only.
#
# ## Three questions about five weights
#
# *Why divide by 5?* So that a flat stretch keeps its height. What becomes of a constant is the **sum of the weights** times that
# constant: 1 keeps it, 5 would make it five times as loud, and 0 will wipe it out, which is what edge filters want.

# %%
flat = torch.full((8,), 7.0)
assert torch.allclose(correlate1d(flat, mean_of_5), torch.tensor(7.0))
assert correlate1d(flat, torch.ones(5)).tolist() == [35, 35, 35, 35]
assert correlate1d(flat, torch.tensor([-1.0, 0, 1])).abs().max() == 0

# %% [markdown]
# *Why an odd number of weights?* Because five have a middle one, and its sample is where the result belongs. The middle of
# four lies between two samples. Blur a single spike and see where its centre of mass ends up.

# %%
spike = torch.eye(9)[4]
for k in (3, 4, 5):
    padded = F.pad(spike, (k // 2, (k - 1) // 2))  # so that nine samples come out
    centre = correlate1d(padded, torch.ones(k) / k) @ torch.arange(9.0)
    print(f"{k} weights: the spike at 4 is now centred at {centre:.1f}")
    assert (centre - (4.5 if k % 2 == 0 else 4)).abs() < 1e-5

# %% [markdown]
# Half a sample seems little. But ten such layers in a row would move an image by five pixels.
#
# *What does a larger or a smaller filter do?* The mean of $k$ independent errors is $\sqrt k$ times smaller, so a larger filter
# removes more noise. It also removes more of the signal. We build a signal whose truth we know, a step and a bump, and measure.

# %%
generator = runtime.seed_all(0)
time = torch.arange(200.0)
truth = (time >= 60) + torch.exp(-(((time - 140) / 6) ** 2))  # step, then bump
noise = 0.3 * torch.randn(300, 200, generator=generator)  # of 300 recordings


def mean_of(k: int, x: torch.Tensor) -> torch.Tensor:
    """The mean of k samples around each sample. [B, n] → [B, n]"""
    w = torch.ones(1, 1, k) / k
    return ops.conv1d(x[:, None], w, padding=k // 2, border="copy")[:, 0]


# %%
error = {}
for k in (1, 5, 9, 15, 41):
    off = mean_of(k, truth + noise) - truth
    left_over = mean_of(k, noise)[:, 20:-20].std().item()
    error[k] = off.square().mean().sqrt().item()
    print(f"mean of {k:2}: noise left {left_over:.3f}, error {error[k]:.3f}")
    assert math.isclose(left_over, 0.3 / math.sqrt(k), rel_tol=0.1)
assert min(error.values()) < 0.5 * error[1]  # neither the smallest
assert min(error.values()) < 0.7 * error[41]  # nor the largest is best

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(8, 2.7))
ax.plot(time, truth + noise[0], ".", color="#b5b2a8", markersize=3, label="recorded")
for k, style, colour in ((9, "-", viz.BLUE), (41, "--", viz.VERMILION)):
    ax.plot(time, mean_of(k, truth + noise[:1])[0], style, color=colour, label=f"mean of {k}")
ax.plot(time, truth, color=viz.INK, linewidth=1, label="truth")
ax.set(xlabel="sample", ylabel="value", title="A step and a bump", ylim=(-0.9, 2.9))
ax.legend(ncols=4, fontsize=8)
viz.show(
    fig,
    alt="A noisy step and bump; the mean of 9 follows them, the mean of 41 turns the step into "
    "a ramp and flattens the bump.",
)

# %% [markdown]
# The noise left falls with every size; the error falls and then rises again. The right size depends on the signal: as large as
# the noise demands, as small as the detail allows.
#
# ## Two dimensions
#
# An image needs weights with two axes. With the filter's middle at $(0,0)$ and $r = (k-1)/2$:
#
# $$ G[i,j] = \sum_{u=-r}^{r} \; \sum_{v=-r}^{r} H[u,v] \; F[i+u,\, j+v] $$
#
# A 7×7 image: a bright square with a dead pixel in it, and one stray bright pixel outside. The filter is the mean of 3×3.

# %%
def correlate2d(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Slide w over x, multiply, add up. [H, W], [k, k] → [H−k+1, W−k+1]"""
    k = len(w)
    out = torch.zeros(x.shape[0] - k + 1, x.shape[1] - k + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (x[i : i + k, j : j + k] * w).sum()
    return out


image = torch.zeros(7, 7)
image[1:5, 1:5] = 9  # the square
image[2, 2], image[5, 6] = 0, 9  # the dead pixel and the stray one
box = torch.ones(3, 3) / 9
mean = correlate2d(image, box)
assert mean.shape == (5, 5)  # 7 − 3 + 1 places each way
assert mean[1].round().tolist() == [5, 8, 8, 6, 3]

# %% tags=["hide-input"]
under, out, ones = torch.zeros(7, 7), torch.zeros(5, 5), torch.ones(3, 3)
under[1:4, 1:4], out[1, 1] = 1, 1
show_numbers(
    {"7×7 image": (image, under), "filter, in ninths": (ones, ones), "5×5 result": (mean.round(), out)},
    alt="A 7×7 grid of nines and zeros, a filter of nine ninths, and the 5×5 result. The "
    "lit window holds eight nines and the dead pixel; their mean is 8.",
    height=2.9,
)

# %% [markdown]
# The dead pixel has all but healed (0 became 8), the stray one is spread thin. *How large is the output?* A window of 3 fits into
# 7 pixels at $7 - 3 + 1 = 5$ places, so 7×7 becomes 5×5.
#
# ## What lies beyond the border
#
# Every filter eats the border. Six 5×5 filters in a row, and of a 28×28 image $28 - 6\cdot 4 = 4$ rows and columns are left.
#
# To keep the size, pad the image first with $(k-1)/2$ pixels on every side. But with what? Nobody knows what lay beyond. There
# are four usual guesses, and each is one line of index arithmetic. Here the line 1 2 3 4 grows by two on both sides.

# %%
row, place = torch.tensor([1, 2, 3, 4]), torch.arange(-2, 6)
guesses = {
    "zero": row[place.clamp(0, 3)] * ((place >= 0) & (place < 4)),  # nothing
    "wrap": row[place % 4],  # go round, as on a globe
    "copy": row[place.clamp(0, 3)],  # the last pixel, again and again
    "reflect": row[3 - (3 - place.abs()).abs()],  # fold at either end
}
for name, guess in guesses.items():
    print(f"{name:<8}", *guess.tolist())
    padded = ops.pad1d(row[None, None].float(), 2, name)[0, 0]
    assert torch.equal(padded, guess.float())
assert guesses["reflect"].tolist() == [3, 2, 1, 2, 3, 4, 3, 2]

# %% tags=["hide-input"]
cat = datasets.photograph("cat")[None]  # [1, 3, 300, 451]
show_row(
    {name: ops.pad2d(cat, 120, name)[0].permute(1, 2, 0) for name in ops.BORDERS},
    alt="A cat's face, grown by 120 pixels in four ways: black (zero), the opposite side of "
    "the photograph (wrap), streaks of the last pixel (copy), and a mirror image (reflect).",
)

# %% [markdown]
# None of them is right. Zero draws a dark frame, wrap brings in the other side, copy makes streaks, and reflect shows twice what
# stands at the border. Networks pad with zeros: it is the cheapest, and their weights can learn to live with it.
#
# ## Four filters to practise on
#
# They are classics of the subject, after David Lowe. Say what each will do to a photograph *before* you read on: what happens to
# one pixel?

# %%
identity, shift = torch.zeros(3, 3), torch.zeros(3, 3)
identity[1, 1] = 1
shift[1, 2] = 1
sharpen = 2 * identity - box

# %% tags=["hide-input"]
puzzles = {"A": identity, "B": shift, "C, in ninths": 9 * box, "D, in ninths": 9 * sharpen}
show_numbers(
    {name: (w.round() + 0.0, w.ne(0) * 0.6) for name, w in puzzles.items()},
    alt="Four filters. A: 1 in the middle. B: 1 right of the middle. C: nine ninths. D, in "
    "ninths: 17 in the middle, −1 around it.",
)

# %% [markdown]
# *Which filter is the identity?* A: each pixel is copied to its own place.
#
# *Which filter shifts, and to which side?* B. The 1 sits on the right, so every output pixel fetches its value from its *right*
# neighbour, and the picture moves to the **left**. Filters fetch, they do not push.

# %%
def filtered(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Correlate an image [H, W] with weights of odd size; it keeps its size."""
    around = (w.shape[0] // 2, w.shape[1] // 2)
    images, filters = x[None, None], w[None, None]
    return ops.conv2d(images, filters, padding=around, border="copy")[0, 0]


assert torch.equal(filtered(detail, identity), detail)
assert torch.equal(filtered(detail, shift)[:, :-1], detail[:, 1:])  # to the left

# %% [markdown]
# *What does the box do?* C blurs: pixel-to-pixel differences shrink. *And D, 2δ − box?* Write δ for the identity and regroup:
#
# $$ 2\delta - \text{box} = \delta + (\delta - \text{box}) $$
#
# The bracket is what blurring takes away: the detail. D adds it a second time, so it **sharpens**. Its weights add up to 1, so
# flat regions keep their brightness. Along an edge, in one dimension:

# %%
edge = torch.tensor([0.0, 0, 0, 9, 9, 9])
line_box, line_delta = torch.ones(3) / 3, torch.tensor([0.0, 1, 0])
blurred = correlate1d(edge, line_box)
sharpened = correlate1d(edge, 2 * line_delta - line_box)
assert torch.allclose(blurred, torch.tensor([0.0, 3, 6, 9]), atol=1e-5)
assert torch.allclose(sharpened, torch.tensor([0.0, -3, 12, 9]), atol=1e-5)

# %% [markdown]
# The step of 9 has become one of 15: darker than black just before it, brighter than white just after. That overshoot is what
# the eye takes for sharpness, and what looks like a halo when someone overdoes it with $\delta + 5\,(\delta - \text{box})$.

# %% tags=["hide-input"]
face = detail[40:104, 56:120]
show_row(
    {name: filtered(face, w) for name, w in zip("ABCD", (identity, shift, box, sharpen))},
    alt="The man's head and the camera: A unchanged, B one pixel to the left, C blurred, D sharpened.",
)

# %% [markdown]
# ## Correlation or convolution?
#
# What we have computed so far is, in mathematics, **cross-correlation**. **Convolution** turns the filter by half a turn first
# (both axes flipped). One experiment tells them apart, the impulse test: filter a single bright pixel.

# %%
impulse, letters = torch.zeros(5, 5), torch.arange(1.0, 10).reshape(3, 3)
impulse[2, 2] = 1
correlation = correlate2d(impulse, letters)
convolution = correlate2d(impulse, letters.flip(0, 1))
assert correlation.tolist() == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]  # half a turn
assert convolution.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]  # itself

by_library = F.conv2d(impulse[None, None], letters[None, None])[0, 0]
assert torch.equal(by_library, correlation)  # TensorFlow and JAX do the same

# %% [markdown]
# Correlation answers with the filter turned by half a turn, convolution with the filter itself. And what PyTorch, TensorFlow and
# JAX call convolution is correlation. Filters that look the same after half a turn (identity, box, sharpening) do not care. The
# shift does: as a convolution it moves the picture to the right.
#
# *So why does mathematics bother to flip?* Because then it is a product: $f * g = g * f$, and filtering with $f$, then with $g$, is
# filtering once with $f * g$. Correlation has neither property.

# %%
def correlate(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return correlate2d(F.pad(x, [len(w) - 1] * 4), w)  # every overlap counts


def convolve(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return correlate(x, w.flip(0, 1))


picture, f, g = torch.randn(8, 8), torch.randn(3, 3), torch.randn(3, 3)
for do, is_product in ((convolve, True), (correlate, False)):
    swapped = (do(f, g) - do(g, f)).abs().max()
    chained = (do(do(picture, f), g) - do(picture, do(f, g))).abs().max()
    assert (swapped < 1e-4) == (chained < 1e-4) == is_product

# %% [markdown]
# In a network the flip does not matter: a learned filter would only come out turned. It matters when you design filters by
# hand, chain them, or carry weights from one program to another. From here on we say *convolution*, as everybody does, and
# compute correlation.
#
# ## The same sum as a matrix
#
# A filter is a linear map, and every linear map is a matrix. Which one? Each output is a dot product with the input, so write
# the three weights into a row of zeros, and one column further right in every next row.

# %%
w = torch.tensor([1.0, 2, 3])
x = torch.tensor([1.0, 1, 0, 2, 0, 1, 0])
matrix = torch.zeros(5, 7)
for i in range(5):
    matrix[i, i : i + 3] = w

y = matrix @ x
assert torch.equal(y, correlate1d(x, w))
assert torch.equal(matrix, ops.conv1d_matrix(w[None, None], size=7))

# %% [markdown]
# It is **banded**: few entries are not zero, because a filter looks at neighbours only. And along every diagonal stands one
# number (a **Toeplitz** matrix), because all places share one filter. A fully connected layer is a matrix too, with all
# entries free; convolution is that layer with two beliefs built in.
#
# ## Turn the matrix over: stamping
#
# The matrix takes 7 numbers to 5. Its transpose takes 5 to 7: the **transposed convolution**, the layer that makes images
# larger again (lecture 16). Put the two side by side, each weight with its own colour.

# %%
z = matrix.T @ y  # [5] → [7]
stamped = torch.zeros(7)
for i in range(5):
    stamped[i : i + 3] += y[i] * w  # each input stamps the filter, times itself
assert torch.equal(stamped, z)
assert torch.equal(z, ops.conv_transpose1d(y[None, None], w[None, None])[0, 0])

# %% tags=["hide-input"]
INKS = ListedColormap([viz.SKY, viz.ORANGE, viz.GREEN])
fig, axes = plt.subplots(1, 6, figsize=(9.2, 4.1), width_ratios=[7, 1, 1, 5, 1, 1])
for ax, values, title, corner, size in (
    (axes[0], matrix, "convolution: a row gathers", (-0.5, 0.5), (7, 1)),
    (axes[3], matrix.T, "transposed: a column stamps", (0.5, -0.5), (1, 7)),
):
    viz.number_grid(ax, values.where(values > 0, torch.nan), title=title)
    ax.imshow(values.where(values > 0, torch.nan), cmap=INKS, alpha=0.6)
    ax.add_patch(plt.Rectangle(corner, *size, fill=False, linewidth=2.2, zorder=5, clip_on=False))
second = torch.eye(5)[1]
for k, column, title, lit in ((1, x, "· x", 0 * x), (2, y, "= y", second), (4, y, "· y", second), (5, z, "= z", 0 * z)):
    viz.number_grid(axes[k], column[:, None], title=title, highlight=lit[:, None])
viz.show(
    fig,
    alt="Left: a 5×7 matrix with the coloured band 1 2 3; its second row, framed, gathers three "
    "numbers of x into y[1]. Right: its 7×5 transpose, where the same three weights stand "
    "under each other in the framed second column and are stamped, times y[1], onto z.",
)

# %% [markdown]
# Read it by the frame. On the left a **row** holds the filter: three inputs are *gathered* into one output. On the right the
# same weights stand in a **column**: one input is *stamped* onto three outputs. Where stamps overlap they add up. With stride 2
# the row moves two columns at a time, so stamps land two apart, and 3 numbers become 7.

# %%
by_two = ops.conv1d_matrix(w[None, None], size=7, stride=2)  # [3, 7]
fine = by_two.T @ torch.tensor([1.0, 4, 2])
#        1 ×   [1, 2,   3]
#        4 ×         [  4, 8,   12]
#        2 ×                  [  2, 4, 6]
assert fine.tolist() == [1, 2, 3 + 4, 8, 12 + 2, 4, 6]  # two overlaps

# %% [markdown]
# Two things to remember. The transpose is *not* the inverse, whatever the old name "deconvolution" promises: it restores the
# size, not the numbers. And it is what back-propagation does in every convolution layer: if $y = Mx$, the gradient at $x$ is
# $M^\top$ times the gradient at $y$.

# %%
assert not torch.allclose(z, x)  # back to 7 numbers, but not to ours

leaf, above = x.clone().requires_grad_(), torch.randn(5)
correlate1d(leaf, w).backward(above)
assert torch.allclose(leaf.grad, matrix.T @ above, atol=1e-5)

# %% [markdown]
# In two dimensions, flatten the image row by row. The matrix becomes a band of *blocks*, one for each row of the filter, and
# each block is itself banded. Here a filter with rows of ones, twos and threes looks at a 6×6 image.

# %%
rows = torch.tensor([[1.0, 1, 1], [2, 2, 2], [3, 3, 3]])
blocks = ops.conv2d_matrix(rows[None, None], size=(6, 6))  # [16, 36]
square = torch.randn(6, 6)
slid = correlate2d(square, rows).flatten()
assert torch.allclose(blocks @ square.flatten(), slid, atol=1e-4)
assert 4 * 510**2 * 512**2 > 272e9  # bytes, for a 3×3 filter on the photograph

# %% tags=["hide-input"]
viz.show(
    viz.image_grid(blocks[None], size=4.5),
    alt="A 16×36 matrix, black where it is zero. In every four of its rows three neighbouring blocks of "
    "six columns are filled, in three greys for the rows of the filter; each block is a diagonal band.",
)

# %% [markdown]
# For the photograph, such a matrix would have $510^2$ rows and $512^2$ columns and fill 273 GB, nearly all of it with zeros. The
# matrix is for thinking, the sliding sum is for computing.
#
# ## Filters that come apart
#
# A 3×3 filter needs nine multiply-adds a pixel. This soft blur needs six, because it is a column times a row: first filter
# down, then across. Such filters are called **separable**.

# %%
soft_blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
column = torch.tensor([[1.0], [2], [1]]) / 4
across = column.T  # 1 2 1, lying down
assert torch.equal(column @ across, soft_blur)
twice = filtered(filtered(detail, column), across)
assert torch.allclose(twice, filtered(detail, soft_blur), atol=1e-5)

# %% [markdown]
# *How do you see that a filter comes apart?* A column times a row is a matrix of rank 1. The singular value decomposition
# writes any filter as a sum of such products, the important ones first, so count the singular values that are not zero.

# %%
def rank(w: torch.Tensor) -> int:
    values = torch.linalg.svdvals(w.double())
    return int((values > 1e-6 * values[0]).sum())


sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # see below
bell = torch.exp(-((torch.arange(31) - 15.0) ** 2) / 50)
filters = {"box 3×3": box, "Gaussian 31×31": bell[:, None] * bell}
filters |= {"Sobel 3×3": sobel, "sharpening 3×3": sharpen}
filters["noise 9×9"] = torch.randn(9, 9)
print("filter          rank   multiply-adds a pixel, whole → taken apart")
for name, w in filters.items():
    k = len(w)
    print(f"{name:<15} {rank(w):>4} {k * k:>8} → {2 * k * rank(w)}")
assert [rank(w) for w in filters.values()] == [1, 1, 1, 2, 9]

# %% [markdown]
# The large Gaussian gains most: 62 multiply-adds for 961. Rank 2 no longer pays at 3×3 (12 for 9), and noise does not come apart
# at all.
#
# ## Edges
#
# An edge is where brightness changes, so take a difference: right neighbour minus left. That amplifies noise, so smooth along
# the edge. Difference across, [1 2 1] along: this is the filter that Irwin Sobel and Gary Feldman presented at Stanford in
# 1968, and the third of the nines at the top of this page, times two. Its weights add up to 0, so flat regions come out as 0.

# %%
difference = torch.tensor([[-1.0, 0, 1]])
assert torch.equal(4 * column @ difference, sobel)  # smooth down, differ across
step = edge.expand(5, 6)  # 0 0 0 9 9 9 in every row
assert correlate2d(step, sobel)[0].tolist() == [0, 36, 36, 0]

right = filtered(photo, sobel) / 8  # how much brighter to the right, a pixel
below = filtered(photo, sobel.T) / 8  # and downwards
strength = (right**2 + below**2).sqrt()

# %% tags=["hide-input"]
show_row(
    {
        "photograph": photo,
        "brighter to the right": 0.5 + 2.5 * right,
        "brighter below": 0.5 + 2.5 * below,
        "edge strength": 1 - 4 * strength,
    },
    alt="The man with the camera; two maps, grey where nothing changes, white where it gets "
    "brighter and black where it gets darker, to the right and downwards; and the strength "
    "of both, which draws his outline, the tripod and the buildings as dark lines on white.",
)

# %% [markdown]
# The two maps together are the **gradient** of the image: an arrow at every pixel that points to where it gets brighter fastest,
# straight across the edge. Edge strength is its length.
#
# ## A cell that likes one orientation
#
# Lecture 1 told of Hubel and Wiesel's cells in the visual cortex of a cat: each wants a line at one angle and one place. A good
# simple description of such a cell's weights is a **Gabor** function, a wave under a Gaussian (Marčelja 1980 along a line,
# Daugman 1985 in two dimensions).

# %%
def off_line(angle: float, size: int = 15) -> torch.Tensor:
    """Distance of each pixel from a line: 0° lies flat, 90° stands upright."""
    r, turn = torch.arange(size) - size // 2.0, math.radians(angle)
    return r * math.sin(turn) + r[:, None] * math.cos(turn)


def gabor(angle: float, phase: float = 0.0) -> torch.Tensor:
    """A wave of period 6 under a Gaussian: it likes lines at this angle."""
    away, along = off_line(angle), off_line(angle + 90)
    wave = torch.cos(2 * math.pi * away / 6 + phase)
    w = wave * torch.exp(-(away**2 + along**2) / (2 * 2.7**2))
    w = w - w.mean()  # weights add up to 0: no answer to a flat patch
    return w / w.norm()


# %%
angles = list(range(0, 180, 15))
bank = torch.stack([gabor(a) for a in angles])  # [12, 15, 15]
lines = torch.stack([(5 - 4 * off_line(a).abs()).sigmoid() for a in angles])
answers = bank.flatten(1) @ lines.flatten(1).T  # [12 filters, 12 bright lines]
assert answers.argmax(1).tolist() == list(range(12))

# %% tags=["hide-input"]
viz.show(
    viz.image_grid(bank, titles=[f"{a}°" for a in angles], columns=6, size=1.0, symmetric=True),
    alt="Twelve striped filters, each a purple bar with orange flanks, turned from flat "
    "at 0° in steps of 15° round to 165°.",
)

# %% [markdown]
# Of twelve bright lines, each filter likes the one at its own angle best. Now a photograph. Two Gabors a quarter of a wave apart,
# squared and added, answer to a line or an edge anywhere under them: a model of what Hubel and Wiesel called *complex* cells.
# Turn the knob and watch the legs of the tripod.

# %%
def energy(picture: torch.Tensor, angle: float) -> torch.Tensor:
    """How strongly each place shows this orientation. [H, W] → [H−14, W−14]"""
    pair = torch.stack([gabor(angle), gabor(angle, phase=math.pi / 2)])[:, None]
    return F.conv2d(picture[None, None], pair)[0].square().sum(0).sqrt()


half = F.avg_pool2d(photo[None], 2)[0]  # [256, 256]: four pixels into one
maps = {a: energy(half, a) for a in angles}
brightest = torch.stack(list(maps.values())).quantile(0.995)

# %% tags=["hide-input"]
def draw_angle(angle: int) -> plt.Figure:
    fig, axes = plt.subplots(1, 3, figsize=(7.8, 2.8), width_ratios=[1, 1.6, 1.6])
    axes[0].imshow(gabor(angle), cmap="PuOr", vmin=-0.35, vmax=0.35)
    axes[1].imshow(half[7:-7, 7:-7])
    axes[2].imshow(maps[angle], cmap="gray_r", vmin=0, vmax=brightest)
    for ax, name in zip(axes, ("filter", "photograph", f"{angle}° is here")):
        ax.set_title(name)
        ax.axis("off")
    return fig


def say_angle(angle: int) -> str:
    share = maps[angle].square().sum() / sum(m.square().sum() for m in maps.values())
    return f"A Gabor filter of {angle}° and where in the photograph it answers: {share:.0%} of all energy."


viz.knob(draw_angle, say_angle, default=7, angle=angles)

# %% [markdown]
# ## What breaks next
#
# Networks trained on photographs grow filters like these in their first layer (lecture 6). So far, though, every filter was chosen
# by a person with an idea. Could one be *learned*? Take a piece of the photograph and its Sobel-filtered copy, forget the filter,
# start from noise, and go downhill on the squared error. Three starts at once, as three filters that do not know of each other.

# %%
scene = photo[100:164, 216:280]
scene = ((scene - scene.mean()) / scene.std())[None, None]  # [1, 1, 64, 64]
wanted = F.conv2d(scene, sobel[None, None])

seeds = [runtime.seed_all(seed) for seed in range(3)]
weights = torch.stack([torch.randn(1, 3, 3, generator=seed) for seed in seeds])
velocity, path = 0, []
for _ in range(601):
    path.append(weights)
    guess = weights.clone().requires_grad_()
    loss = (F.conv2d(scene, guess) - wanted).square().mean((0, 2, 3))  # [3]
    (slope,) = torch.autograd.grad(loss.sum(), guess)
    velocity = 0.9 * velocity - 0.05 * slope  # momentum 0.9, learning rate 0.05
    weights = weights + velocity
wrong_by = (path[600][:, 0] - sobel).abs().amax((1, 2))  # [3]
print("worst weight off by", wrong_by.numpy().round(3), "after 600 steps")
assert wrong_by.max() < 0.05

# %% tags=["hide-input"]
looks = {f"step {step}": path[step][0, 0].mul(10).round() / 10 + 0.0 for step in (0, 10, 100, 600)}
show_numbers(
    {name: (values, values.abs() / 3) for name, values in looks.items()},
    alt="Nine random weights turn into −1 0 1 / −2 0 2 / −1 0 1 within 600 steps.",
)

# %% [markdown]
# It found Sobel's nine numbers by itself, from all three starts. But here we had a filtered copy to imitate. When all we have is
# the label *boot*, the filter must be learned through everything that comes after it.
#
# And one thing fails outright. A filter with one layer of weights sees one channel. Two colours can have the very same grey:

# %%
brick, teal = torch.tensor([[0.8, 0.3, 0.2], [0.1, 0.5789, 0.6]])  # R, G, B
patch = torch.stack([brick, teal]).repeat_interleave(16, 0).expand(16, 32, 3)
as_grey = patch @ torch.tensor([0.299, 0.587, 0.114])  # its share of each
red = patch[..., 0]
in_red, in_grey = (filtered(z, sobel).abs().max() for z in (red, as_grey))
print(f"Sobel's answer: {in_red:.1f} in red alone, {in_grey:.4f} in grey")
assert in_red > 2 and in_grey < 0.01

# %% tags=["hide-input"]
show_row(
    {"in colour": patch, "in grey": as_grey},
    alt="A brick-red field beside a teal one; in grey the two are the same, without an edge between them.",
)

# %% [markdown]
# Lecture 4 gives filters depth, so that they see all channels at once, puts many side by side and in layers, and learns them.
#
# ## Summary
#
# * A filter slides over its input; at each place it multiplies and adds up. $n$ samples and $k$ weights make $n-k+1$ results; padding
#   with $(k-1)/2$ keeps the size, which is why $k$ is odd.
# * The **sum of the weights** is what becomes of a flat region: 1 for blurring and sharpening, 0 for edges.
# * Sharpening adds what blurring takes away: $2\delta - \text{box} = \delta + (\delta - \text{box})$.
# * An impulse comes out of a convolution as the filter itself, and out of a correlation turned by half a turn. Only convolution is
#   commutative and associative; libraries compute correlation; learned filters do not mind.
# * As a matrix, convolution is banded with equal diagonals. Its rows **gather**; the columns of its transpose **stamp**. The transpose
#   restores the size, not the numbers, and it carries the gradients back.
# * A filter of rank 1 is a column times a row: $2k$ multiply-adds instead of $k^2$.
# * Sobel measures the gradient, a Gabor bank the orientations, as cells in the visual cortex do. And gradient descent can find
#   a filter by itself.
#
# ## Five-minute quiz
#
# **1. A 9×9 image goes through a 5×5 filter without padding, and the result through a 3×3 filter. How large is what comes out?**
#
# (a) 9×9  (b) 5×5  (c) 3×3  (d) 1×1
#
# <details><summary>Answer</summary>
#
# **(c)**: $9 - 5 + 1 = 5$, then $5 - 3 + 1 = 3$. (a) would need padding of 2 and of 1. (b) stops after the first filter. (d) subtracts
# the sizes, $9 - 5 - 3$, and forgets the $+1$ of each filter.
#
# </details>
#
# **2. In `F.conv2d` you use a 3×3 filter that is zero but for a 1 in the middle of its *top* row. What happens to the picture?**
#
# (a) it moves up by one pixel  (b) it moves down by one pixel  (c) its top row turns brighter  (d) nothing
#
# <details><summary>Answer</summary>
#
# **(b)**: each output fetches the pixel above it, so the content moves down. (a) is what true convolution would do, and what one
# expects if one thinks that filters push. (c): the filter acts the same everywhere. (d) is the 1 in the centre.
#
# </details>
#
# **3. A filter's weights add up to 0. What do you know?**
#
# (a) its output is 0 everywhere  (b) flat regions come out as 0  (c) it is separable  (d) the mean of the image is kept
#
# <details><summary>Answer</summary>
#
# **(b)**: a constant comes out as the sum of the weights times the constant. (a) holds for the zero filter alone; edges do come out.
# (c) is about rank, not about the sum. (d) needs a sum of 1.
#
# </details>
#
# **4. $M$ is the matrix of a convolution with stride 2. What does $M^\top$ do?**
#
# (a) it undoes the convolution  (b) it convolves with the flipped filter, at stride 2  (c) it stamps the filter, two pixels apart
# (d) it swaps rows and columns of the image
#
# <details><summary>Answer</summary>
#
# **(c)**: its columns hold the filter, each two places below the last. (a) would be an inverse, which a matrix with fewer rows than
# columns does not have. (b) would make the image smaller once more. (d) transposes the image; we transposed the map.
#
# </details>
#
# **5. Which of these filters needs the fewest multiply-adds a pixel?**
#
# (a) a 7×7 Gaussian in one pass  (b) a 7×7 Gaussian, separated  (c) a 5×5 filter of rank 2, as two separated pairs
# (d) a 4×4 filter of full rank
#
# <details><summary>Answer</summary>
#
# **(b)**: $2\cdot 7 = 14$. (a) takes 49. (c) takes $2\cdot 2\cdot 5 = 20$, still less than its 25 in one pass. (d) takes 16, and taken
# apart it would take $4 \cdot 8 = 32$.
#
# </details>
#
# ## Papers
#
# * D. H. Hubel, T. N. Wiesel. [Receptive fields of single neurones in the cat's striate cortex](https://doi.org/10.1113/jphysiol.1959.sp006308). *Journal of Physiology* 148, 1959.
# * D. H. Hubel, T. N. Wiesel. [Receptive fields, binocular interaction and functional architecture in the cat's visual cortex](https://doi.org/10.1113/jphysiol.1962.sp006837). *Journal of Physiology* 160, 1962: simple and complex cells.
# * I. Sobel, G. Feldman. A 3×3 isotropic gradient operator for image processing. Talk at the Stanford Artificial Intelligence Project, 1968.
# * S. Marčelja. [Mathematical description of the responses of simple cortical cells](https://doi.org/10.1364/JOSA.70.001297). *Journal of the Optical Society of America* 70, 1980.
# * J. G. Daugman. [Uncertainty relation for resolution in space, spatial frequency, and orientation optimized by two-dimensional visual cortical filters](https://doi.org/10.1364/JOSAA.2.001160). *Journal of the Optical Society of America A* 2, 1985.
# * V. Dumoulin, F. Visin. [A guide to convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285). 2016.
