# %% [markdown]
# # Other right answers to assignment 06
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Shapes


# %% slides windows over a real tensor answers="shapes"
def shapes(layers: list[tuple], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    found = []
    for layer in layers:
        if layer[0] == "linear":
            shape = (layer[1],)
        else:
            filters, kernel, stride, padding = layer[1:5] if layer[0] == "conv" else (shape[0], *layer[1:], 0)
            plane = F.pad(torch.zeros(shape[1:]), [padding] * 4)
            if min(plane.shape) < kernel:
                raise ValueError(f"{kernel} pixels are more than there are")
            shape = (filters, *plane.unfold(0, kernel, stride).unfold(1, kernel, stride).shape[:2])
        found.append(shape)
    return found


# %% counts the starts, axis by axis answers="shapes"
def places(size, kernel, stride, padding):
    starts = range(-padding, size + padding - kernel + 1, stride)
    if len(starts) == 0:
        raise ValueError("There is no place for the window.")
    return len(starts)


def shapes(layers, shape):
    result = []
    for layer in layers:
        name, rest = layer[0], layer[1:]
        if name == "linear":
            shape = rest
        elif name == "pool":
            shape = (shape[0], places(shape[1], *rest, 0), places(shape[2], *rest, 0))
        else:
            shape = (rest[0], places(shape[1], *rest[1:4]), places(shape[2], *rest[1:4]))
        result.append(tuple(shape))
    return result


# %% [markdown]
# ## Parameters


# %% from the shape of the weight answers="parameters"
def parameters(layers: list[tuple], shape: tuple[int, ...]) -> list[int]:
    counts = []
    for kind, *numbers in layers:
        if kind == "pool":
            kernel, stride = numbers
            weight, bias = (0,), 0
            shape = (shape[0], *(len(range(0, n - kernel + 1, stride)) for n in shape[1:]))
        elif kind == "conv":
            filters, kernel, stride, padding, groups = numbers
            weight, bias = (filters, shape[0] // groups, kernel, kernel), filters
            shape = (filters, *(len(range(0, n + 2 * padding - kernel + 1, stride)) for n in shape[1:]))
        else:
            weight, bias = (*numbers, *shape), numbers[0]
            shape = (*numbers,)
        counts.append(torch.Size(weight).numel() + bias)
    return counts


# %% asks shapes, then multiplies answers="parameters"
import math


def parameters(layers, shape):
    counts = []
    for layer, before in zip(layers, [shape, *shapes(layers, shape)]):
        if layer[0] == "pool":
            counts.append(0)
            continue
        reads = math.prod(before) if layer[0] == "linear" else before[0] // layer[5] * layer[2] * layer[2]
        counts.append(layer[1] * reads + layer[1])
    return counts


# %% [markdown]
# ## Local response normalisation


# %% map by map answers="lrn"
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    maps, half = [], (size - 1) // 2
    for c in range(x.shape[1]):
        around = x[:, max(0, c - half) : c + half + 1]
        maps.append(x[:, c] * (k + alpha * (around * around).sum(dim=1)) ** -beta)
    return torch.stack(maps, dim=1)


# %% a banded matrix over the channels answers="lrn"
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=2.0):
    c = torch.arange(x.shape[1])
    band = ((c[:, None] - c).abs() <= size // 2).to(x.dtype)
    return x / torch.pow(k + alpha * torch.einsum("cd,bdhw->bchw", band, x**2), beta)


# %% sums that slide answers="lrn"
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=2.0):
    channels, half = x.shape[1], size // 2
    activity = torch.zeros_like(x)
    for shift in range(-half, half + 1):
        low, high = max(0, -shift), min(channels, channels - shift)
        if low < high:
            activity[:, low:high] = activity[:, low:high] + x[:, low + shift : high + shift] ** 2
    return x / (k + alpha * activity).pow(beta)


# %% [markdown]
# ## Block


# %% functions in forward answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding, groups=groups)
        with torch.no_grad():
            self.conv.weight.copy_(0.01 * torch.randn_like(self.conv.weight))
            self.conv.bias.fill_(bias)
        self.pool, self.norm = pool, norm

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        if self.pool:
            x = F.max_pool2d(x, 3, 2)
        if self.norm:
            x = F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)
        return x


