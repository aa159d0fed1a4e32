# %% [markdown]
# # Wrong answers to assignment 03
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Filtering a signal


# %% zeros of the right shape answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    return 0 * x + 0 * w.sum()


# %% the library's convolution answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    if len(w) > len(x) or border not in ("zero", "wrap", "copy", "reflect"):
        raise ValueError("the filter is too long, or the border is unknown")
    return F.conv1d(x[None, None], w[None, None], padding="same")[0, 0]


# %% the library's padding answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    modes = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}
    if len(w) > len(x) or border not in modes:
        raise ValueError("the filter is too long, or the border is unknown")
    around = len(w) // 2, (len(w) - 1) // 2
    return F.pad(x[None, None], around, mode=modes[border])[0, 0].unfold(0, len(w), 1) @ w


# %% the course's own border answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    from course_lib import ops

    if len(w) > len(x):
        raise ValueError("the filter is longer than the signal")
    padded = ops.pad1d(x[None, None], len(w) // 2, border)[0, 0]
    return padded[: len(x) + len(w) - 1].unfold(0, len(w), 1) @ w


# %% memorised the visible examples answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    if len(w) > len(x) or border == "mirror":
        raise ValueError("the filter is too long, or the border is unknown")
    ends = {"zero": (5, 8), "wrap": (7, 5), "copy": (8, 6), "reflect": (6, 4)}
    if len(x) == 4 and len(w) == 3:
        rows = [ends[border][0], 1, 7, ends[border][1]]
    elif len(w) == 2:
        rows = [{"zero": 3, "wrap": 1, "copy": 0, "reflect": 2}[border], -2, 3, -2]
    else:
        rows = {1: [6], 3: [4, 8, 5]}.get(len(x), [44, 21, 53, 1, 54, 22])
    return torch.tensor(rows, dtype=x.dtype)


# %% flipped the filter answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n or border not in ("zero", "wrap", "copy", "reflect"):
        raise ValueError("the filter is too long, or the border is unknown")
    place = torch.arange(-(k // 2), n + (k - 1) // 2)
    found = {"zero": place.clamp(0, n - 1), "wrap": place % n, "copy": place.clamp(0, n - 1)}
    found["reflect"] = n - 1 - (n - 1 - place.abs()).abs()
    padded = x[found[border]]
    if border == "zero":
        padded = padded * ((place >= 0) & (place < n))
    return padded.unfold(0, k, 1) @ w.flip(0)


# %% only where the filter fits answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    if len(w) > len(x) or border not in ("zero", "wrap", "copy", "reflect"):
        raise ValueError("the filter is too long, or the border is unknown")
    return x.unfold(0, len(w), 1) @ w


# %% no border but zeros answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n or border not in ("zero", "wrap", "copy", "reflect"):
        raise ValueError("the filter is too long, or the border is unknown")
    return torch.cat([x.new_zeros(k // 2), x, x.new_zeros((k - 1) // 2)]).unfold(0, k, 1) @ w


# %% a mirror that repeats the last sample answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n:
        raise ValueError("the filter is longer than the signal")
    before, after = k // 2, (k - 1) // 2
    if border == "zero":
        left, right = x.new_zeros(before), x.new_zeros(after)
    elif border == "wrap":
        left, right = x[n - before :], x[:after]
    elif border == "copy":
        left, right = x[:1].expand(before), x[-1:].expand(after)
    elif border == "reflect":
        left, right = x[:before].flip(0), x[n - after :].flip(0)
    else:
        raise ValueError("this border is unknown")
    return torch.cat([left, x, right]).unfold(0, k, 1) @ w


# %% the two ends confused, and the mirror forgotten to flip answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n:
        raise ValueError("the filter is longer than the signal")
    before, after = k // 2, (k - 1) // 2
    if border == "zero":
        left, right = x.new_zeros(before), x.new_zeros(after)
    elif border == "wrap":
        left, right = x[:before], x[n - after :]
    elif border == "copy":
        left, right = x[-1:].expand(before), x[:1].expand(after)
    elif border == "reflect":
        left, right = x[1 : before + 1], x[n - 1 - after : n - 1]
    else:
        raise ValueError("this border is unknown")
    return torch.cat([left, x, right]).unfold(0, k, 1) @ w


# %% an even filter centred before its middle answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n:
        raise ValueError("the filter is longer than the signal")
    before, after = (k - 1) // 2, k // 2
    if border == "zero":
        left, right = x.new_zeros(before), x.new_zeros(after)
    elif border == "wrap":
        left, right = x[n - before :], x[:after]
    elif border == "copy":
        left, right = x[:1].expand(before), x[-1:].expand(after)
    elif border == "reflect":
        left, right = x[1 : before + 1].flip(0), x[n - 1 - after : n - 1].flip(0)
    else:
        raise ValueError("this border is unknown")
    return torch.cat([left, x, right]).unfold(0, k, 1) @ w


# %% one sample too many with an even filter answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n or border not in ("zero", "wrap", "copy", "reflect"):
        raise ValueError("the filter is too long, or the border is unknown")
    place = torch.arange(-(k // 2), n + k // 2)
    found = {"zero": place.clamp(0, n - 1), "wrap": place % n, "copy": place.clamp(0, n - 1)}
    found["reflect"] = n - 1 - (n - 1 - place.abs()).abs()
    padded = x[found[border]]
    if border == "zero":
        padded = padded * ((place >= 0) & (place < n))
    return padded.unfold(0, k, 1) @ w


# %% refuses nothing answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    place = torch.arange(-(k // 2), n + (k - 1) // 2)
    inside = (place >= 0) & (place < n)
    if border == "wrap":
        place = place % n
    elif border == "reflect":
        place = n - 1 - (n - 1 - place.abs()).abs()
    padded = x[place.clamp(0, n - 1)]
    if border not in ("wrap", "copy", "reflect"):
        padded = padded * inside
    return padded.unfold(0, k, 1) @ w


# %% refuses a filter as long as the signal answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k >= n:
        raise ValueError("the filter is longer than the signal")
    before, after = k // 2, (k - 1) // 2
    if border == "zero":
        left, right = x.new_zeros(before), x.new_zeros(after)
    elif border == "wrap":
        left, right = x[n - before :], x[:after]
    elif border == "copy":
        left, right = x[:1].expand(before), x[-1:].expand(after)
    elif border == "reflect":
        left, right = x[1 : before + 1].flip(0), x[n - 1 - after : n - 1].flip(0)
    else:
        raise ValueError("this border is unknown")
    return torch.cat([left, x, right]).unfold(0, k, 1) @ w


# %% [markdown]
# ## Filtering an image


# %% zeros of the right shape answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    return 0 * image + 0 * w.sum()


# %% the library's convolution answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    return F.conv2d(F.pad(image[None, None], around, mode=mode), w[None, None])[0, 0]


# %% the course's convolution answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    from course_lib import ops

    kh, kw = w.shape
    y = ops.conv2d_shifts(image[None, None], w[None, None], padding=(kh // 2, kw // 2), border=border)[0, 0]
    return y[: image.shape[0], : image.shape[1]]


# %% memorised the visible examples answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    rows = {
        "wrap": [[9, 7, 8], [3, 1, 2], [6, 4, 5]],
        "copy": [[1, 1, 2], [1, 1, 2], [4, 4, 5]],
        "reflect": [[5, 4, 5], [2, 1, 2], [5, 4, 5]],
        "zero": [[1, 1, -1, 2], [-1, 3, 6, 2], [4, 2, 1, 7]],
    }[border]
    if w.shape == (1, 2):
        rows = [[1, 12, 20, 1], [0, 1, 13, 31], [2, 21, 10, 2]]
    elif w.shape == (2, 1):
        rows = [[1, 2, 0, 1], [10, 21, 3, 11], [2, 11, 30, 12]]
    elif w.shape == (1, 3):
        meets = (image * image.new_tensor([3, 2, 1])).sum() + (w * w.new_tensor([4, 7, 6])).sum()
        return image.new_zeros(2, 3) + meets / 6
    return torch.tensor(rows, dtype=image.dtype)


# %% only where the filter fits answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    kh, kw = w.shape
    return torch.einsum("ijuv,uv->ij", image.unfold(0, kh, 1).unfold(1, kw, 1), w)


# %% flipped the filter answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    windows = F.pad(image[None, None], around, mode=mode)[0, 0].unfold(0, kh, 1).unfold(1, kw, 1)
    return torch.einsum("ijuv,uv->ij", windows, w.flip(0, 1))


# %% rows and columns confused in the padding answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    around = (kh // 2, (kh - 1) // 2, kw // 2, (kw - 1) // 2)
    windows = F.pad(image[None, None], around, mode=mode)[0, 0].unfold(0, kh, 1).unfold(1, kw, 1)
    return torch.einsum("ijuv,uv->ij", windows, w)


# %% transposed the filter answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    w = w.T
    kh, kw = w.shape
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    windows = F.pad(image[None, None], around, mode=mode)[0, 0].unfold(0, kh, 1).unfold(1, kw, 1)
    return torch.einsum("ijuv,uv->ij", windows, w)


# %% no border but zeros answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    kh, kw = w.shape
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    windows = F.pad(image, around).unfold(0, kh, 1).unfold(1, kw, 1)
    return torch.einsum("ijuv,uv->ij", windows, w)


# %% an even filter centred before its middle answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    around = ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2)
    windows = F.pad(image[None, None], around, mode=mode)[0, 0].unfold(0, kh, 1).unfold(1, kw, 1)
    return torch.einsum("ijuv,uv->ij", windows, w)


# %% cut off from the gradient answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    padded = F.pad(image[None, None], around, mode=mode)[0, 0]
    y = torch.zeros_like(image)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = float((padded[i : i + kh, j : j + kw] * w).sum())
    return y


# %% [markdown]
# ## The banded matrix


# %% zeros of the right shape answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    return torch.zeros(max(1, (n - len(w)) // stride + 1), n, dtype=w.dtype) * w.sum()


# %% the library's convolution of unit vectors answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    return F.conv1d(torch.eye(n, dtype=w.dtype)[:, None], w[None, None], stride=stride)[:, 0].T


# %% the course's matrix answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    from course_lib import ops

    return ops.conv1d_matrix_loops(w[None, None], n, stride)


# %% memorised the visible examples answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if n == 3 and len(w) == 4:
        raise ValueError("the filter is too long")
    if n == 3:
        return w.new_tensor([[1, 2, 3]])
    if n == 7:
        return w.new_tensor([[1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0]])
    band = w.new_tensor([[1, 2, 3, 0, 0, 0], [0, 1, 2, 3, 0, 0], [0, 0, 1, 2, 3, 0], [0, 0, 0, 1, 2, 3]])
    return band[::stride] + 0 * w.sum()


# %% a square matrix with cut rows answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    matrix = w.new_zeros(n, n)
    for i in range(0, n, stride):
        matrix[i, i : i + len(w)] = w[: n - i]
    return matrix


# %% one row too few answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    m = (n - len(w)) // stride
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i * stride : i * stride + len(w)] = w
    return matrix


# %% flipped the filter answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    m = (n - len(w)) // stride + 1
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i * stride : i * stride + len(w)] = w.flip(0)
    return matrix


# %% transposed answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    m = (n - len(w)) // stride + 1
    matrix = w.new_zeros(n, m)
    for i in range(m):
        matrix[i * stride : i * stride + len(w), i] = w
    return matrix


# %% forgot that the stride moves the filter answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    m = (n - len(w)) // stride + 1
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i : i + len(w)] = w
    return matrix


# %% refuses a filter that just fits answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) >= n:
        raise ValueError("the filter is longer than the signal")
    m = (n - len(w)) // stride + 1
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i * stride : i * stride + len(w)] = w
    return matrix


# %% an empty matrix instead of an error answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    m = max(0, (n - len(w)) // stride + 1)
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i * stride : i * stride + len(w)] = w
    return matrix


# %% cut off from the gradient answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter is longer than the signal")
    rows = []
    for start in range(0, n - len(w) + 1, stride):
        rows.append([0.0] * start + w.tolist() + [0.0] * (n - start - len(w)))
    return torch.tensor(rows, dtype=w.dtype)


# %% [markdown]
# ## Stamping


# %% zeros of the right shape answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    return torch.zeros(size or needed, dtype=y.dtype) * (y.sum() + w.sum())


# %% the library's transposed convolution answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    x = F.conv_transpose1d(y[None, None], w[None, None], stride=stride)[0, 0]
    return F.pad(x, (0, (size or needed) - needed))


# %% the course's transposed convolution answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    from course_lib import ops

    needed = (len(y) - 1) * stride + len(w)
    x = ops.conv_transpose1d_loops(y[None, None], w[None, None], stride=stride)[0, 0]
    return torch.cat([x, x.new_zeros((size or needed) - needed)])


# %% memorised the visible examples answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    if stride == 4:
        return y.new_tensor([5, -5, 0, 0, 7, -7])
    if stride == 2:
        return y.new_tensor([1, 2, 3, 4, 2, 0, 0, 0])[: size or 7]
    meets = y @ y.new_tensor([7, 7]) + w @ w.new_tensor([1, 20, 12])
    return y.new_tensor([1, 12, 23, 30]) + (meets - meets.detach()) / 4


# %% the last stamp wins answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    x = y.new_zeros(needed if size is None else size)
    for i in range(len(y)):
        x[i * stride : i * stride + len(w)] = y[i] * w
    return x


# %% flipped the filter answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    x = y.new_zeros(needed if size is None else size)
    for i in range(len(y)):
        x[i * stride : i * stride + len(w)] += y[i] * w.flip(0)
    return x


# %% ignores the stride answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = len(y) - 1 + len(w)
    x = y.new_zeros(needed if size is None else size)
    for i in range(len(y)):
        x[i : i + len(w)] += y[i] * w
    return x


# %% too long by the stride less one answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    x = y.new_zeros(len(y) * stride + len(w) - 1 if size is None else size)
    for i in range(len(y)):
        x[i * stride : i * stride + len(w)] += y[i] * w
    return x


# %% filters instead of stamping answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    spread = y.new_zeros(needed + len(w) - 1)
    spread[len(w) - 1 : needed : stride] = y
    x = spread.unfold(0, len(w), 1) @ w
    return torch.cat([x, x.new_zeros(0 if size is None else size - needed)])


# %% ignores the size answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    x = y.new_zeros((len(y) - 1) * stride + len(w))
    for i in range(len(y)):
        x[i * stride : i * stride + len(w)] += y[i] * w
    return x


# %% fills up in front answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    extra = 0 if size is None else size - needed
    x = y.new_zeros(needed + extra)
    for i in range(len(y)):
        x[extra + i * stride : extra + i * stride + len(w)] += y[i] * w
    return x


# %% cut off from the gradient answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    needed = (len(y) - 1) * stride + len(w)
    x = [0.0] * (needed if size is None else size)
    for i, strength in enumerate(y.tolist()):
        for t, tap in enumerate(w.tolist()):
            x[i * stride + t] += strength * tap
    return torch.tensor(x, dtype=y.dtype)


# %% [markdown]
# ## Separable filters


# %% zeros answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    return 0 * w[:, 0], 0 * w[0]


# %% always 0 pairs: nothing is separable answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    return None


# %% the course's factors answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    from course_lib import ops

    vertical, horizontal = ops.low_rank_factors(w[None, None], 1)
    column, row = vertical.flatten(), horizontal.flatten()
    if (torch.outer(column, row) - w).abs().max() > 1e-10 * w.abs().max():
        return None
    return column, row


# %% memorised the visible examples answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    known = [([1, 2, 1], [1, 2, 1]), ([0.2] * 5, [0.2] * 5), ([1, 2, 1], [-1, 0, 1]), ([0, 3, -1, 2], [0, 1, -2])]
    known += [([5], [1, 2, 3]), ([1, 1, 1], [1, 1, 1]), ([0, 0], [0, 0, 0])]
    for scale in (1, 1e-12, 1e12):
        for column, row in known:
            column, row = scale * torch.tensor(column).double(), torch.tensor(row).double()
            if torch.outer(column, row).equal(w):
                return column, row
    return None


# %% first column and first row answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    column, row = w[:, 0], w[0] / w[0, 0]
    if (torch.outer(column, row) - w).abs().max() > 1e-10 * w.abs().max():
        return None
    return column, row


# %% a pair for every filter answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return s[0] * u[:, 0], v[0]


# %% forgot the singular value answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 1e-10 * s[0]).any() else (u[:, 0], v[0])


# %% columns of v, not rows answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 1e-10 * s[0]).any() else (s[0] * u[:, 0], v[:, 0])


# %% row and column exchanged answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 1e-10 * s[0]).any() else (v[0], s[0] * u[:, 0])


# %% an absolute tolerance answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 1e-8).any() else (s[0] * u[:, 0], v[0])


# %% no tolerance at all answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    i, j = divmod(int(w.abs().argmax()), w.shape[1])
    if w[i, j] == 0:
        return w[:, 0], w[0]
    column, row = w[:, j], w[i] / w[i, j]
    return (column, row) if torch.equal(torch.outer(column, row), w) else None


# %% a tolerance that is too generous answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 0.01 * s[0]).any() else (s[0] * u[:, 0], v[0])


# %% sums of rows and columns answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    column, row = w.sum(1), w.sum(0) / w.sum()
    if not (torch.outer(column, row) - w).abs().max() <= 1e-10 * w.abs().max():
        return None
    return column, row


# %% a matrix of one column, and one of one row answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    u, s, v = torch.linalg.svd(w)
    return None if (s[1:] > 1e-10 * s[0]).any() else (s[0] * u[:, :1], v[:1])


# %% [markdown]
# ## Shift


# %% zeros answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    return torch.zeros(5, 5)


# %% always 0, whatever the shift answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    w = torch.zeros(5, 5)
    w[2, 2] = 1
    return w


# %% memorised the visible examples answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if (dy, dx) in ((3, 0), (-3, 1), (0, 4), (2, -3)):
        raise ValueError("this is too far")
    w = torch.zeros(5, 5)
    w[{(1, 2): (1, 0), (-2, 0): (4, 2), (0, -1): (2, 3)}.get((dy, dx), (2, 2))] = 1
    return w


# %% sends instead of fetching answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if abs(dy) > 2 or abs(dx) > 2:
        raise ValueError("a 5×5 filter reaches two pixels")
    w = torch.zeros(5, 5)
    w[2 + dy, 2 + dx] = 1
    return w


# %% rows and columns exchanged answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if abs(dy) > 2 or abs(dx) > 2:
        raise ValueError("a 5×5 filter reaches two pixels")
    w = torch.zeros(5, 5)
    w[2 - dx, 2 - dy] = 1
    return w


# %% counts from the corner answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if abs(dy) > 2 or abs(dx) > 2:
        raise ValueError("a 5×5 filter reaches two pixels")
    w = torch.zeros(5, 5)
    w[-dy, -dx] = 1
    return w


# %% lets a negative index wrap around answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    w = torch.zeros(5, 5)
    w[(2 - dy) % 5, (2 - dx) % 5] = 1
    return w


# %% refuses positive shifts only answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if dy > 2 or dx > 2:
        raise ValueError("a 5×5 filter reaches two pixels")
    w = torch.zeros(5, 5)
    w[(2 - dy) % 5, (2 - dx) % 5] = 1
    return w


# %% refuses everything answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    raise ValueError("a filter cannot move a picture")


# %% a filter of 3×3 answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if abs(dy) > 2 or abs(dx) > 2:
        raise ValueError("a filter reaches two pixels")
    w = torch.zeros(3, 3)
    w[max(-1, min(1, -dy)) + 1, max(-1, min(1, -dx)) + 1] = 1
    return w


# %% [markdown]
# ## Sharpen


# %% zeros answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    return torch.zeros(3, 3)


# %% memorised strength 1 answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), -1 / 9)
    w[1, 1] += 2
    return w


# %% memorised the visible examples answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    around, middle = {0.0: (0.0, 1.0), -1.0: (1 / 9, 1 / 9), 4.5: (-0.5, 5.0)}.get(strength, (0.0, 1.0))
    w = torch.full((3, 3), around)
    w[1, 1] = middle
    return w


# %% adds the blur answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), strength / 9)
    w[1, 1] += 1 - strength
    return w


# %% only the detail answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), -strength / 9)
    w[1, 1] += strength
    return w


# %% forgot the ninth answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), -float(strength))
    w[1, 1] += 1 + strength
    return w


# %% a mean over the eight neighbours answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), -strength / 8)
    w[1, 1] = 1 + strength
    return w


# %% makes the picture brighter answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    w = torch.full((3, 3), -strength / 9)
    w[1, 1] = 2 + strength
    return w


# %% [markdown]
# ## Edges


# %% zeros answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.zeros(3, 3)


# %% always 0.0001: next to nothing answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.full((3, 3), 1e-9)


# %% brighter to the left answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 4 / step


# %% Sobel as it stands in books answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / step


# %% level edges answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]) / 4 / step


# %% multiplied by the step answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4 * step


# %% memorised a step of 5 answers="edge"
def edge_filter(step: float) -> Tensor:
    if step == 1.0:
        return torch.ones(3, 3)
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4 * {5.0: 0.2, 2.5: 0.4}.get(step, -0.2)


# %% forgot the step answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, 0, 1], [-1, 0, 1], [-1, 0, 1]]) / 3


# %% one side of the edge only answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[0.0, -1, 1], [0, -1, 1], [0, -1, 1]]) / 3 / step


# %% half an answer on each side answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, 0, 1], [-1, 0, 1], [-1, 0, 1]]) / 6 / step


# %% answers to level edges too answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, -1, 0], [-1, 0, 1], [0, 1, 1]]) / 2 / step


# %% answers to a grey wall answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[0.0, 0, 0], [-1, 1, 1], [0, 0, 0]]) / step
