# %% [markdown]
# # Other right answers to assignment 03
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Filtering a signal


# %% places instead of pieces answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n:
        raise ValueError("The filter may not be longer than the signal.")
    place = torch.arange(-(k // 2), n + k - 1 - k // 2)
    inside = (place >= 0) & (place < n)
    if border == "wrap":
        found = place % n
    elif border in ("copy", "zero"):
        found = place.clamp(0, n - 1)
    elif border == "reflect":
        found = n - 1 - (n - 1 - place.abs()).abs()
    else:
        raise ValueError(f"There is no border called {border}.")
    padded = x[found]
    if border == "zero":
        padded = torch.where(inside, padded, torch.zeros_like(padded))
    return sum(w[t] * padded[t : t + n] for t in range(k))


# %% number by number answers="filter1d"
def filter1d(x, w, border="zero"):
    if len(w) > len(x):
        raise ValueError(f"{len(w)} taps are too many for {len(x)} samples")
    if border not in {"zero", "wrap", "copy", "reflect"}:
        raise ValueError(f"border must be zero, wrap, copy or reflect, not {border}")
    n = len(x)
    y = torch.zeros(n, dtype=x.dtype)
    for i in range(n):
        for t in range(len(w)):
            j = i + t - len(w) // 2
            if border == "wrap":
                j = j % n
            elif border == "copy":
                j = min(max(j, 0), n - 1)
            elif border == "reflect":
                j = abs(j) if j < n else 2 * (n - 1) - j
            if 0 <= j < n:
                y[i] = y[i] + w[t] * x[j]
    return y


# %% rolls the whole signal answers="filter1d"
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    n, k = len(x), len(w)
    if k > n:
        raise ValueError("the filter is longer than the signal")
    if border == "wrap":
        return sum(w[t] * x.roll(k // 2 - t) for t in range(k))
    beyond = {
        "zero": lambda: (x.new_zeros(n), x.new_zeros(n)),
        "copy": lambda: (x[:1].repeat(n), x[-1:].repeat(n)),
        "reflect": lambda: (x.flip(0)[:-1], x.flip(0)[1:]),
    }
    if border not in beyond:
        raise ValueError(f"the border {border!r} does not exist")
    left, right = beyond[border]()
    long = torch.cat([left, x, right])
    first = len(left) - k // 2
    return torch.stack([long[first + i : first + i + k] @ w for i in range(n)])


# %% [markdown]
# ## Filtering an image


# %% tap by tap answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    (height, width), (kh, kw) = image.shape, w.shape
    modes = dict(zero="constant", wrap="circular", copy="replicate", reflect="reflect")
    around = [kw // 2, kw - 1 - kw // 2, kh // 2, kh - 1 - kh // 2]
    padded = F.pad(image.view(1, 1, height, width), around, mode=modes[border]).squeeze((0, 1))
    y = torch.zeros_like(image)
    for u in range(kh):
        for v in range(kw):
            y += w[u, v] * padded[u : u + height, v : v + width]
    return y


# %% places instead of padding answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    def places(n, k):
        place = torch.arange(-(k // 2), n + (k - 1) // 2)
        if border == "wrap":
            return place % n
        if border == "reflect":
            return n - 1 - (n - 1 - place.abs()).abs()
        return place.clamp(0, n - 1)

    (height, width), (kh, kw) = image.shape, w.shape
    padded = image[places(height, kh)][:, places(width, kw)]
    if border == "zero":
        rows, cols = torch.arange(len(padded)) - kh // 2, torch.arange(padded.shape[1]) - kw // 2
        inside = ((rows >= 0) & (rows < height))[:, None] & ((cols >= 0) & (cols < width))
        padded = padded * inside
    return sum(w[u, v] * padded[u : u + height, v : v + width] for u in range(kh) for v in range(kw))


# %% pixel by pixel answers="filter2d"
def filter2d(image, w, border="zero"):
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    padded = F.pad(image[None, None], (kw // 2, kw - 1 - kw // 2, kh // 2, kh - 1 - kh // 2), mode=mode)[0, 0]
    y = torch.empty_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            y[i, j] = (padded[i : i + kh, j : j + kw] * w).sum()
    return y


# %% unfolds into columns answers="filter2d"
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    kh, kw = w.shape
    padded = F.pad(image[None, None], (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2), mode=mode)
    return (w.flatten() @ F.unfold(padded, (kh, kw))[0]).view(image.shape)


# %% [markdown]
# ## The banded matrix


# %% pieces put side by side answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    if len(w) > n:
        raise ValueError("the filter does not fit into the signal")
    rows = [torch.cat([w.new_zeros(s), w, w.new_zeros(n - s - len(w))]) for s in range(0, n - len(w) + 1, stride)]
    return torch.stack(rows)


# %% which tap stands where answers="banded"
def banded(w, n, stride=1):
    if n < len(w):
        raise ValueError(f"{n} samples are too few for {len(w)} taps")
    m = 1 + (n - len(w)) // stride
    tap = torch.arange(n) - stride * torch.arange(m)[:, None]  # [m, n]
    inside = (tap >= 0) & (tap < len(w))
    return w[tap.clamp(0, len(w) - 1)] * inside


# %% number by number answers="banded"
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    m = len(range(0, n - len(w) + 1, stride))
    if m == 0:
        raise ValueError("the filter is longer than the signal")
    matrix = torch.zeros(m, n, dtype=w.dtype)
    for i in range(m):
        for t in range(len(w)):
            matrix[i, i * stride + t] = w[t]
    return matrix


# %% [markdown]
# ## Stamping


# %% the transposed matrix answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    n = size or (len(y) - 1) * stride + len(w)
    rows = [torch.cat([w.new_zeros(i * stride), w, w.new_zeros(n - i * stride - len(w))]) for i in range(len(y))]
    return torch.stack(rows).T @ y


# %% tap by tap answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    m = len(y)
    x = torch.zeros((m - 1) * stride + len(w) if size is None else size, dtype=y.dtype)
    for t in range(len(w)):
        x[t : t + (m - 1) * stride + 1 : stride] += w[t] * y
    return x


# %% spread out, then filtered with the flipped filter answers="stamp"
def stamp(y, w, stride=1, size=None):
    k, needed = len(w), (len(y) - 1) * stride + len(w)
    spread = y.new_zeros(needed + k - 1)
    spread[k - 1 : needed : stride] = y
    x = spread.unfold(0, k, 1) @ w.flip(0)
    return x if size is None else F.pad(x, (0, size - needed))


# %% a sum of whole signals answers="stamp"
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    n = (len(y) - 1) * stride + len(w) if size is None else size
    return sum(F.pad(strength * w, (i * stride, n - i * stride - len(w))) for i, strength in enumerate(y))


# %% [markdown]
# ## Separable filters


# %% the row and the column of the largest value answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    largest = w.abs().max()
    if largest == 0:
        return w[:, 0], w[0]
    i, j = (w.abs() == largest).nonzero()[0].tolist()
    column, row = w[:, j], w[i] / w[i, j]
    if (torch.outer(column, row) - w).abs().max() > 1e-10 * largest:
        return None
    return column, row


# %% the largest singular value, shared fairly answers="separate"
def separate(w):
    u, s, v = torch.linalg.svd(w, full_matrices=False)
    column, row = u[:, 0] * s[0].sqrt(), v[0] * s[0].sqrt()
    close = torch.allclose(torch.outer(column, row), w, rtol=0, atol=1e-10 * float(w.abs().max()))
    return [column, row] if close else None


# %% asks for the rank answers="separate"
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    if torch.linalg.matrix_rank(w, rtol=1e-10) > 1:
        return None
    longest = w.norm(dim=1).argmax()
    row = w[longest]
    square = row @ row
    if square == 0:
        return w[:, 0], row
    return w @ row / square, row


# %% [markdown]
# ## Shift


# %% rolls an impulse answers="shift"
def shift_filter(dy: int, dx: int) -> Tensor:
    if max(abs(dy), abs(dx)) > 2:
        raise ValueError("This filter can move a picture by two pixels at most.")
    impulse = torch.zeros(5, 5, dtype=torch.float64)
    impulse[2, 2] = 1
    return impulse.roll((-dy, -dx), (0, 1))


# %% a column times a row answers="shift"
def shift_filter(dy, dx):
    if dy not in range(-2, 3) or dx not in range(-2, 3):
        raise ValueError(f"({dy}, {dx}) is further than two pixels")
    unit = torch.eye(5)
    return torch.outer(unit[2 - dy], unit[2 - dx])


# %% [markdown]
# ## Sharpen


# %% impulse and box answers="sharpen"
def sharpen_filter(strength: float) -> Tensor:
    impulse, box = torch.zeros(3, 3).double(), torch.ones(3, 3).double() / 9
    impulse[1, 1] = 1
    return (1 + strength) * impulse - strength * box


# %% filters an impulse answers="sharpen"
def sharpen_filter(strength):
    picture = F.pad(torch.ones(1, 1, 1, 1), (2, 2, 2, 2))
    detail = picture[:, :, 1:-1, 1:-1] - F.avg_pool2d(picture, 3, 1)
    return (picture[:, :, 1:-1, 1:-1] + strength * detail)[0, 0]


# %% [markdown]
# ## Edges


# %% Prewitt answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-1.0, 0.0, 1.0]]).repeat(3, 1) / (3 * step)


# %% one row answers="edge"
def edge_filter(step: float) -> Tensor:
    w = torch.zeros(3, 3, dtype=torch.float64)
    w[1, 0], w[1, 2] = -1 / step, 1 / step
    return w


# %% Scharr answers="edge"
def edge_filter(step: float) -> Tensor:
    return torch.tensor([[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]).double() / 16 / step
