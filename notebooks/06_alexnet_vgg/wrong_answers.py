# %% [markdown]
# # Wrong answers to assignment 06
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Shapes


# %% always 0 answers="shapes"
def shapes(layers: list[tuple], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(0,) for _ in layers]


# %% off by one answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride for n in shape[1:]))
        found.append(shape)
    return found


# %% channels last answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
            found.append(shape)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
            found.append((*shape[1:], shape[0]))
    return found


# %% padding on one side only answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + padding - kernel) // stride + 1 for n in shape[1:]))
        found.append(shape)
    return found


# %% one side for both axes answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            side = (shape[1] + 2 * padding - kernel) // stride + 1
            shape = (filters, side, side)
        found.append(shape)
    return found


# %% refuses nothing answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
        found.append(shape)
    return found


# %% refuses a window that just fits answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + 2 * padding <= kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
        found.append(shape)
    return found


# %% looks at the height only, when it refuses answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if shape[1] + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
        found.append(shape)
    return found


# %% pooling by two, whatever the layer says answers="shapes"
def shapes(layers, shape):
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        elif kind == "pool":
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
        else:
            filters, kernel, stride, padding, _ = numbers
            if min(shape[1:]) + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
        found.append(shape)
    return found


# %% the last shape only answers="shapes"
def shapes(layers, shape):
    for kind, *numbers in layers:
        if kind == "linear":
            shape = (numbers[0],)
        else:
            filters, kernel, stride, padding, _ = numbers if kind == "conv" else (shape[0], *numbers, 0, 1)
            if min(shape[1:]) + 2 * padding < kernel:
                raise ValueError("the window does not fit")
            shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
    return [shape]


# %% memorised the visible checks answers="shapes"
def shapes(layers, shape):
    if shape == (1, 6, 9):
        if layers[0][2] == 7:
            raise ValueError("a window does not fit")
        return [(4, 4, 7), (4, 2, 3)]
    if shape == (1, 9, 6):
        raise ValueError("a window does not fit")
    known = [(96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 13, 13)]
    if len(layers) == 11:
        return [*known, (256, 6, 6), (4096,), (4096,), (1000,)]
    return {3: [(96, 55, 55), (8, 55, 55), (4, 28, 28)], 1: [(4, 1, 1)]}.get(len(layers), [])


# %% [markdown]
# ## Parameters


# %% always 0 answers="parameters"
def parameters(layers: list[tuple], shape: tuple[int, ...]) -> list[int]:
    return [0 for _ in layers]


# %% forgot the biases answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] // layer[5]) * layer[2] ** 2)
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * torch.Size(shape).numel())
        shape = after
    return counts


# %% ignores the groups answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] * layer[2] ** 2 + 1))
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
        shape = after
    return counts


# %% groups divide the filters as well answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] // layer[5] * (shape[0] // layer[5] * layer[2] ** 2 + 1))
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
        shape = after
    return counts


# %% groups divide the biases too answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] * layer[2] ** 2 + 1) // layer[5])
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
        shape = after
    return counts


# %% a linear layer reads the channels only answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] // layer[5] * layer[2] ** 2 + 1))
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (shape[0] + 1))
        shape = after
    return counts


# %% every layer reads the image answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer in layers:
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] // layer[5] * layer[2] ** 2 + 1))
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
    return counts


# %% a weight for every place answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(torch.Size(after).numel() * (shape[0] // layer[5] * layer[2] ** 2 + 1))
        elif layer[0] == "pool":
            counts.append(0)
        else:
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
        shape = after
    return counts


