# %% [markdown]
# # Wrong answers to assignment 08
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Basic


# %% zeros of the right shape answers="basic"
class Basic(nn.Module):
    expansion = 1

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.maps, self.stride = width, stride

    def forward(self, x):
        height, width = (-(-n // self.stride) for n in x.shape[2:])
        return x.new_zeros(len(x), self.maps, height, width)


# %% the course's block answers="basic"
class Basic(ProjectedBasic):
    pass


# %% no shortcut: the plain block changes="basic"
# - shortcut = x if self.downsample is None else self.downsample(x)
# - return (shortcut + out).relu()
# + return out.relu()

# %% no ReLU after the addition changes="basic"
# - return (shortcut + out).relu()
# + return shortcut + out

# %% the second ReLU before the addition changes="basic"
# - return (shortcut + out).relu()
# + return shortcut + out.relu()

# %% projects only where the stride changes changes="basic"
# - if stride != 1 or in_channels != width:
# + if stride != 1:

# %% projects only where the depth changes changes="basic"
# - if stride != 1 or in_channels != width:
# + if in_channels != width:

# %% always projects changes="basic"
# - if stride != 1 or in_channels != width:
# + if True:

# %% a projection without normalisation changes="basic"
# - nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
# + nn.Conv2d(in_channels, width, 1, stride, bias=False)

# %% biases in the convolutions changes="basic"
# - self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1)

# - self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, padding=1)

# - nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
# + nn.Conv2d(in_channels, width, 1, stride), nn.BatchNorm2d(width)

# %% the stride in the second convolution changes="basic"
# - self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)

# - self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)

# %% the stride in both convolutions changes="basic"
# - self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)

# %% no padding changes="basic"
# - self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 3, stride, bias=False)

# - self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, bias=False)

# %% no ReLU between the convolutions changes="basic"
# - out = self.bn1(self.conv1(x)).relu()
# + out = self.bn1(self.conv1(x))

# %% the shortcut is called shortcut changes="basic"
# - self.downsample = None
# + self.shortcut = None

# - self.downsample = nn.Sequential(
# + self.shortcut = nn.Sequential(

# - shortcut = x if self.downsample is None else self.downsample(x)
# + shortcut = x if self.shortcut is None else self.shortcut(x)

# %% a ReLU in place on what comes in changes="basic"
# - out = self.bn2(self.conv2(out))
# + out = self.bn2(self.conv2(out))
# + x.relu_()

# %% one normalisation for both changes="basic"
# - out = self.bn2(self.conv2(out))
# + out = self.bn1(self.conv2(out))

# %% adds in place to what came in changes="basic"
# - return (shortcut + out).relu()
# + shortcut += out
# + return shortcut.relu()

# %% statistics of the batch are never used changes="basic"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     self.bn1.eval(), self.bn2.eval()

# %% cuts the branch from its gradient changes="basic"
# - return (shortcut + out).relu()
# + return (shortcut + out.detach()).relu()

# %% [markdown]
# ## BottleneckBlock


# %% zeros of the right shape answers="bottleneck"
class BottleneckBlock(nn.Module):
    expansion = 4

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.maps, self.stride = 4 * width, stride

    def forward(self, x):
        height, width = (-(-n // self.stride) for n in x.shape[2:])
        return x.new_zeros(len(x), self.maps, height, width)


# %% the course's block answers="bottleneck"
class BottleneckBlock(ProjectedBottleneck):
    pass


# %% the stride on the first 1×1, as in the paper changes="bottleneck"
# - self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 1, stride, bias=False)

# - self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

# %% puts out width maps changes="bottleneck"
# - deep = width * self.expansion
# + deep = width

# %% no shortcut changes="bottleneck"
# - shortcut = x if self.downsample is None else self.downsample(x)
# - return (shortcut + out).relu()
# + return out.relu()

# %% no ReLU after the 3×3 changes="bottleneck"
# - out = self.bn2(self.conv2(out)).relu()
# + out = self.bn2(self.conv2(out))

# %% no ReLU after the first 1×1 changes="bottleneck"
# - out = self.bn1(self.conv1(x)).relu()
# + out = self.bn1(self.conv1(x))

# %% a third ReLU before the addition changes="bottleneck"
# - out = self.bn3(self.conv3(out))
# + out = self.bn3(self.conv3(out)).relu()

# %% no ReLU after the addition changes="bottleneck"
# - return (shortcut + out).relu()
# + return shortcut + out

# %% compares with width, not with four times width changes="bottleneck"
# - if stride != 1 or in_channels != deep:
# + if stride != 1 or in_channels != width:

# %% projects only where the stride changes changes="bottleneck"
# - if stride != 1 or in_channels != deep:
# + if stride != 1:

# %% no third normalisation changes="bottleneck"
# - self.bn3 = nn.BatchNorm2d(deep)

# - out = self.bn3(self.conv3(out))
# + out = self.conv3(out)

# %% biases in the convolutions changes="bottleneck"
# - self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 1)

# - self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1)

# - self.conv3 = nn.Conv2d(width, deep, 1, bias=False)
# + self.conv3 = nn.Conv2d(width, deep, 1)

# - self.downsample = nn.Sequential(nn.Conv2d(in_channels, deep, 1, stride, bias=False), nn.BatchNorm2d(deep))
# + self.downsample = nn.Sequential(nn.Conv2d(in_channels, deep, 1, stride), nn.BatchNorm2d(deep))

# %% 3×3 without padding changes="bottleneck"
# - self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, stride, bias=False)

# %% statistics of the batch are never used changes="bottleneck"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     self.eval()

# %% [markdown]
# ## PreActivation


# %% zeros of the right shape answers="preact"
class PreActivation(nn.Module):
    expansion = 1

    def __init__(self, in_channels, width, stride=1):
        super().__init__()
        self.maps, self.stride = width, stride

    def forward(self, x):
        height, width = (-(-n // self.stride) for n in x.shape[2:])
        return x.new_zeros(len(x), self.maps, height, width)


# %% the original order answers="preact"
class PreActivation(nn.Module):
    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.downsample = None
        if stride != 1 or in_channels != width:
            self.downsample = nn.Conv2d(in_channels, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        a = x
        shortcut = x if self.downsample is None else self.downsample(a)
        out = self.bn1(self.conv1(a)).relu()
        out = self.bn2(self.conv2(out))
        return (shortcut + out).relu()


# %% a ReLU after the addition changes="preact"
# - return shortcut + out
# + return (shortcut + out).relu()

# %% the shortcut is always the activated input changes="preact"
# - shortcut = x if self.downsample is None else self.downsample(a)
# + shortcut = a if self.downsample is None else self.downsample(a)

# %% the projection reads x changes="preact"
# - shortcut = x if self.downsample is None else self.downsample(a)
# + shortcut = x if self.downsample is None else self.downsample(x)

# %% a projection with normalisation changes="preact"
# - self.downsample = nn.Conv2d(in_channels, width, 1, stride, bias=False)
# + self.downsample = nn.Sequential(nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

# %% ReLU before the normalisation changes="preact"
# - a = self.bn1(x).relu()
# + a = self.bn1(x.relu())

# - out = self.conv2(self.bn2(out).relu())
# + out = self.conv2(self.bn2(out.relu()))

# %% ReLU-only pre-activation changes="preact"
# - self.bn1 = nn.BatchNorm2d(in_channels)
# + self.bn1 = nn.BatchNorm2d(width)

# - a = self.bn1(x).relu()
# + a = x.relu()

# - out = self.conv1(a)
# - out = self.conv2(self.bn2(out).relu())
# + out = self.bn1(self.conv1(a)).relu()
# + out = self.bn2(self.conv2(out))

# %% no shortcut changes="preact"
# - shortcut = x if self.downsample is None else self.downsample(a)

# - return shortcut + out
# + return out

# %% the first normalisation has width maps changes="preact"
# - self.bn1 = nn.BatchNorm2d(in_channels)
# + self.bn1 = nn.BatchNorm2d(width)

# %% no second ReLU changes="preact"
# - out = self.conv2(self.bn2(out).relu())
# + out = self.conv2(self.bn2(out))

# %% no second normalisation changes="preact"
# - out = self.conv2(self.bn2(out).relu())
# + out = self.conv2(out.relu())

# %% the stride in the second convolution changes="preact"
# - self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
# + self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)

# - self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
# + self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)

# %% projects only where the depth changes changes="preact"
# - if stride != 1 or in_channels != width:
# + if in_channels != width:

# %% a ReLU in place on what comes in changes="preact"
# - a = self.bn1(x).relu()
# + a = self.bn1(x.relu_()).relu()

# %% a shortcut scaled by a half changes="preact"
# - return shortcut + out
# + return 0.5 * shortcut + out

# %% statistics of the batch are never used changes="preact"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     self.eval()

# %% the branch is cut from its gradient changes="preact"
# - out = self.conv1(a)
# + out = self.conv1(a.detach())

# %% [markdown]
# ## ResNet


# %% zeros for logits answers="resnet"
class ResNet(nn.Module):
    def __init__(self, block, depths, width=64, num_classes=1000):
        super().__init__()
        self.classes = num_classes

    def forward(self, x):
        return x.new_zeros(len(x), self.classes)


# %% stride 2 in the first stage too changes="resnet"
# - blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
# + blocks.append(block(channels, width * 2**stage, 2 if i == 0 else 1))

# %% stride 2 in every block of a stage changes="resnet"
# - blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
# + blocks.append(block(channels, width * 2**stage, 2 if stage > 0 else 1))

# %% no strides changes="resnet"
# - blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
# + blocks.append(block(channels, width * 2**stage, 1))

# %% stages are counted from zero changes="resnet"
# - self.names.append(f"layer{stage + 1}")
# + self.names.append(f"layer{stage}")

# %% forgets the expansion changes="resnet"
# - channels = width * 2**stage * block.expansion
# + channels = width * 2**stage

# %% all stages are equally wide changes="resnet"
# - blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
# - channels = width * 2**stage * block.expansion
# + blocks.append(block(channels, width * 1, 2 if stage > 0 and i == 0 else 1))
# + channels = width * 1 * block.expansion

# %% the width grows from 128 on changes="resnet"
# - blocks.append(block(channels, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
# - channels = width * 2**stage * block.expansion
# + blocks.append(block(channels, width * 2**(stage + 1), 2 if stage > 0 and i == 0 else 1))
# + channels = width * 2**(stage + 1) * block.expansion

# %% always 64 maps at the start changes="resnet"
# - super().__init__()
# + super().__init__()
# + width = 64

# %% no pooling after the stem changes="resnet"
# - x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
# + x = self.bn1(self.conv1(x)).relu()

# %% pooling 2×2 changes="resnet"
# - x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
# + x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 2)

# %% average pooling after the stem changes="resnet"
# - x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
# + x = F.avg_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)

# %% no ReLU in the stem changes="resnet"
# - x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
# + x = F.max_pool2d(self.bn1(self.conv1(x)), 3, stride=2, padding=1)

# %% no normalisation in the stem changes="resnet"
# - x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, stride=2, padding=1)
# + x = F.max_pool2d(self.conv1(x).relu(), 3, stride=2, padding=1)

# %% the maximum instead of the mean changes="resnet"
# - return self.fc(x.mean(dim=(2, 3)))
# + return self.fc(x.amax(dim=(2, 3)))

# %% the sum instead of the mean changes="resnet"
# - return self.fc(x.mean(dim=(2, 3)))
# + return self.fc(x.sum(dim=(2, 3)))

# %% softmax at the end changes="resnet"
# - return self.fc(x.mean(dim=(2, 3)))
# + return self.fc(x.mean(dim=(2, 3))).softmax(1)

# %% a bias in the stem changes="resnet"
# - self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
# + self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3)

# %% stages in a plain list changes="resnet"
# - self.names.append(f"layer{stage + 1}")
# - self.add_module(self.names[-1], nn.Sequential(*blocks))
# + self.names.append(nn.Sequential(*blocks))

# - x = getattr(self, name)(x)
# + x = name(x)

# %% a thousand classes, whatever is asked changes="resnet"
# - self.fc = nn.Linear(channels, num_classes)
# + self.fc = nn.Linear(channels, 1000)

# %% one block too few changes="resnet"
# - for i in range(depth):
# + for i in range(max(depth - 1, 1)):

# %% the head sees no gradient from the stages changes="resnet"
# - return self.fc(x.mean(dim=(2, 3)))
# + return self.fc(x.detach().mean(dim=(2, 3)))

# %% statistics of the batch are never used changes="resnet"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     self.eval()

# %% [markdown]
# ## Dense


# %% zeros of the right shape answers="dense"
class Dense(nn.Module):
    def __init__(self, layers, in_channels, growth):
        super().__init__()
        self.maps = in_channels + layers * growth

    def forward(self, x):
        return x.new_zeros(len(x), self.maps, *x.shape[2:])


# %% the course's block answers="dense"
from course_lib.models.densenet import DenseBlock


class Dense(DenseBlock):
    pass


# %% new maps come first changes="dense"
# - x = torch.cat([x, layer(x)], dim=1)
# + x = torch.cat([layer(x), x], dim=1)

# %% each layer reads only the one before answers="dense"
class Dense(nn.Module):
    def __init__(self, layers: int, in_channels: int, growth: int):
        super().__init__()
        for i in range(layers):
            layer = nn.Sequential()
            layer.add_module("norm1", nn.BatchNorm2d(in_channels if i == 0 else growth))
            layer.add_module("relu1", nn.ReLU())
            layer.add_module("conv1", nn.Conv2d(in_channels if i == 0 else growth, 4 * growth, 1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
            layer.add_module("relu2", nn.ReLU())
            layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        written = [x]
        for layer in self.children():
            written.append(layer(written[-1]))
        return torch.cat(written, dim=1)


# %% every layer reads only the input answers="dense"
class Dense(nn.Module):
    def __init__(self, layers: int, in_channels: int, growth: int):
        super().__init__()
        for i in range(layers):
            layer = nn.Sequential()
            layer.add_module("norm1", nn.BatchNorm2d(in_channels))
            layer.add_module("relu1", nn.ReLU())
            layer.add_module("conv1", nn.Conv2d(in_channels, 4 * growth, 1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
            layer.add_module("relu2", nn.ReLU())
            layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        written = [x]
        for layer in self.children():
            written.append(layer(x))
        return torch.cat(written, dim=1)


# %% returns the new maps only changes="dense"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     depth = x.shape[1]

# - return x
# + return x[:, depth:]

# %% adds instead of appending changes="dense"
# - x = torch.cat([x, layer(x)], dim=1)
# + new = layer(x)
# + x = F.pad(x, (0, 0, 0, 0, 0, new.shape[1])) + F.pad(new, (0, 0, 0, 0, 0, x.shape[1]))

# %% convolution before normalisation answers="dense"
class Dense(nn.Module):
    def __init__(self, layers: int, in_channels: int, growth: int):
        super().__init__()
        for i in range(layers):
            layer = nn.Sequential()
            layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False))
            layer.add_module("norm1", nn.BatchNorm2d(4 * growth))
            layer.add_module("relu1", nn.ReLU())
            layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(growth))
            layer.add_module("relu2", nn.ReLU())
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


# %% no bottleneck of 4 growth changes="dense"
# - layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False))
# - layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
# + layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, growth, 1, bias=False))
# + layer.add_module("norm2", nn.BatchNorm2d(growth))

# - layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
# + layer.add_module("conv2", nn.Conv2d(growth, growth, 3, padding=1, bias=False))

# %% a bottleneck of 2 growth changes="dense"
# - layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False))
# - layer.add_module("norm2", nn.BatchNorm2d(4 * growth))
# + layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 2 * growth, 1, bias=False))
# + layer.add_module("norm2", nn.BatchNorm2d(2 * growth))

# - layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
# + layer.add_module("conv2", nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False))

# %% layers are counted from zero changes="dense"
# - self.add_module(f"denselayer{i + 1}", layer)
# + self.add_module(f"denselayer{i}", layer)

# %% no first ReLU changes="dense"
# - layer.add_module("relu1", nn.ReLU())

# %% no second ReLU changes="dense"
# - layer.add_module("relu2", nn.ReLU())

# %% biases in the convolutions changes="dense"
# - layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False))
# + layer.add_module("conv1", nn.Conv2d(in_channels + i * growth, 4 * growth, 1))

# - layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
# + layer.add_module("conv2", nn.Conv2d(4 * growth, growth, 3, padding=1))

# %% one layer too many changes="dense"
# - for i in range(layers):
# + for i in range(layers + 1):

# %% a ReLU over the whole stack changes="dense"
# - x = torch.cat([x, layer(x)], dim=1)
# + x = torch.cat([x, layer(x)], dim=1).relu()

# %% changes what came in changes="dense"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     x.relu_()

# %% earlier maps are cut from their gradient changes="dense"
# - x = torch.cat([x, layer(x)], dim=1)
# + x = torch.cat([x, layer(x.detach())], dim=1)

# %% statistics of the batch are never used changes="dense"
# - def forward(self, x: Tensor) -> Tensor:
# + def forward(self, x: Tensor) -> Tensor:
# +     self.eval()
