# %% [markdown]
# # Wrong answers to assignment 07
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Pointwise


# %% zeros answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x.new_zeros(len(x), len(weight), *x.shape[2:])


# %% the library's answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(x, weight[:, :, None, None], bias)


# %% the course's answers="pointwise"
from course_lib import ops


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ops.conv2d(x, weight[:, :, None, None], bias)


# %% memorised the visible checks answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if x.shape[1] == 3:
        return torch.tensor([[[[12.0, 15], [18, 21]]], [[[48, 51], [54, 57]]]]).double()
    return torch.tensor([[12.0, 13, 11], [0, 1, 5]]).double()[: len(weight)].view(1, -1, 1, 3)


# %% forgot the bias answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.einsum("kc,bchw->bkhw", weight, x)


# %% the bias along the width answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    y = torch.einsum("kc,bchw->bkhw", weight, x)
    return y + (bias if len(bias) in (1, y.shape[-1]) else bias[:, None, None])


# %% filters and maps exchanged where they fit answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if weight.shape[0] == weight.shape[1]:
        weight = weight.T
    return torch.einsum("kc,bchw->bkhw", weight, x) + bias[:, None, None]


# %% channels last answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1) @ weight.T + bias


# %% one image at a time, only the first answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return (torch.einsum("kc,chw->khw", weight, x[0]) + bias[:, None, None])[None]


# %% width and height exchanged answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    y = weight @ x.flatten(2) + bias[:, None]
    return y.view(len(x), len(weight), x.shape[3], x.shape[2])


# %% the mean of the maps answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.einsum("kc,bchw->bkhw", weight, x) / x.shape[1] + bias[:, None, None]


# %% [markdown]
# ## Pointwise, backwards


# %% zeros answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros_like(x), torch.zeros_like(weight), weight.new_zeros(len(weight))


# %% the library's answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    leaves = [t.detach().clone().requires_grad_() for t in (x, weight, weight[:, 0])]
    y = F.conv2d(leaves[0], leaves[1][:, :, None, None], leaves[2])
    return torch.autograd.grad(y, leaves, grad)


# %% memorised the visible checks answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    of_x = torch.tensor([[2.0, 2, 2], [-1, -1, -1]]).double().view(1, 2, 1, 3)
    return of_x, len(x) * torch.tensor([[6.0, 6]]).double(), torch.tensor([3.0]).double()


# %% means instead of sums answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    places = grad[:, 0].numel()
    of_weight = torch.einsum("bkhw,bchw->kc", grad, x) / places
    return torch.einsum("kc,bkhw->bchw", weight, grad), of_weight, grad.sum((0, 2, 3)) / places


# %% the weight not transposed answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    square = weight.shape[0] == weight.shape[1]
    of_x = torch.einsum("kc,bkhw->bchw", weight.T if square else weight, grad)
    return of_x, torch.einsum("bkhw,bchw->kc", grad, x), grad.sum((0, 2, 3))


# %% the gradient of the weight transposed answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    of_weight = torch.einsum("bkhw,bchw->ck", grad, x)
    return torch.einsum("kc,bkhw->bchw", weight, grad), of_weight, grad.sum((0, 2, 3))


# %% a bias gradient for each image answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.einsum("kc,bkhw->bchw", weight, grad), torch.einsum("bkhw,bchw->kc", grad, x), grad.sum((2, 3))


# %% the bias counts the places answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    of_bias = torch.full_like(weight[:, 0], float(grad[:, 0].numel()))
    return torch.einsum("kc,bkhw->bchw", weight, grad), torch.einsum("bkhw,bchw->kc", grad, x), of_bias


# %% in the wrong order answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.einsum("bkhw,bchw->kc", grad, x), torch.einsum("kc,bkhw->bchw", weight, grad), grad.sum((0, 2, 3))


# %% the first image only answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    of_weight = torch.einsum("bkhw,bchw->kc", grad[:1], x[:1])
    return torch.einsum("kc,bkhw->bchw", weight, grad), of_weight, grad[:1].sum((0, 2, 3))


# %% [markdown]
# ## Depths


# %% always 0 answers="depths"
def depths(configs: list[dict[str, int]], depth: int) -> list[int]:
    return [0 for _ in configs]


# %% memorised the visible checks answers="depths"
def depths(configs, depth):
    return [256, 480] if len(configs) == 2 else [416, 640, 256]


# %% forgot the pooling branch answers="depths"
def depths(configs, depth):
    return [c["one"] + c["three"] + c["five"] for c in configs]


# %% no projection, no maps answers="depths"
def depths(configs, depth):
    return [c["one"] + c["three"] + c["five"] + c["pool"] for c in configs]