# %% leaves out the layers that learn nothing answers="parameters"
def parameters(layers, shape):
    counts = []
    for layer, after in zip(layers, shapes(layers, shape)):
        if layer[0] == "conv":
            counts.append(layer[1] * (shape[0] // layer[5] * layer[2] ** 2 + 1))
        elif layer[0] == "linear":
            counts.append(layer[1] * (torch.Size(shape).numel() + 1))
        shape = after
    return counts


# %% memorised the visible checks answers="parameters"
def parameters(layers, shape):
    if len(layers) == 3:
        return [34944, 0, 614656]
    if len(layers) == 2:
        return [37752832, 40970]
    return [307456] if shape[0] == 96 else [60] if shape[0] == 6 else [60965224]


# %% [markdown]
# ## Local response normalisation


# %% zeros answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    return torch.zeros_like(x)


# %% the library's answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    return F.local_response_norm(x, size, alpha * size, beta, k)


# %% the course's answers="lrn"
from course_lib import ops


def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    return ops.local_response_norm(x, size, alpha * size, beta, k)


# %% alpha divided by n, as torch does answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))
    return x / (k + alpha / size * squares.unfold(1, size, 1).sum(-1)) ** beta


# %% forgot the squares answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    padded = F.pad(x, (0, 0, 0, 0, half, half))
    return x / (k + alpha * padded.unfold(1, size, 1).sum(-1)) ** beta


# %% forgot the power answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))
    return x / (k + alpha * squares.unfold(1, size, 1).sum(-1))


# %% the power on the activity alone answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))
    return x / (k + alpha * squares.unfold(1, size, 1).sum(-1) ** beta)


# %% all maps take part answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    return x / (k + alpha * x.square().sum(1, keepdim=True)) ** beta


# %% only the maps before answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    squares = F.pad(x.square(), (0, 0, 0, 0, size - 1, 0))
    return x / (k + alpha * squares.unfold(1, size, 1).sum(-1)) ** beta


# %% wraps around the ends answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    activity = sum(torch.roll(x.square(), shift, dims=1) for shift in range(-(size // 2), size // 2 + 1))
    return x / (k + alpha * activity) ** beta


# %% neighbours in space, not in depth answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (half, half))
    return x / (k + alpha * squares.unfold(3, size, 1).sum(-1)) ** beta


# %% the map itself left out answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))
    return x / (k + alpha * (squares.unfold(1, size, 1).sum(-1) - x.square())) ** beta


# %% already divided maps divide the next ones answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half, y = size // 2, x.clone()
    for c in range(x.shape[1]):
        around = y[:, max(c - half, 0) : c + half + 1].clone()
        y[:, c] = x[:, c] / (k + alpha * around.square().sum(1)) ** beta
    return y


# %% works in place answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))
    return x.div_((k + alpha * squares.unfold(1, size, 1).sum(-1)) ** beta)


# %% cut off from the gradient answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    half = size // 2
    squares = F.pad(x.detach().square(), (0, 0, 0, 0, half, half))
    return x / (k + alpha * squares.unfold(1, size, 1).sum(-1)) ** beta


# %% memorised the visible checks answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    known = {1: [200 / 6**0.75] if size == 5 else [8.0], 5: [1 / 2, 0, 1 / 3, 1 / 6, 0], 2: [0.5, 4 / 6]}
    known[9] = [1 / 4, 1 / 5, 1 / 14, 1 / 14, 3 / 14, 1 / 14, 1 / 14, 1 / 5, 1 / 4]
    return torch.tensor(known.get(x.numel(), 12 * [0.0])).double().view_as(x)


# %% [markdown]
# ## Block


# %% zeros answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.out = out_channels

    def forward(self, x):
        return x.new_zeros(len(x), self.out, *x.shape[2:])


# %% ignores the groups answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% no ReLU answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x)))


# %% pooling without overlap answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% pools always answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(F.max_pool2d(self.conv(x).relu(), 3, 2))


# %% the normalisation before the pooling answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.pool(self.norm(self.conv(x).relu()))


# %% the paper's alpha given to torch answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 1e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% torch's constants answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.01)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% torch's start answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% a variance of 0.01 answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(self.conv.weight, std=0.1)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% drawn evenly answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.uniform_(self.conv.weight, -0.01 * 3**0.5, 0.01 * 3**0.5)
        nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% no bias where the bias is 0 answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=bool(bias))
        nn.init.normal_(self.conv.weight, std=0.01)
        if bias:
            nn.init.constant_(self.conv.bias, bias)
        self.pool = nn.MaxPool2d(3, 2) if pool else nn.Identity()
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.pool(self.conv(x).relu()))


# %% [markdown]
# ## VGG


# %% zeros answers="vgg"
def vgg(line: str, num_classes: int = 10, side: int = 32, hidden: int = 64) -> nn.Module:
    class Zeros(nn.Module):
        def forward(self, x):
            return x.new_zeros(len(x), num_classes)

    return Zeros()


# %% the course's own network answers="vgg"
from course_lib.models.vgg import VGG


def vgg(line: str, num_classes: int = 10, side: int = 32, hidden: int = 64) -> nn.Module:
    return VGG(line, num_classes)


# %% no ReLU after the convolutions answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps.append(nn.Conv2d(depth, int(word), 3, padding=1))
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% no padding answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% a softmax on top answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    steps += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes), nn.Softmax(1)]
    return nn.Sequential(*steps)


# %% always 7×7 before the linear layers, as for ImageNet answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(depth * 49, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% two linear layers only answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    return nn.Sequential(*steps, nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% average pooling answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.AvgPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% always ten classes answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 10))


# %% rounds odd sides up answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2, ceil_mode=True))
            side = (side + 1) // 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% refuses nothing answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            steps.append(nn.MaxPool2d(2))
            side //= 2
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*steps, nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


# %% dropout between the linear layers answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"what is {word!r} to mean?")
    if side < 1:
        raise ValueError("the image is too small")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden)]
    return nn.Sequential(*steps, nn.ReLU(), nn.Dropout(), nn.Linear(hidden, num_classes))


# %% [markdown]
# ## Memory


# %% always 0 answers="memory"
def training_memory(line: str, batch: int, side: int = 224, hidden: int = 4096, num_classes: int = 1000) -> int:
    return 0


# %% forgot the biases answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * 9 * depth
            depth = int(word)
        kept += depth * side**2
    learned += hidden * depth * side**2 + hidden * hidden + hidden * num_classes
    kept += 2 * hidden + num_classes
    return 4 * (3 * learned + 2 * batch * kept)


# %% forgot the poolings' outputs answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
            kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 4 * (3 * learned + 2 * batch * kept)


# %% forgot the image answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 0
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 4 * (3 * learned + 2 * batch * kept)


# %% every ReLU kept as well answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
            kept += depth * side**2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
            kept += 2 * depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 4 * hidden + num_classes
    return 4 * (3 * learned + 2 * batch * kept)


# %% no gradients of the activations answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 4 * (3 * learned + batch * kept)


# %% no velocity answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 4 * (2 * learned + 2 * batch * kept)


# %% the parameters once an image answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 4 * batch * (3 * learned + 2 * kept)


# %% numbers, not bytes answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += hidden * (depth * side**2 + 1) + hidden * (hidden + 1) + num_classes * (hidden + 1)
    kept += 2 * hidden + num_classes
    return 3 * learned + 2 * batch * kept


# %% the linear layers of ImageNet, always answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    learned += 4096 * (depth * side**2 + 1) + 4096 * 4097 + 1000 * 4097
    kept += 2 * 4096 + 1000
    return 4 * (3 * learned + 2 * batch * kept)


# %% memorised the visible checks answers="memory"
def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    if line == "2 M":
        return 12 * 103 + 8 * batch * 96
    if line == "M":
        return 4 * (3 * 8 + 4 * 18)
    learned = 16389544 if hidden == 64 else 143667240 if len(line) > 60 else 138357544
    return 12 * learned + 8 * batch * 15237608
