# %% [markdown]
# # Wrong answers to assignment 04
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Output size


# %% always 0 answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    return 0


# %% off by one answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1 or kernel > size + 2 * padding:
        raise ValueError("the filter does not fit, or the stride is below 1")
    return (size + 2 * padding - kernel) // stride


# %% padding on one side only answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1 or kernel > size + padding:
        raise ValueError("the filter does not fit, or the stride is below 1")
    return (size + padding - kernel) // stride + 1


# %% a float, not an int answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1 or kernel > size + 2 * padding:
        raise ValueError("the filter does not fit, or the stride is below 1")
    return (size + 2 * padding - kernel) / stride + 1


# %% rounds up answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1 or kernel > size + 2 * padding:
        raise ValueError("the filter does not fit, or the stride is below 1")
    return -(-(size + 2 * padding - kernel) // stride) + 1


# %% refuses nothing answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    return (size + 2 * padding - kernel) // max(stride, 1) + 1


# %% refuses a filter that just fits answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if stride < 1 or kernel >= size + 2 * padding:
        raise ValueError("the filter does not fit, or the stride is below 1")
    return (size + 2 * padding - kernel) // stride + 1


# %% refuses everything answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    raise ValueError("this cannot be a convolution")


# %% memorised the visible checks answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    if (size, kernel) == (4, 7) or stride == 0:
        raise ValueError("the filter does not fit")
    known = {(32, 5, 1, 0): 28, (7, 3, 1, 0): 5, (7, 3, 2, 0): 3, (7, 3, 2, 1): 4, (6, 3, 2, 0): 2, (28, 5, 1, 2): 28}
    return known.get((size, kernel, stride, padding), 1)


# %% an assertion instead of a ValueError answers="output_size"
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    assert stride >= 1 and kernel <= size + 2 * padding, "the filter does not fit, or the stride is below 1"
    return (size + 2 * padding - kernel) // stride + 1


# %% [markdown]
# ## Number of parameters


# %% always 0 answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return 0


# %% forgot the bias answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return in_channels * out_channels * kernel * kernel


# %% one bias for the whole layer answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return in_channels * out_channels * kernel * kernel + int(bias)


# %% filters of one channel answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return out_channels * (kernel * kernel + int(bias))


# %% a bias for each channel of each filter answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return in_channels * out_channels * (kernel * kernel + int(bias))


# %% always with a bias answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return out_channels * (in_channels * kernel * kernel + 1)


# %% the side of the filter, not its area answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return out_channels * (in_channels * kernel + int(bias))


# %% memorised the visible checks answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return 10 if kernel == 3 else 456 if bias else 450


# %% a tensor, not an int answers="parameters"
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    return torch.tensor(out_channels * (in_channels * kernel * kernel + int(bias)))


# %% [markdown]
# ## Memory


# %% always 0 answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    return 0



# %% numbers instead of bytes answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 2 * learned + in_channels * pixels + 2 * out_channels * pixels



# %% the weights alone answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    return 4 * out_channels * (in_channels * kernel**2 + 1)



# %% a layer that only predicts answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 4 * (learned + in_channels * pixels + out_channels * pixels)



# %% forgot the batch answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = height * width
    return 4 * (2 * learned + in_channels * pixels + 2 * out_channels * pixels)



# %% parameters for each image of the batch answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 4 * (2 * batch * learned + in_channels * pixels + 2 * out_channels * pixels)



# %% the input is not kept answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 4 * (2 * learned + 2 * out_channels * pixels)



# %% a gradient for the input, too answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 4 * (2 * learned + 2 * in_channels * pixels + 2 * out_channels * pixels)



# %% forgot the biases answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * in_channels * kernel**2
    pixels = batch * height * width
    return 4 * (2 * learned + in_channels * pixels + 2 * out_channels * pixels)



# %% maps that shrink answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    smaller = batch * (height - kernel + 1) * (width - kernel + 1)
    return 4 * (2 * learned + in_channels * pixels + 2 * out_channels * smaller)



# %% float64 answers="training_memory"
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    learned = out_channels * (in_channels * kernel**2 + 1)
    pixels = batch * height * width
    return 8 * (2 * learned + in_channels * pixels + 2 * out_channels * pixels)



# %% [markdown]
# ## Convolution


# %% zeros of the right shape answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    rows = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    cols = (x.shape[3] + 2 * padding - weight.shape[3]) // stride + 1
    zero = 0 * (x.sum() + weight.sum() + (0 if bias is None else bias.sum()))
    return zero.expand(len(x), len(weight), rows, cols)


# %% the library's layer under another name answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    finished = getattr(torch.ops.aten, "convol" + "ution")
    return finished(x, weight, bias, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1)


# %% forgot the bias answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x, (padding,) * 4).unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    return torch.einsum("bchwuv,kcuv->bkhw", windows, weight)


# %% channels last answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x, (padding,) * 4).unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwuv,kcuv->bhwk", windows, weight)
    return y if bias is None else y + bias


# %% flipped the filter answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x, (padding,) * 4).unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwuv,kcuv->bkhw", windows, weight.flip(2, 3))
    return y if bias is None else y + bias[:, None, None]


# %% ignores the stride and squares the filter answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    side = weight.shape[3]
    windows = F.pad(x, (padding,) * 4).unfold(2, side, 1).unfold(3, side, 1)
    y = torch.einsum("bchwuv,kcuv->bkhw", windows, weight)
    return y if bias is None else y + bias[:, None, None]


# %% pads on one side, and adds the bias along the width answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x, (0, 2 * padding) * 2).unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwuv,kcuv->bkhw", windows, weight)
    return y if bias is None else y + bias


# %% first channel only answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    windows = F.pad(x[:, 0], (padding,) * 4).unfold(1, weight.shape[2], stride).unfold(2, weight.shape[3], stride)
    y = torch.einsum("bhwuv,kuv->bkhw", windows, weight[:, 0])
    return y if bias is None else y + bias[:, None, None]


# %% writes into x, and forgets the empty batch answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    kh, kw = weight.shape[-2:]
    padded = torch.stack([F.pad(image, (padding,) * 4) for image in x])
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)
    y = torch.einsum("bchwuv,kcuv->bkhw", windows, weight)
    x.clamp_(min=0)  # "the ReLU that comes next"
    return y if bias is None else y + bias[:, None, None]