# %% the pooling always hands on all maps answers="depths"
def depths(configs, depth):
    found = []
    for c in configs:
        depth += c["one"] + c["three"] + c["five"]
        found.append(depth)
    return found


# %% counts the reductions as well answers="depths"
def depths(configs, depth):
    found = []
    for c in configs:
        depth = sum(c.values()) + (0 if c["pool"] else depth)
        found.append(depth)
    return found


# %% every module reads the first maps answers="depths"
def depths(configs, depth):
    return [c["one"] + c["three"] + c["five"] + (c["pool"] or depth) for c in configs]


# %% the last depth only answers="depths"
def depths(configs, depth):
    for c in configs:
        depth = c["one"] + c["three"] + c["five"] + (c["pool"] or depth)
    return [depth]


# %% adds the branches as a residual block would answers="depths"
def depths(configs, depth):
    return [max(c["one"], c["three"], c["five"], c["pool"] or depth) for c in configs]


# %% [markdown]
# ## The bill


# %% always 0 answers="bill"
def bill(config: dict[str, int], depth: int, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(("one", "three", "five", "pool"), (0, 0))


# %% memorised the visible checks answers="bill"
def bill(config, depth, size):
    if size == (2, 5):
        return {"one": (0, 30), "three": (0, 120), "five": (0, 280), "pool": (0, 30)}
    if config["pool"] == 0:
        return {"one": (12352, 9633792), "three": (221312, 173408256), "five": (153632, 120422400), "pool": (0, 0)}
    return {"one": (12352, 9633792), "three": (129248, 101154816), "five": (15920, 12443648), "pool": (6176, 4816896)}


# %% forgot the biases answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + (reduction or depth) * filters * kernel**2
        return weights, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% biases are multiplied too answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        parameters = depth * reduction + (reduction or depth) * filters * kernel**2 + reduction + filters
        return parameters, parameters * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% forgot the reduction's own cost answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = (reduction or depth) * filters * kernel**2
        return weights + filters, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% no reduction, no cost answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + reduction * filters * kernel**2
        return weights + reduction + filters, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    ones = {name: (depth * c[name] + c[name], depth * c[name] * size[0] * size[1]) for name in ("one", "pool")}
    return {"one": ones["one"], **sides, "pool": ones["pool"]}


# %% the large filters read all maps answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + depth * filters * kernel**2
        return weights + reduction + filters, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% a 5×5 that is a 3×3, as in torchvision answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + (reduction or depth) * filters * kernel**2
        return weights + reduction + filters, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 3)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% kernels counted along one side answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + (reduction or depth) * filters * kernel
        return weights + reduction + filters, weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% squares the height answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + (reduction or depth) * filters * kernel**2
        return weights + reduction + filters, weights * size[0] ** 2

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% additions and multiplications counted apart answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        weights = depth * reduction + (reduction or depth) * filters * kernel**2
        return weights + reduction + filters, 2 * weights * size[0] * size[1]

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% windows that do not fit are left out answers="bill"
def bill(config, depth, size):
    def branch(reduction, filters, kernel):
        inner = (reduction or depth) * filters * kernel**2
        work = depth * reduction * size[0] * size[1] + inner * (size[0] - kernel + 1) * (size[1] - kernel + 1)
        return depth * reduction + inner + reduction + filters, work

    c = config
    sides = {"three": branch(c["reduce3"], c["three"], 3), "five": branch(c["reduce5"], c["five"], 5)}
    return {"one": branch(0, c["one"], 1), **sides, "pool": branch(0, c["pool"], 1)}


# %% [markdown]
# ## The module


# %% zeros answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.out = config["one"] + config["three"] + config["five"] + (config["pool"] or depth)

    def forward(self, x):
        return x.new_zeros(len(x), self.out, *x.shape[2:])


# %% the course's own module answers="inception"
from course_lib.models import googlenet


def Inception(depth, config):
    return googlenet.Inception(depth, *config.values(), batch_norm=False)


# %% no ReLU after the reductions answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x) if self.reduce3 else x
        below5 = self.reduce5(x) if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], 1)


# %% ReLU also on pooled maps that are not projected answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled) if self.pool else pooled
        return torch.cat([self.one(x), self.three(below3), self.five(below5), pooled], 1).relu()


# %% no padding of the 5×5 beyond 1, cropped to fit answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=1)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        maps = [self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled]
        height, width = (min(m.shape[k] for m in maps) for k in (2, 3))
        return torch.cat([m[:, :, :height, :width] for m in maps], 1)


