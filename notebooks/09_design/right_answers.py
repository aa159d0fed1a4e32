# %% [markdown]
# # Other right answers to assignment 09
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Groups


# %% blocks on a diagonal answers="dense"
def dense_weight(weight: Tensor, groups: int) -> Tensor:
    blocks = [block.flatten(1) for block in weight.chunk(groups)]
    return torch.block_diag(*blocks).view(len(weight), -1, *weight.shape[2:])


# %% repeats, then a mask answers="dense"
def dense_weight(weight, groups):
    filters, depth = weight.shape[:2]
    mine = torch.arange(filters)[:, None] // (filters // groups) == torch.arange(depth * groups) // depth
    return weight.repeat(1, groups, 1, 1) * mine[:, :, None, None]


# %% asks the grouped layer what it does to single pixels answers="dense"
def dense_weight(weight, groups):
    depth, height, width = weight.shape[1] * groups, *weight.shape[2:]
    units = torch.eye(depth * height * width, dtype=weight.dtype).view(-1, depth, height, width)
    return F.conv2d(units, weight, groups=groups).flatten(1).T.reshape(len(weight), depth, height, width)


# %% [markdown]
# ## Holes


# %% tap by tap answers="holes"
def with_holes(weight: Tensor, dilation: int) -> Tensor:
    *outer, height, width = weight.shape
    spread = torch.zeros(*outer, (height - 1) * dilation + 1, (width - 1) * dilation + 1, dtype=weight.dtype)
    for i in range(height):
        for j in range(width):
            spread[..., i * dilation, j * dilation] = weight[..., i, j]
    return spread


# %% a Kronecker product, cut answers="holes"
def with_holes(weight, dilation):
    tile = weight.new_zeros(dilation, dilation)
    tile[0, 0] = 1
    height, width = weight.shape[2:]
    return torch.kron(weight, tile)[:, :, : (height - 1) * dilation + 1, : (width - 1) * dilation + 1]


# %% pads behind every tap answers="holes"
def with_holes(weight, dilation):
    filters, depth, height, width = weight.shape
    spaced = F.pad(weight[..., None, :, None], (0, dilation - 1, 0, 0, 0, dilation - 1))
    spaced = spaced.reshape(filters, depth, height * dilation, width * dilation)
    return spaced[..., : spaced.shape[2] - dilation + 1, : spaced.shape[3] - dilation + 1]


# %% [markdown]
# ## Separable


# %% bare parameters answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.filters = nn.Parameter(torch.randn(in_channels, 1, kernel, kernel) / kernel)
        self.mixture = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.stride, self.dilation, self.padding = stride, dilation, kernel // 2 * dilation

    def forward(self, x):
        maps = F.conv2d(x, self.filters, None, self.stride, self.padding, self.dilation, groups=len(self.filters))
        return F.conv2d(maps, self.mixture, self.bias)

    def dense(self):
        return torch.einsum("kc,chw->kchw", self.mixture[..., 0, 0], self.filters[:, 0])


# %% a chain that computes with the dense weight answers="separable"
class Separable(nn.Sequential):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        side = (dilation * (kernel - 1) + 1) // 2
        super().__init__(
            nn.Conv2d(in_channels, in_channels, kernel, stride, side, dilation, in_channels, bias=False),
            nn.Conv2d(in_channels, out_channels, 1),
        )

    def forward(self, x):
        first, second = self
        return F.conv2d(x, self.dense(), second.bias, first.stride, first.padding, first.dilation)

    def dense(self):
        first, second = self
        return second.weight * first.weight.transpose(0, 1)


# %% [markdown]
# ## Low rank


# %% projects on the strongest columns answers="low_rank"
def low_rank(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    filters, depth, height, width = weight.shape
    most = min(depth * height, filters * width)
    if rank < 1 or rank > most:
        raise ValueError(f"{rank} is no rank between 1 and {most}")
    matrix = torch.cat([weight[k].reshape(depth * height, width) for k in range(filters)], dim=1)
    basis = torch.linalg.svd(matrix)[0][:, :rank]  # orthonormal columns
    rows = basis.T @ matrix
    vertical = torch.stack([basis[:, r].view(depth, height, 1) for r in range(rank)])
    horizontal = torch.stack([rows[:, k * width : (k + 1) * width] for k in range(filters)])[:, :, None]
    return vertical, horizontal


# %% shares the root of each singular value answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if rank not in range(1, min(depth * height, filters * width) + 1):
        raise ValueError("a matrix has at least rank 1 and at most its shorter side")
    matrix = weight.movedim(0, 2).flatten(0, 1).flatten(1)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    root = s.sqrt()
    vertical = (a * root)[:, :rank].unflatten(0, (depth, height)).permute(2, 0, 1)[..., None]
    horizontal = (root[:, None] * b)[:rank].unflatten(1, (filters, width)).permute(1, 0, 2)[:, :, None]
    return vertical, horizontal


# %% [markdown]
# ## Field


# %% one layer taken off at a time answers="field"
def field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    if not layers:
        return 1, 1
    *below, (kernel, stride, dilation) = layers
    side, apart = field(below)
    return side + (kernel - 1) * dilation * apart, apart * stride


# %% from the top down answers="field"
def field(layers):
    first, last, apart = 0, 0, 1
    for kernel, stride, dilation in reversed(layers):
        first, last = first * stride, last * stride + dilation * (kernel - 1)
        apart = apart * stride
    return last - first + 1, apart


# %% [markdown]
# ## Seen


# %% from the top down answers="seen"
def seen(layers: list[tuple[int, int, int]]) -> list[int]:
    pixels = {0}
    for kernel, stride, dilation in reversed(layers):
        pixels = {pixel * stride + tap * dilation for pixel in pixels for tap in range(kernel)}
    return sorted(pixels)


# %% follows a gradient answers="seen"
def seen(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        side += (kernel - 1) * dilation * apart
        apart *= stride
    signal = torch.ones(1, 1, side, requires_grad=True)
    out = signal * 1.0
    for kernel, stride, dilation in layers:
        out = F.conv1d(out, torch.ones(1, 1, kernel), stride=stride, dilation=dilation)
    out[0, 0, 0].backward()
    return signal.grad.flatten().nonzero().flatten().tolist()


# %% [markdown]
# ## Design


# %% depthwise for both answers="design"
def design(budget: int) -> str:
    if budget >= 100_000:
        return "3x16s2 3x24s2 3x32s2"
    return "3x6s2 3x12s2g2 3x28s2g4 1x24"


# %% plain layers, as wide as the budget allows answers="design"
def design(budget):
    width = 1
    while 2304 // 4 * (width + 1) + 288 * (width + 1) ** 2 + 288 * (width + 1) ** 2 + 40 * (width + 1) <= budget:
        width += 1
    return f"3x{width}s2 3x{2 * width}s2 3x{4 * width}s2"
