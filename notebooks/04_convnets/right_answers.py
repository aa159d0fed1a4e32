# %% [markdown]
# # Other right answers to assignment 04
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Output size


# %% counts the starts answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1:
        raise ValueError("The stride has to be at least 1.")
    starts = range(0, size + 2 * padding - kernel + 1, stride)
    if not starts:
        raise ValueError("The filter does not fit.")
    return len(starts)


# %% floor from floats answers="output_size"
import math


def conv_output_size(size, kernel, stride=1, padding=0):
    if stride < 1 or size + 2 * padding < kernel:
        raise ValueError(f"no place for {kernel} in {size} + 2 * {padding} with stride {stride}")
    return math.floor((size + 2 * padding - kernel) / stride) + 1


# %% slides a window answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1:
        raise ValueError(f"stride {stride} does not move")
    if kernel > size + 2 * padding:
        raise ValueError(f"filter {kernel} is longer than the padded input")
    count, start = 0, -padding
    while start + kernel <= size + padding:
        count, start = count + 1, start + stride
    return count


# %% [markdown]
# ## Number of parameters


# %% weights, then biases answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    weights = kernel * kernel * in_channels * out_channels
    return weights + out_channels if bias else weights


# %% counts a tensor's values answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    count = torch.empty(out_channels, in_channels, kernel, kernel).numel()
    if bias:
        count += out_channels
    return count


# %% [markdown]
# ## Memory


# %% a list of tensors answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    weight, bias = (out_channels, in_channels, kernel, kernel), (out_channels,)
    x, y = (batch, in_channels, height, width), (batch, out_channels, height, width)
    held = [weight, weight, bias, bias, x, y, y]
    return sum(4 * torch.Size(shape).numel() for shape in held)



# %% a layer on no device answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    layer = nn.Conv2d(in_channels, out_channels, kernel, device="meta")
    learned = sum(p.numel() * p.element_size() for p in layer.parameters())
    each = 4 * height * width * batch
    return 2 * learned + each * in_channels + 2 * each * out_channels



# %% [markdown]
# ## Convolution


# %% unfold and a matrix product answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    kh, kw = weight.shape[-2:]
    rows = (x.shape[2] + 2 * padding - kh) // stride + 1
    cols = (x.shape[3] + 2 * padding - kw) // stride + 1
    if len(x) == 0:
        return x.new_zeros(0, len(weight), rows, cols)
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride)  # [B, C*kh*kw, rows*cols]
    y = weight.flatten(1) @ columns
    if bias is not None:
        y = y + bias.view(-1, 1)
    return y.view(len(x), len(weight), rows, cols)


# %% einsum over strided views answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x, [padding] * 4).unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwuv,kcuv->bkhw", windows, weight)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


# %% number by number answers="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    B, C, H, W = x.shape
    padded = torch.zeros(B, C, H + 2 * padding, W + 2 * padding, dtype=x.dtype)
    padded[:, :, padding : padding + H, padding : padding + W] = x
    x = padded
    kh, kw = weight.shape[2], weight.shape[3]
    rows, cols = (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1
    y = x.new_empty(x.shape[0], weight.shape[0], rows, cols)
    for b in range(x.shape[0]):
        for k in range(weight.shape[0]):
            for i in range(rows):
                for j in range(cols):
                    top, left = i * stride, j * stride
                    y[b, k, i, j] = torch.sum(x[b, :, top : top + kh, left : left + kw] * weight[k])
                    if bias is not None:
                        y[b, k, i, j] = y[b, k, i, j] + bias[k]
    return y


# %% [markdown]
# ## Max pooling


# %% a running maximum over taps answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    if stride is None:
        stride = size
    rows = (x.shape[2] - size) // stride + 1
    cols = (x.shape[3] - size) // stride + 1
    best = None
    for u in range(size):
        for v in range(size):
            tap = x[:, :, u : u + (rows - 1) * stride + 1 : stride, v : v + (cols - 1) * stride + 1 : stride]
            best = tap if best is None else torch.maximum(best, tap)
    return best


# %% rows first, then columns answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    for axis in (2, 3):
        x = x.unfold(axis, size, stride or size).max(dim=-1).values
    return x


# %% a maximum that starts from minus infinity answers="max_pool2d"
def max_pool2d(x, size, stride=None):
    step = stride or size
    rows, cols = (x.shape[2] - size) // step + 1, (x.shape[3] - size) // step + 1
    out = x.new_full((*x.shape[:2], rows, cols), -torch.inf)
    for i in range(rows):
        for j in range(cols):
            for u in range(size):
                for v in range(size):
                    out[:, :, i, j] = torch.maximum(out[:, :, i, j].clone(), x[:, :, i * step + u, j * step + v])
    return out


# %% [markdown]
# ## LeNet


# %% one nn.Sequential answers="lenet"
class LeNet(nn.Sequential):
    def __init__(self, num_classes: int = 10):
        super().__init__(
            nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120), nn.ReLU(),
            nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, num_classes),
        )  # fmt: skip


# %% features and classifier, ReLU in place and after the pooling answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        nn.Module.__init__(self)
        self.classifier = nn.Sequential(
            nn.Linear(400, 120), nn.ReLU(inplace=True),
            nn.Linear(120, 84), nn.ReLU(inplace=True),
            nn.Linear(84, num_classes),
        )  # fmt: skip
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, 1, 2), nn.MaxPool2d(2, 2), nn.ReLU(inplace=True),
            nn.Conv2d(6, 16, 5), nn.MaxPool2d(2, 2), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))


# %% parameters of its own answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (num_classes, 84)]
        fans = [25, 150, 400, 120, 84]
        self.w = nn.ParameterList([torch.randn(s) * (2 / fan) ** 0.5 for s, fan in zip(shapes, fans)])
        self.b = nn.ParameterList([torch.zeros(s[0]) for s in shapes])

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.conv2d(x, self.w[0], self.b[0], padding=2).relu(), 2)
        x = F.max_pool2d(F.conv2d(x, self.w[1], self.b[1]).relu(), 2).flatten(1)
        x = F.linear(F.linear(x, self.w[2], self.b[2]).relu(), self.w[3], self.b[3]).relu()
        return F.linear(x, self.w[4], self.b[4])


# %% [markdown]
# ## Receptive field


# %% from the output downwards answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


# %% closed form answers="receptive_field"
import math


def receptive_field(layers: list[tuple[int, int]]) -> int:
    return 1 + sum((k - 1) * math.prod(s for _, s in layers[:below]) for below, (k, _) in enumerate(layers))


# %% follows the first and the last pixel answers="receptive_field"
def receptive_field(layers):
    first = last = 0
    for kernel, stride in layers[::-1]:
        first, last = first * stride, last * stride + kernel - 1
    return last - first + 1