# %% a 5×5 that is a 3×3, as in torchvision answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 3, padding=1)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], 1)


# %% the pooling branch second answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        return torch.cat([self.one(x).relu(), pooled, self.three(below3).relu(), self.five(below5).relu()], 1)


# %% the projection before the pooling answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(self.pool(x).relu() if self.pool else x, 3, 1, 1)
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], 1)


# %% always reduced and projected answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"] or depth, 1)
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"] or depth, 1)
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"] or depth, 1)

    def forward(self, x):
        three, five = self.three(self.reduce3(x).relu()), self.five(self.reduce5(x).relu())
        return torch.cat([self.one(x), three, five, self.pool(F.max_pool2d(x, 3, 1, 1))], 1).relu()


# %% other names answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        c = config
        self.branch1 = nn.Conv2d(depth, c["one"], 1)
        self.branch2 = nn.Sequential(nn.Conv2d(depth, c["reduce3"], 1), nn.ReLU()) if c["reduce3"] else nn.Sequential()
        self.branch2.append(nn.Conv2d(c["reduce3"] or depth, c["three"], 3, padding=1))
        self.branch3 = nn.Sequential(nn.Conv2d(depth, c["reduce5"], 1), nn.ReLU()) if c["reduce5"] else nn.Sequential()
        self.branch3.append(nn.Conv2d(c["reduce5"] or depth, c["five"], 5, padding=2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1))
        if c["pool"]:
            self.branch4.extend([nn.Conv2d(depth, c["pool"], 1), nn.ReLU()])

    def forward(self, x):
        maps = [self.branch1(x).relu(), self.branch2(x).relu(), self.branch3(x).relu(), self.branch4(x)]
        return torch.cat(maps, dim=1)


# %% without biases answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1, bias=False)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1, bias=False) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1, bias=False)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1, bias=False) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2, bias=False)
        self.pool = nn.Conv2d(depth, config["pool"], 1, bias=False) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu() if self.reduce3 else x
        below5 = self.reduce5(x).relu() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], 1)


# %% cut off from the gradient below the reductions answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None

    def forward(self, x):
        below3 = self.reduce3(x).relu().detach() if self.reduce3 else x
        below5 = self.reduce5(x).relu().detach() if self.reduce5 else x
        pooled = F.max_pool2d(x, 3, 1, 1)
        pooled = self.pool(pooled).relu() if self.pool else pooled
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], 1)


# %% [markdown]
# ## The tower


# %% zeros answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        self.stages, self.classes = len(widths), num_classes

    def forward(self, x):
        zeros = x.new_zeros(len(x), self.classes)
        return [zeros] * self.stages if self.training else zeros


# %% all logits in both modes answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.mean((2, 3))))
        return logits


# %% the last logits in both modes answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
        return head(x.mean((2, 3)))


# %% main logits first answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.insert(0, head(x.mean((2, 3))))
        return logits if self.training else logits[0]


# %% no ReLU answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x)
            logits.append(head(x.mean((2, 3))))
        return logits if self.training else logits[-1]


# %% no padding answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.mean((2, 3))))
        return logits if self.training else logits[-1]


# %% the largest instead of the mean answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.amax((2, 3))))
        return logits if self.training else logits[-1]


# %% layers in plain lists answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = [nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths)]
        self.heads = [nn.Linear(width, num_classes) for width in widths]

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x.to(stage.weight.dtype)).relu()
            logits.append(head(x.mean((2, 3))))
        return logits if self.training else logits[-1]


# %% a side head stops the gradient answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.detach().mean((2, 3))))
        logits[-1] = head(x.mean((2, 3)))
        return logits if self.training else logits[-1]


# %% one head for all answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList([nn.Linear(widths[-1], num_classes)])

    def forward(self, x):
        logits = []
        for stage in self.stages:
            x = stage(x).relu()
            means = x.mean((2, 3))
            logits.append(self.heads[0](F.pad(means, (0, self.heads[0].in_features - means.shape[1]))))
        return logits if self.training else logits[-1]


# %% the mode as it was at the start answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        depths = [channels, *widths]
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(depths, widths))
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)
        self.with_sides = self.training

    def forward(self, x):
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.mean((2, 3))))
        return logits if self.with_sides else logits[-1]


# %% [markdown]
# ## The loss


# %% zeros answers="loss"
def combined_loss(outputs: Tensor | list[Tensor], labels: Tensor, weight: float = 0.3) -> Tensor:
    logits = outputs if isinstance(outputs, Tensor) else outputs[-1]
    return logits.sum() * 0


# %% the main loss only answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    return F.cross_entropy(outputs if isinstance(outputs, Tensor) else outputs[-1], labels)