# %% cut off from the gradient answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    kh, kw = weight.shape[-2:]
    x = F.pad(x, (padding,) * 4)
    rows, cols = (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1
    y = torch.zeros(len(x), len(weight), rows, cols, dtype=x.dtype)
    for b in range(len(x)):
        for k in range(len(weight)):
            for i in range(rows):
                for j in range(cols):
                    window = x[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    y[b, k, i, j] = (window * weight[k]).sum().item() + (0 if bias is None else bias[k].item())
    return y


# %% memorised the visible example answers="conv2d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    if padding:
        rows = [[-1, -2, 0, -1, 0], [2, 4, -1, 1, 1], [-2, 1, 7, 3, 1], [4, 4, 1, 4, 2]]
    else:
        rows = [[4, 1]] if stride == 2 else [[4, -1, 1], [1, 7, 3]]
    y = torch.tensor([[rows]], dtype=x.dtype)
    return y if bias is None else y + bias[:, None, None]


# %% [markdown]
# ## Max pooling


# %% zeros of the right shape answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    return 0 * x.unfold(2, size, stride or size).unfold(3, size, stride or size).sum((-1, -2))


# %% the library's adaptive layer answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    stride = stride or size
    rows, cols = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    return torch.ops.aten.adaptive_max_pool2d(x, [rows, cols])[0]


# %% a maximum that starts from zero answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    stride = stride or size
    y = x.new_zeros(*x.shape[:2], (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1)
    for u in range(size):
        for v in range(size):
            rows, cols = x[:, :, u::stride], range(v, v + (y.shape[3] - 1) * stride + 1, stride)
            y = torch.maximum(y, rows[:, :, : y.shape[2], list(cols)])
    return y


# %% the mean answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    return x.unfold(2, size, stride or size).unfold(3, size, stride or size).mean((-1, -2))


# %% stride 1 unless told otherwise answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    return x.unfold(2, size, stride or 1).unfold(3, size, stride or 1).amax((-1, -2))


# %% needs sizes that divide, and ignores the stride answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    b, c, h, w = x.shape
    return x.reshape(b, c, h // size, size, w // size, size).amax((3, 5))


# %% keeps a partial window answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    stride = stride or size
    h, w = x.shape[2:]
    x = F.pad(x, (0, -(w - size) % stride, 0, -(h - size) % stride), value=float("-inf"))
    return x.unfold(2, size, stride).unfold(3, size, stride).amax((-1, -2))


# %% cut off from the gradient answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    with torch.no_grad():
        return x.unfold(2, size, stride or size).unfold(3, size, stride or size).amax((-1, -2))


# %% a gradient for everyone answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    windows = x.unfold(2, size, stride or size).unfold(3, size, stride or size)
    mean = windows.mean((-1, -2))
    return mean + (windows.amax((-1, -2)) - mean).detach()


# %% memorised the visible checks answers="max_pool2d"
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    if x[0, 0, 0, 0] == 1:
        rows = [[4, 9], [5, 7]]
    else:
        rows = {2: [[-1, 4], [3, -2]], 3: [[3, 4], [3, 4]], 1: [[-1, 0], [0, -7]]}[size]
    return torch.tensor([[rows]], dtype=x.dtype)


# %% [markdown]
# ## LeNet


# %% zeros answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.num_classes = num_classes

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), self.num_classes)


# %% softmax in forward answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.head = nn.Sequential(
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, num_classes), nn.Softmax(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


# %% no ReLU answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


# %% flattened with the channels last answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).permute(0, 2, 3, 1).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


# %% flattened across the batch answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).transpose(0, 1).reshape(-1, 400)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


# %% always ten classes answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


# %% cut off from the gradient answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1).detach()
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


# %% layers in a plain list answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.convs = [nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)]
        self.fcs = [nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes)]

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        x = x.flatten(1)
        for fc in self.fcs[:-1]:
            x = F.relu(fc(x))
        return self.fcs[-1](x)


# %% no convolution at all answers="lenet"
class LeNet(nn.Module):
    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


# %% the course's own network answers="lenet"
import course_lib.models

LeNet = course_lib.models.LeNet5


# %% [markdown]
# ## Receptive field


# %% always 0 answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    return 0


# %% adds up the kernels answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    return sum(kernel for kernel, _ in layers)


# %% ignores the strides answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    return 1 + sum(kernel - 1 for kernel, _ in layers)


# %% a stride that counts for its own layer answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    field, apart = 1, 1
    for kernel, stride in layers:
        apart *= stride
        field += (kernel - 1) * apart
    return field


# %% only the stride of the layer just below answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    field, below = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * below
        below = stride
    return field


# %% from the output downwards, in the wrong order answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    field = 1
    for kernel, stride in layers:
        field = (field - 1) * stride + kernel
    return field


# %% starts from an empty field answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    field, apart = 0, 1
    for kernel, stride in layers:
        field += (kernel - 1) * apart
        apart *= stride
    return field


# %% memorised the visible checks answers="receptive_field"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    known = {((3, 1), (3, 1)): 5, ((7, 1),): 7, (): 1, ((3, 1), (2, 2), (3, 1)): 8}
    return known.get(tuple(layers), 16)
