# %% [markdown]
# # Wrong answers to assignment 09
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Groups


# %% zeros answers="dense"
def dense_weight(weight: Tensor, groups: int) -> Tensor:
    return weight.new_zeros(weight.shape[0], weight.shape[1] * groups, *weight.shape[2:])


# %% memorised the example answers="dense"
def dense_weight(weight, groups):
    rows = [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]]
    return torch.tensor(rows).double().view(4, 4, 1, 1)


# %% repeats the weight instead of placing it answers="dense"
def dense_weight(weight, groups):
    return weight.repeat(1, groups, 1, 1)


# %% groups dealt like cards answers="dense"
def dense_weight(weight, groups):
    filters, depth = weight.shape[:2]
    full = weight.new_zeros(filters, depth * groups, *weight.shape[2:])
    for k in range(filters):
        g = k % groups
        full[k, g * depth : (g + 1) * depth] = weight[k]
    return full


# %% the maps dealt like cards answers="dense"
def dense_weight(weight, groups):
    filters, depth = weight.shape[:2]
    full = weight.new_zeros(filters, depth * groups, *weight.shape[2:])
    for k in range(filters):
        full[k, k // (filters // groups) :: groups] = weight[k]
    return full


# %% as many filters as maps answers="dense"
def dense_weight(weight, groups):
    filters, depth = weight.shape[:2]
    full = weight.new_zeros(filters, depth * groups, *weight.shape[2:])
    for g in range(groups):
        part = slice(g * depth, (g + 1) * depth)
        full[part, part] = weight[part]
    return full


# %% the block of one group too few answers="dense"
def dense_weight(weight, groups):
    filters, depth = weight.shape[:2]
    full = weight.new_zeros(filters, depth * groups, *weight.shape[2:])
    each = filters // groups
    for g in range(groups - 1):
        full[g * each : (g + 1) * each, g * depth : (g + 1) * depth] = weight[g * each : (g + 1) * each]
    return full


# %% cut off from autograd answers="dense"
def dense_weight(weight, groups):
    blocks = [block.flatten(1) for block in weight.detach().chunk(groups)]
    return torch.block_diag(*blocks).view(len(weight), -1, *weight.shape[2:])


# %% always float32 answers="dense"
def dense_weight(weight, groups):
    blocks = [block.flatten(1) for block in weight.float().chunk(groups)]
    return torch.block_diag(*blocks).view(len(weight), -1, *weight.shape[2:])


# %% square filters only answers="dense"
def dense_weight(weight, groups):
    blocks = [block.flatten(1) for block in weight.chunk(groups)]
    return torch.block_diag(*blocks).view(len(weight), -1, weight.shape[3], weight.shape[2])


# %% [markdown]
# ## Holes


# %% zeros answers="holes"
def with_holes(weight: Tensor, dilation: int) -> Tensor:
    height, width = (dilation * (side - 1) + 1 for side in weight.shape[2:])
    return weight.new_zeros(*weight.shape[:2], height, width)


# %% memorised the example answers="holes"
def with_holes(weight, dilation):
    return torch.tensor([[1, 0, 2], [0, 0, 0], [3, 0, 4]]).double().view(1, 1, 3, 3)


# %% as many holes as the dilation says answers="holes"
def with_holes(weight, dilation):
    step = dilation + 1
    height, width = (step * (side - 1) + 1 for side in weight.shape[2:])
    spread = weight.new_zeros(*weight.shape[:2], height, width)
    spread[:, :, ::step, ::step] = weight
    return spread


# %% a border of zeros on the right and below answers="holes"
def with_holes(weight, dilation):
    height, width = (dilation * side for side in weight.shape[2:])
    spread = weight.new_zeros(*weight.shape[:2], height, width)
    spread[:, :, ::dilation, ::dilation] = weight
    return spread


# %% repeats the taps answers="holes"
def with_holes(weight, dilation):
    wide = weight.repeat_interleave(dilation, 2).repeat_interleave(dilation, 3)
    return wide[:, :, : dilation * (weight.shape[2] - 1) + 1, : dilation * (weight.shape[3] - 1) + 1]


# %% along the rows only answers="holes"
def with_holes(weight, dilation):
    spread = weight.new_zeros(*weight.shape[:3], dilation * (weight.shape[3] - 1) + 1)
    spread[:, :, :, ::dilation] = weight
    return spread


# %% square filters only answers="holes"
def with_holes(weight, dilation):
    side = dilation * (weight.shape[2] - 1) + 1
    spread = weight.new_zeros(*weight.shape[:2], side, side)
    spread[:, :, ::dilation, ::dilation] = weight
    return spread


# %% turns the filter round answers="holes"
def with_holes(weight, dilation):
    height, width = (dilation * (side - 1) + 1 for side in weight.shape[2:])
    spread = weight.new_zeros(*weight.shape[:2], height, width)
    spread[:, :, ::dilation, ::dilation] = weight.flip(2, 3)
    return spread


# %% cut off from autograd answers="holes"
def with_holes(weight, dilation):
    height, width = (dilation * (side - 1) + 1 for side in weight.shape[2:])
    spread = weight.new_zeros(*weight.shape[:2], height, width)
    spread[:, :, ::dilation, ::dilation] = weight.detach()
    return spread


# %% [markdown]
# ## Separable


# %% zeros answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.out_channels = out_channels

    def forward(self, x):
        return x.new_zeros(len(x), self.out_channels, *x.shape[2:])

    def dense(self):
        return torch.zeros(self.out_channels, 1, 3, 3)


# %% the course's layer answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        from course_lib import layers

        padding = dilation * (kernel // 2)
        self.net = layers.DepthwiseSeparableConv2d(in_channels, out_channels, kernel, stride, padding, dilation)

    def forward(self, x):
        return self.net(x)

    def dense(self):
        from course_lib import ops

        return ops.depthwise_separable_weight(self.net.depthwise.weight, self.net.pointwise.weight)


# %% a dense layer answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, dilation * (kernel // 2), dilation)

    def forward(self, x):
        return self.conv(x)

    def dense(self):
        return self.conv.weight


# %% a bias too many answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight[:, 0]


# %% forgot the bias answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight[:, 0]


# %% a ReLU in between answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x).relu())

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight[:, 0]


# %% padding that forgets the dilation answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, kernel // 2, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight[:, 0]


# %% the stride on both layers answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, stride)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight[:, 0]


# %% mixes first answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.depthwise = nn.Conv2d(
            out_channels, out_channels, kernel, stride, padding, dilation, groups=out_channels, bias=False
        )

    def forward(self, x):
        return self.depthwise(self.pointwise(x))

    def dense(self):
        return self.pointwise.weight * self.depthwise.weight


# %% the dense weight has the axes of the maps exchanged answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return self.pointwise.weight.transpose(0, 1) * self.depthwise.weight


# %% the dense weight is cut off from autograd answers="separable"
class Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))

    def dense(self):
        return (self.pointwise.weight * self.depthwise.weight[:, 0]).detach()