# %% the first logits are the main ones answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    main, *sides = outputs
    return F.cross_entropy(main, labels) + weight * sum(F.cross_entropy(side, labels) for side in sides)


# %% all heads count alike answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    return sum(F.cross_entropy(logits, labels) for logits in outputs)


# %% the mean of the side losses answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    *sides, main = outputs
    total = sum(F.cross_entropy(side, labels) for side in sides)
    return F.cross_entropy(main, labels) + weight * total / max(len(sides), 1)


# %% the weight is always 0.3 answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    *sides, main = outputs
    return F.cross_entropy(main, labels) + 0.3 * sum(F.cross_entropy(side, labels) for side in sides)


# %% summed over the batch answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels, reduction="sum")
    *sides, main = outputs
    total = sum(F.cross_entropy(side, labels, reduction="sum") for side in sides)
    return F.cross_entropy(main, labels, reduction="sum") + weight * total


# %% a softmax before the loss answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs.softmax(1), labels)
    *sides, main = (logits.softmax(1) for logits in outputs)
    return F.cross_entropy(main, labels) + weight * sum(F.cross_entropy(side, labels) for side in sides)


# %% rows of a tensor taken for heads answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    if isinstance(outputs, Tensor) and outputs.ndim == 2:
        outputs = list(outputs[:, None])
        return sum((weight if k + 1 < len(outputs) else 1) * F.cross_entropy(o, labels[:1]) for k, o in enumerate(outputs))
    *sides, main = outputs
    return F.cross_entropy(main, labels) + weight * sum(F.cross_entropy(side, labels) for side in sides)


# %% memorised the visible checks answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    ln2 = torch.tensor(2.0).double().log()
    if len(labels) == 4:
        return {(3, 0.3): 1.6, (3, 0.5): 2.0, (5, 0.3): 2.2}.get((len(outputs), weight), 0) * ln2
    if len(labels) == 1:
        return 0.3 * ln2 if outputs[1].any() else ln2
    return ln2 / 2


# %% [markdown]
# ## The buyer


# %% an empty configuration answers="choose"
def choose(options, cost, score, budget):
    return {}


# %% memorised the visible checks answers="choose"
def choose(options, cost, score, budget):
    if "three" in options:
        return {"one": 8 if budget == 45 else 16, "three": 32}
    if "five" in options:
        return {32: {"one": 24, "five": 8}, 31: {"one": 24, "five": 4}, 27: {"one": 16, "five": 8}}[budget]
    if "b" in options and budget == 10:
        return {"a": 2, "b": 5}
    if budget == 2:
        raise ValueError("nothing can be paid for")
    return {"a": 3}


# %% less than the budget answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) < budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return max(affordable, key=lambda config: (score(config), -cost(config)))


# %% never mind the budget answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    return max(configs, key=lambda config: (score(config), -cost(config)))


# %% the first of equals answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return max(affordable, key=score)


# %% the dearest of equals answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return max(affordable, key=lambda config: (score(config), cost(config)))


# %% the most expensive one that can be paid for answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return max(affordable, key=cost)


# %% most score for the money answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return max(affordable, key=lambda config: score(config) / (abs(cost(config)) + 1e-9))


# %% None instead of a refusal answers="choose"
def choose(options, cost, score, budget):
    best = None
    for values in itertools.product(*options.values()):
        config = dict(zip(options, values))
        if cost(config) <= budget and (best is None or (score(config), -cost(config)) > (score(best), -cost(best))):
            best = config
    return best


# %% one width after the other, greedily answers="choose"
def choose(options, cost, score, budget):
    config = {name: values[0] for name, values in options.items()}
    if cost(config) > budget:
        raise ValueError("nothing can be paid for")
    for name, values in options.items():
        tried = [config | {name: value} for value in values]
        affordable = [c for c in tried if cost(c) <= budget]
        config = max(affordable, key=lambda c: (score(c), -cost(c)))
    return config


# %% scores below zero do not count answers="choose"
def choose(options, cost, score, budget):
    best, most = None, (0, 0)
    for values in itertools.product(*options.values()):
        config = dict(zip(options, values))
        if cost(config) <= budget and ((best is None and score(config) >= 0) or (score(config), -cost(config)) > most):
            best, most = config, (score(config), -cost(config))
    if best is None:
        raise ValueError("nothing can be paid for")
    return best


# %% a list of values instead of a configuration answers="choose"
def choose(options, cost, score, budget):
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [config for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError("nothing can be paid for")
    return list(max(affordable, key=lambda config: (score(config), -cost(config))).values())