# %% parameters of its own, and one convolution a group answers="block"
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1, pool=False, norm=False, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, kernel, kernel).normal_(0, 0.01))
        self.bias = nn.Parameter(torch.full((out_channels,), float(bias)))
        self.options = dict(stride=stride, padding=padding)
        self.groups, self.pool, self.norm = groups, pool, norm

    def forward(self, x):
        parts = zip(x.chunk(self.groups, 1), self.weight.chunk(self.groups), self.bias.chunk(self.groups))
        maps = torch.cat([F.conv2d(a, w, b, **self.options) for a, w, b in parts], 1)
        if self.pool:
            maps = F.max_pool2d(maps, kernel_size=3, stride=2)
        maps = maps.clamp(min=0)
        if not self.norm:
            return maps
        squares = F.pad(maps**2, (0, 0, 0, 0, 2, 2)).unfold(1, 5, 1).sum(-1)
        return maps / (2 + 1e-4 * squares) ** 0.75


# %% [markdown]
# ## VGG


# %% a module with a list of convolutions answers="vgg"
class Plain(nn.Module):
    def __init__(self, words, classes, side, hidden):
        super().__init__()
        self.words, self.convs, depth = words, nn.ModuleList(), 3
        for word in words:
            if word != "M":
                self.convs.append(nn.Conv2d(depth, int(word), (3, 3), padding=(1, 1)))
                depth = int(word)
        side >>= words.count("M")
        self.fc1, self.fc2, self.fc3 = nn.Linear(depth * side * side, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)

    def forward(self, x):
        convs = iter(self.convs)
        for word in self.words:
            x = F.max_pool2d(x, 2) if word == "M" else next(convs)(x).relu()
        return self.fc3(self.fc2(self.fc1(x.flatten(1)).relu()).relu())


def vgg(line: str, num_classes: int = 10, side: int = 32, hidden: int = 64) -> nn.Module:
    words = line.split()
    for word in words:
        if word != "M" and (not word.isdigit() or int(word) == 0):
            raise ValueError(f"I do not know the word {word!r}.")
    if side < 2 ** words.count("M"):
        raise ValueError(f"{side} pixels cannot be halved so often.")
    return Plain(words, num_classes, side, hidden)


# %% measures what the linear layers read answers="vgg"
def vgg(line, num_classes=10, side=32, hidden=64):
    features, channels = nn.Sequential(), 3
    for word in line.split():
        if word == "M":
            if side < 2:
                raise ValueError("nothing is left of the image to be halved")
            features.append(nn.MaxPool2d(kernel_size=2, stride=2))
            side = side // 2
            continue
        try:
            filters = int(word)
        except ValueError:
            raise ValueError(f"{word} is not a number of filters") from None
        if filters < 1:
            raise ValueError(f"{word} filters make no layer at all")
        features.append(nn.Conv2d(channels, filters, 3, 1, 1))
        features.append(nn.ReLU(inplace=True))
        channels = filters
    first = channels * side * side
    classifier = nn.Sequential(nn.Flatten())
    for below, above in [(first, hidden), (hidden, hidden), (hidden, num_classes)]:
        classifier.extend([nn.Linear(below, above), nn.ReLU(inplace=True)])
    return nn.Sequential(features, classifier[:-1])


# %% [markdown]
# ## Memory


# %% two lists answers="memory"
def training_memory(line: str, batch: int, side: int = 224, hidden: int = 4096, num_classes: int = 1000) -> int:
    maps, weights = [(3, side)], []
    for word in line.split():
        depth, size = maps[-1]
        if word == "M":
            maps.append((depth, size // 2))
        else:
            maps.append((int(word), size))
            weights.append((int(word), 9 * depth))
    depth, size = maps[-1]
    weights += [(hidden, depth * size * size), (hidden, hidden), (num_classes, hidden)]
    activations = sum(d * s * s for d, s in maps) + hidden + hidden + num_classes
    return 12 * sum(units * (reads + 1) for units, reads in weights) + 8 * batch * activations


# %% parameters and numbers apart answers="memory"
import math


def training_memory(line, batch, side=224, hidden=4096, num_classes=1000):
    words = line.split()
    shapes, reads = [(3, side, side)], []
    for word in words:
        channels, height, width = shapes[-1]
        if word == "M":
            shapes += [(channels, height // 2, width // 2)]
        else:
            shapes += [(int(word), height, width)]
            reads += [(channels * 3 * 3 + 1) * int(word)]
    shapes += [(hidden,), (hidden,), (num_classes,)]
    reads += [(math.prod(below) + 1) * math.prod(above) for below, above in zip(shapes[-4:], shapes[-3:])]
    floats = 3 * sum(reads) + 2 * batch * sum(map(math.prod, shapes))
    return floats * 4
