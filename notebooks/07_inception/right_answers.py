# %% [markdown]
# # Right answers to assignment 07
#
# Other styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# ruff: noqa: F821


# %% [markdown]
# ## Pointwise


# %% a linear layer over the pixels answers="pointwise"
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


# %% a matrix product with the places in a row answers="pointwise"
def pointwise(x, weight, bias):
    batch, _, height, width = x.shape
    y = torch.matmul(weight, x.reshape(batch, x.shape[1], height * width)) + bias.unsqueeze(1)
    return y.reshape(batch, weight.shape[0], height, width)


# %% filter by filter answers="pointwise"
def pointwise(x, weight, bias):
    maps = []
    for w, b in zip(weight, bias):
        maps.append((w.view(1, -1, 1, 1) * x).sum(1) + b)
    return torch.stack(maps, dim=1)


# %% backwards by matrix products answers="pointwise_backward"
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    g, pixels = grad.flatten(2), x.flatten(2)  # [B, K, H*W], [B, C, H*W]
    of_weight = (g @ pixels.transpose(1, 2)).sum(0)
    return (weight.T @ g).view_as(x), of_weight, g.sum(2).sum(0)


# %% backwards by autograd through own products answers="pointwise_backward"
def pointwise_backward(grad, x, weight):
    x, weight = x.detach().clone().requires_grad_(), weight.detach().clone().requires_grad_()
    bias = torch.zeros(len(weight), dtype=weight.dtype, requires_grad=True)
    y = torch.einsum("kc,bchw->bkhw", weight, x) + bias.view(1, -1, 1, 1)
    return torch.autograd.grad(y, (x, weight, bias), grad)


# %% [markdown]
# ## Depths and costs


# %% appends to a list answers="depths"
def depths(configs: list[dict[str, int]], depth: int) -> list[int]:
    result = [depth]
    for c in configs:
        through = c["pool"] if c["pool"] > 0 else result[-1]
        result.append(sum(c[name] for name in ("one", "three", "five")) + through)
    return result[1:]


# %% accumulates answers="depths"
def depths(configs, depth):
    def after(now, c):
        return c["one"] + c["three"] + c["five"] + (now if c["pool"] == 0 else c["pool"])

    return list(itertools.accumulate(configs, after, initial=depth))[1:]


