# %% [markdown]
# # Other right answers to assignment 08
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Basic


# %% a Sequential for an identity, ReLU layers in place on fresh tensors answers="basic"
class Basic(nn.Module):
    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding="same" if stride == 1 else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding="same", bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = nn.Sequential()  # empty: an identity
        if (in_channels, 1) != (width, stride):
            self.downsample.append(nn.Conv2d(in_channels, width, 1, stride=stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(width))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return self.relu(out)


# %% parts made in a loop answers="basic"
class Basic(nn.Module):
    expansion = 1

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        for number, (below, step) in enumerate(((in_channels, stride), (width, 1)), start=1):
            self.add_module(f"conv{number}", nn.Conv2d(below, width, 3, step, 1, bias=False))
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
        same = stride == 1 and in_channels == width
        small = nn.Conv2d(in_channels, width, 1, stride, bias=False)
        self.downsample = None if same else nn.Sequential(small, nn.BatchNorm2d(width))

    def forward(self, x):
        identity = x
        if self.downsample:
            identity = self.downsample(x)
        branch = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return torch.clamp(identity + branch, min=0)


# %% [markdown]
# ## BottleneckBlock


# %% as torchvision writes it answers="bottleneck"
class BottleneckBlock(nn.Module):
    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity()
        if stride > 1 or in_channels != width * 4:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, width * 4, 1, stride, bias=False), nn.BatchNorm2d(width * 4))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.downsample(x)
        return self.relu(out)


# %% steps from a table, walked by name answers="bottleneck"
class BottleneckBlock(nn.Module):
    expansion = 4

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        table = [(in_channels, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
        for k, (below, above, kernel, step) in enumerate(table):
            setattr(self, f"conv{k + 1}", nn.Conv2d(below, above, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{k + 1}", nn.BatchNorm2d(above))
        if stride != 1 or in_channels != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        for k in (1, 2, 3):
            x = getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x))
            if k == 3:
                x = x + shortcut
            x = F.relu(x)
        return x


# %% [markdown]
# ## PreActivation


# %% functional ReLU, the shortcut last answers="preact"
class PreActivation(nn.Module):
    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(in_channels, width, (3, 3), (stride, stride), (1, 1), bias=False)
        self.conv2 = nn.Conv2d(width, width, (3, 3), padding=(1, 1), bias=False)
        if stride > 1 or width != in_channels:
            self.downsample = nn.Conv2d(in_channels, width, 1, stride, bias=False)
        else:
            self.downsample = None

    def forward(self, x):
        activated = F.relu(self.bn1(x))
        branch = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        if self.downsample is not None:
            return branch + self.downsample(activated)
        return branch + x


# %% an identity with a name, ReLU in place after normalisation answers="preact"
class PreActivation(nn.Module):
    expansion = 1

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.same = in_channels == width and stride == 1
        self.downsample = nn.Identity() if self.same else nn.Conv2d(in_channels, width, 1, stride, bias=False)

    def forward(self, x):
        a = self.relu(self.bn1(x))
        out = self.downsample(x if self.same else a).clone()
        out += self.conv2(self.relu(self.bn2(self.conv1(a))))
        return out


# %% [markdown]
# ## ResNet


# %% as torchvision writes it, any number of stages answers="resnet"
class ResNet(nn.Module):
    def __init__(self, block, depths, width=64, num_classes=1000):
        super().__init__()
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stages = len(depths)
        for number, depth in enumerate(depths, start=1):
            setattr(self, f"layer{number}", self.make_layer(block, width << (number - 1), depth, min(number, 2)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.inplanes, num_classes)

    def make_layer(self, block, planes, depth, stride):
        layers = [block(self.inplanes, planes, stride)]
        self.inplanes = planes * block.expansion
        layers += [block(self.inplanes, planes, 1) for _ in range(1, depth)]
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, self.stages + 1):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


# %% one Sequential whose parts have the names answers="resnet"
class ResNet(nn.Sequential):
    def __init__(self, block, depths, width=64, num_classes=1000):
        super().__init__()
        self.add_module("conv1", nn.Conv2d(3, width, 7, 2, 3, bias=False))
        self.add_module("bn1", nn.BatchNorm2d(width))
        self.add_module("relu", nn.ReLU())
        self.add_module("maxpool", nn.MaxPool2d(3, 2, 1))
        below = width
        for s, depth in enumerate(depths):
            stage = nn.Sequential()
            for b in range(depth):
                stage.append(block(below, width * 2**s, stride=2 if b == 0 and s else 1))
                below = block.expansion * width * 2**s
            self.add_module(f"layer{s + 1}", stage)
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flat", nn.Flatten())
        self.add_module("fc", nn.Linear(below, num_classes))


# %% [markdown]
# ## Dense


# %% a class for the layer, a list for what is written answers="dense"
class Layer(nn.Module):
    def __init__(self, below, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(below)
        self.conv1 = nn.Conv2d(below, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        x = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(x)))


class Dense(nn.Module):
    def __init__(self, layers: int, in_channels: int, growth: int):
        super().__init__()
        self.count = layers
        for i in range(1, layers + 1):
            setattr(self, f"denselayer{i}", Layer(in_channels + (i - 1) * growth, growth))

    def forward(self, x):
        written = [x]
        for i in range(1, self.count + 1):
            written.append(getattr(self, f"denselayer{i}")(torch.cat(written, 1)))
        return torch.cat(written, 1)


# %% a ModuleDict, every layer from an OrderedDict answers="dense"
from collections import OrderedDict


class Dense(nn.ModuleDict):
    def __init__(self, layers, in_channels, growth):
        super().__init__()
        depth, wide = in_channels, 4 * growth
        for i in range(layers):
            self[f"denselayer{i + 1}"] = nn.Sequential(
                OrderedDict(
                    norm1=nn.BatchNorm2d(depth),
                    relu1=nn.ReLU(inplace=True),
                    conv1=nn.Conv2d(depth, wide, kernel_size=1, bias=False),
                    norm2=nn.BatchNorm2d(wide),
                    relu2=nn.ReLU(inplace=True),
                    conv2=nn.Conv2d(wide, growth, kernel_size=3, padding="same", bias=False),
                )
            )
            depth += growth

    def forward(self, x):
        for layer in self.values():
            x = torch.hstack((x, layer(x)))  # along the second axis
        return x