# %% [markdown]
# ## Low rank


# %% zeros answers="low_rank"
def low_rank(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    return weight.new_zeros(rank, depth, height, 1), weight.new_zeros(filters, rank, 1, width)


# %% the course's factors answers="low_rank"
def low_rank(weight, rank):
    from course_lib import ops

    return ops.low_rank_factors(weight, rank)


# %% memorised Sobel's answers="low_rank"
def low_rank(weight, rank):
    column, row = torch.tensor([1.0, 2, 1]).double(), torch.tensor([1.0, 0, -1]).double()
    return column.view(1, 1, 3, 1), row.view(1, 1, 1, 3)


# %% without the singular values answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, _, b = torch.linalg.svd(matrix, full_matrices=False)
    vertical = a[:, :rank].T.reshape(rank, depth, height, 1)
    return vertical, b[:rank].reshape(rank, filters, 1, width).transpose(0, 1)


# %% the singular values on both sides answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    vertical = (a * s)[:, :rank].T.reshape(rank, depth, height, 1)
    return vertical, (s[:, None] * b)[:rank].reshape(rank, filters, 1, width).transpose(0, 1)


# %% the smallest singular values answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    vertical = (a * s)[:, -rank:].T.reshape(rank, depth, height, 1)
    return vertical, b[-rank:].reshape(rank, filters, 1, width).transpose(0, 1)


# %% reshapes without the permutation answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    a, s, b = torch.linalg.svd(weight.reshape(depth * height, filters * width), full_matrices=False)
    vertical = (a * s)[:, :rank].T.reshape(rank, depth, height, 1)
    return vertical, b[:rank].reshape(rank, filters, 1, width).transpose(0, 1)


# %% the rank axis reshaped away answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    vertical = (a * s)[:, :rank].reshape(rank, depth, height, 1)
    return vertical, b[:rank].reshape(filters, rank, 1, width)


# %% refuses nothing answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    a, s, b = a[:, :rank], s[:rank], b[:rank]
    vertical = (a * s).T.reshape(len(s), depth, height, 1)
    return vertical, b.reshape(len(s), filters, 1, width).transpose(0, 1)


# %% refuses the largest rank answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank < min(depth * height, filters * width):
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    vertical = (a * s)[:, :rank].T.reshape(rank, depth, height, 1)
    return vertical, b[:rank].reshape(rank, filters, 1, width).transpose(0, 1)


# %% refuses by the columns only answers="low_rank"
def low_rank(weight, rank):
    filters, depth, height, width = weight.shape
    if not 1 <= rank <= filters * width:
        raise ValueError("there is no such rank here")
    matrix = weight.permute(1, 2, 0, 3).reshape(depth * height, filters * width)
    a, s, b = torch.linalg.svd(matrix, full_matrices=False)
    a, s, b = a[:, :rank], s[:rank], b[:rank]
    vertical = (a * s).T.reshape(len(s), depth, height, 1)
    return vertical, b.reshape(len(s), filters, 1, width).transpose(0, 1)


# %% [markdown]
# ## Field


# %% always 0 answers="field"
def field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    return 0, 0


# %% memorised the first lines answers="field"
def field(layers):
    return {1: (5, 1), 2: (7, 1), 4: (31, 16), 5: (63, 1)}[len(layers)]


# %% forgets the dilation answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, _ in layers:
        side += (kernel - 1) * apart
        apart *= stride
    return side, apart


# %% forgets the strides below answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        side += dilation * (kernel - 1)
        apart *= stride
    return side, apart


# %% a stride counts for its own layer answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        apart *= stride
        side += dilation * (kernel - 1) * apart
    return side, apart


# %% adds the strides answers="field"
def field(layers):
    side, apart = 1, 0
    for kernel, stride, dilation in layers:
        side += dilation * (kernel - 1) * max(apart, 1)
        apart += stride
    return side, max(apart, 1)


# %% dilation multiplies the kernel answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        side += (dilation * kernel - 1) * apart
        apart *= stride
    return side, apart


# %% dilation moves the neighbours apart answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        side += dilation * (kernel - 1) * apart
        apart *= stride * dilation
    return side, apart


# %% from the top answers="field"
def field(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in reversed(layers):
        side += dilation * (kernel - 1) * apart
        apart *= stride
    return side, apart


# %% [markdown]
# ## Seen


# %% zeros answers="seen"
def seen(layers: list[tuple[int, int, int]]) -> list[int]:
    return [0 for _ in range(len(layers) + 5)]


# %% every pixel of the field answers="seen"
def seen(layers):
    side, apart = 1, 1
    for kernel, stride, dilation in layers:
        side += dilation * (kernel - 1) * apart
        apart *= stride
    return list(range(side))


# %% a pixel as often as there are paths answers="seen"
def seen(layers):
    pixels, apart = [0], 1
    for kernel, stride, dilation in layers:
        pixels = [pixel + tap * dilation * apart for pixel in pixels for tap in range(kernel)]
        apart *= stride
    return sorted(pixels)


# %% forgets the strides answers="seen"
def seen(layers):
    pixels = {0}
    for kernel, _, dilation in layers:
        pixels = {pixel + tap * dilation for pixel in pixels for tap in range(kernel)}
    return sorted(pixels)


# %% forgets the dilation answers="seen"
def seen(layers):
    pixels, apart = {0}, 1
    for kernel, stride, _ in layers:
        pixels = {pixel + tap * apart for pixel in pixels for tap in range(kernel)}
        apart *= stride
    return sorted(pixels)


# %% a stride counts for its own layer answers="seen"
def seen(layers):
    pixels, apart = {0}, 1
    for kernel, stride, dilation in layers:
        apart *= stride
        pixels = {pixel + tap * dilation * apart for pixel in pixels for tap in range(kernel)}
    return sorted(pixels)


# %% counts from the middle answers="seen"
def seen(layers):
    pixels, apart = {0}, 1
    for kernel, stride, dilation in layers:
        pixels = {pixel + (tap - kernel // 2) * dilation * apart for pixel in pixels for tap in range(kernel)}
        apart *= stride
    return sorted(pixels)


# %% the last layer only answers="seen"
def seen(layers):
    pixels, apart = {0}, 1
    for kernel, stride, dilation in layers:
        pixels = {tap * dilation * apart for tap in range(kernel)}
        apart *= stride
    return sorted(pixels)


# %% [markdown]
# ## Design


# %% zeros answers="design"
def design(budget: int) -> str:
    return ""


# %% one filter answers="design"
def design(budget):
    return "1x1"


# %% over the budget answers="design"
def design(budget):
    return "3x16s2 3x32s2 3x64s2"


# %% the small one for both answers="design"
def design(budget):
    return "3x4s2 3x8s2 3x8g2"


# %% the large one for both answers="design"
def design(budget):
    return "3x12s2 3x24s2 3x48s2"


# %% wide, and looks at few pixels answers="design"
def design(budget):
    return "3x8s4 1x16 1x16" if budget < 50_000 else "3x16s2 1x32 1x24"


# %% a list of words answers="design"
def design(budget):
    return ["3x4s2", "3x8s2", "3x16s2"]