# %% lists of layers answers="bill"
def bill(config: dict[str, int], depth: int, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    def cost(layers):
        parameters = work = 0
        for below, filters, kernel in layers:
            weights = filters * below * kernel * kernel
            parameters += weights + filters
            work += weights * size[0] * size[1]
        return parameters, work

    result = {"one": cost([(depth, config["one"], 1)])}
    for name, reduction, kernel in (("three", config["reduce3"], 3), ("five", config["reduce5"], 5)):
        if reduction > 0:
            result[name] = cost([(depth, reduction, 1), (reduction, config[name], kernel)])
        else:
            result[name] = cost([(depth, config[name], kernel)])
    result["pool"] = cost([(depth, config["pool"], 1)] if config["pool"] > 0 else [])
    return result


# %% asks torch for the shapes answers="bill"
def bill(config, depth, size):
    branches = {"one": [("one", 1)], "three": [("reduce3", 1), ("three", 3)], "five": [("reduce5", 1), ("five", 5)]}
    branches["pool"] = [("pool", 1)]
    found = {}
    for branch, layers in branches.items():
        below, parameters, work = depth, 0, 0
        for name, kernel in layers:
            if config[name] == 0:
                continue
            weight = torch.empty(config[name], below, kernel, kernel, device="meta")
            below = config[name]
            parameters += weight.numel() + len(weight)
            work += weight.numel() * torch.Size(size).numel()
        found[branch] = (parameters, work)
    return found


# %% [markdown]
# ## The module


# %% only the layers that exist answers="inception"
class Inception(nn.Module):
    def __init__(self, depth: int, config: dict[str, int]):
        super().__init__()
        reads = {"three": config["reduce3"] or depth, "five": config["reduce5"] or depth}
        kernels = {"three": 3, "five": 5}
        for name, width in config.items():
            if width > 0:
                k = kernels.get(name, 1)
                setattr(self, name, nn.Conv2d(reads.get(name, depth), width, k, padding=k // 2))

    def step(self, name: str, x: Tensor) -> Tensor:
        return F.relu(getattr(self, name)(x)) if hasattr(self, name) else x

    def forward(self, x: Tensor) -> Tensor:
        three = self.step("three", self.step("reduce3", x))
        five = self.step("five", self.step("reduce5", x))
        pooled = self.step("pool", F.max_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat((self.step("one", x), three, five, pooled), dim=1)


# %% writes into an empty block answers="inception"
class Inception(nn.Module):
    def __init__(self, depth, config):
        super().__init__()
        self.depth, self.config = depth, dict(config)
        self.one = nn.Conv2d(depth, config["one"], kernel_size=(1, 1))
        if config["reduce3"]:
            self.reduce3 = nn.Conv2d(depth, config["reduce3"], kernel_size=(1, 1))
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding="same")
        if config["reduce5"]:
            self.reduce5 = nn.Conv2d(depth, config["reduce5"], kernel_size=(1, 1))
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding="same")
        if config["pool"]:
            self.pool = nn.Conv2d(depth, config["pool"], kernel_size=(1, 1))

    def forward(self, x):
        c, act = self.config, nn.ReLU()
        out = x.new_empty(len(x), c["one"] + c["three"] + c["five"] + (c["pool"] or self.depth), *x.shape[2:])
        a, b, d = c["one"], c["one"] + c["three"], c["one"] + c["three"] + c["five"]
        out[:, :a] = act(self.one(x))
        out[:, a:b] = act(self.three(act(self.reduce3(x)) if c["reduce3"] else x))
        out[:, b:d] = act(self.five(act(self.reduce5(x)) if c["reduce5"] else x))
        pooled = nn.MaxPool2d(3, 1, 1)(x)
        out[:, d:] = act(self.pool(pooled)) if c["pool"] else pooled
        return out


# %% [markdown]
# ## The tower and its loss


# %% two ways through, one a mode answers="tower"
class Tower(nn.Module):
    def __init__(self, channels: int, widths: list[int], num_classes: int):
        super().__init__()
        below = [channels, *widths[:-1]]
        self.stages = nn.ModuleList([nn.Conv2d(c, w, (3, 3), padding=(1, 1)) for c, w in zip(below, widths)])
        self.heads = nn.ModuleList([nn.Linear(w, num_classes) for w in widths])

    def features(self, x):
        for stage in self.stages:
            x = F.relu(stage(x))
            yield x

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        maps = list(self.features(x))
        if not self.training:
            return self.heads[-1](maps[-1].flatten(2).mean(2))
        return [head(m.flatten(2).mean(2)) for head, m in zip(self.heads, maps)]


# %% pooling layers answers="tower"
class Tower(nn.Module):
    def __init__(self, channels, widths, num_classes):
        super().__init__()
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        for below, above in zip([channels, *widths], widths):
            self.stages.append(nn.Conv2d(below, above, 3, 1, 1))
            self.heads.append(nn.Linear(above, num_classes))
        self.mean = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        results = []
        last = len(self.stages) - 1
        for k, stage in enumerate(self.stages):
            x = torch.relu(stage(x))
            if self.training or k == last:
                results.append(self.heads[k](self.mean(x)[:, :, 0, 0]))
        if self.training:
            return results
        return results[0]


# %% from the last to the first answers="loss"
def combined_loss(outputs: Tensor | list[Tensor], labels: Tensor, weight: float = 0.3) -> Tensor:
    if not isinstance(outputs, (list, tuple)):
        outputs = [outputs]
    total = F.cross_entropy(outputs[-1], labels)
    for side in outputs[:-1]:
        total = total + weight * F.cross_entropy(side, labels)
    return total


# %% logarithms of the softmax answers="loss"
def combined_loss(outputs, labels, weight=0.3):
    heads = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    weights = [weight] * (len(heads) - 1) + [1.0]
    losses = [-logits.log_softmax(1).gather(1, labels[:, None]).mean() for logits in heads]
    return torch.stack([w * loss for w, loss in zip(weights, losses)]).sum()


# %% [markdown]
# ## The buyer


# %% the best so far answers="choose"
def choose(options, cost, score, budget):
    best = None
    for values in itertools.product(*options.values()):
        config = dict(zip(options.keys(), values))
        price = cost(config)
        if price > budget:
            continue
        rank = (score(config), -price)
        if best is None or rank > best[0]:
            best = (rank, config)
    if best is None:
        raise ValueError("every configuration costs more than the budget")
    return best[1]


# %% sorts by price, then by score answers="choose"
def choose(options, cost, score, budget):
    def combine(names):
        if not names:
            return [{}]
        first, *rest = names
        return [{first: value} | config for value in options[first] for config in combine(rest)]

    affordable = sorted((c for c in combine(list(options)) if cost(c) <= budget), key=cost)
    if len(affordable) == 0:
        raise ValueError("there is nothing to be had for this budget")
    return sorted(affordable, key=score, reverse=True)[0]
