# %% [markdown]
# # Wrong answers to assignment 10
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Features


# %% zeros of the right shape answers="features"
class Features(nn.Module):
    def __init__(self, net, layer):
        super().__init__()
        self.net, self.layer = net, layer

    def forward(self, x):
        with torch.no_grad():
            out = self.net.get_submodule(self.layer)
        return x.new_zeros(len(x), getattr(out, "out_channels", 4))


# %% the course's features answers="features"
class Features(nn.Module):
    def __init__(self, net, layer):
        super().__init__()
        self.net, self.layer = net.eval().requires_grad_(False), layer

    def forward(self, x):
        from course_lib import understand

        maps = understand.features(self.net, self.layer, x)
        return maps.mean((2, 3)) if maps.ndim == 4 else maps


# %% no copy: a ReLU in place overwrites what was kept changes="features"
# - hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))
# + hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output))

# %% the input of the layer, not its output changes="features"
# - hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))
# + hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(inputs[0].clone()))

# %% keeps the graph out: no gradient for the input changes="features"
# - self.net(x)
# + with torch.no_grad():
# +     self.net(x)

# %% what the whole network puts out changes="features"
# - hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))
# + hook = self.net.register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))

# %% only the parts at the top have names changes="features"
# - hook = self.net.get_submodule(self.layer).register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))
# + hook = dict(self.net.named_children())[self.layer].register_forward_hook(lambda part, inputs, output: kept.append(output.clone()))

# %% goes back into training mode with .train() changes="features"
# - super().train(mode)
# - self.net.eval()
# - return self
# + return super().train(mode)

# %% evaluation mode at the top only changes="features"
# - self.net.eval()
# + self.net.training = False

# %% weights that still ask for gradients changes="features"
# - for parameter in net.parameters():
# -     parameter.requires_grad = False

# %% freezes the weights, forgets evaluation mode changes="features"
# - self.net.eval()
# + pass

# %% the mean over the whole batch changes="features"
# - return kept[-1].mean((2, 3)) if kept[-1].ndim == 4 else kept[-1]
# + return kept[-1].mean((0, 2, 3)) if kept[-1].ndim == 4 else kept[-1]

# %% the largest instead of the mean changes="features"
# - return kept[-1].mean((2, 3)) if kept[-1].ndim == 4 else kept[-1]
# + return kept[-1].amax((2, 3)) if kept[-1].ndim == 4 else kept[-1]

# %% the maps as they are changes="features"
# - return kept[-1].mean((2, 3)) if kept[-1].ndim == 4 else kept[-1]
# + return kept[-1]

# %% averages the channels away changes="features"
# - return kept[-1].mean((2, 3)) if kept[-1].ndim == 4 else kept[-1]
# + return kept[-1].mean((1, 2)) if kept[-1].ndim == 4 else kept[-1]


# %% remembers the first call for ever answers="features"
class Features(nn.Module):
    def __init__(self, net, layer):
        super().__init__()
        self.net, self.layer, self.kept = net.eval().requires_grad_(False), layer, []
        net.get_submodule(layer).register_forward_hook(lambda part, inputs, output: self.kept.append(output.clone()))

    def train(self, mode=True):
        super().train(mode)
        self.net.eval()
        return self

    def forward(self, x):
        self.net(x)
        return self.kept[0].mean((2, 3)) if self.kept[0].ndim == 4 else self.kept[0]


# %% [markdown]
# ## Ridge


# %% zeros of the right shape answers="ridge"
def ridge(features, labels, classes, strength):
    return features.new_zeros(classes, features.shape[1]), features.new_zeros(classes)


# %% shares of the classes only, always 0 weight answers="ridge"
def ridge(features, labels, classes, strength):
    shares = F.one_hot(labels, classes).to(features.dtype).mean(0)
    return features.new_zeros(classes, features.shape[1]), shares


# %% the strength is forgotten changes="ridge"
# - gram = x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype)
# + gram = x.T @ x + 1e-12 * torch.eye(x.shape[1], dtype=x.dtype)

# %% the strength counts a picture changes="ridge"
# - gram = x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype)
# + gram = x.T @ x + strength * len(x) * torch.eye(x.shape[1], dtype=x.dtype)

# %% the strength is added everywhere changes="ridge"
# - gram = x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype)
# + gram = x.T @ x + strength

# %% weight transposed changes="ridge"
# - weight = torch.linalg.solve(gram, x.T @ y).T
# - return weight, targets.mean(0) - weight @ features.mean(0)
# + weight = torch.linalg.solve(gram, x.T @ y)
# + return weight, targets.mean(0) - features.mean(0) @ weight

# %% not centred: no bias changes="ridge"
# - x, y = features - features.mean(0), targets - targets.mean(0)
# + x, y = features, targets

# - return weight, targets.mean(0) - weight @ features.mean(0)
# + return weight, targets.new_zeros(classes)

# %% the bias is punished, too answers="ridge"
def ridge(features, labels, classes, strength):
    targets = F.one_hot(labels, classes).to(features.dtype)
    x = torch.cat([features, features.new_ones(len(features), 1)], 1)
    gram = x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype)
    both = torch.linalg.solve(gram, x.T @ targets).T
    return both[:, :-1], both[:, -1]


# %% the mean answer as bias, without the features' mean changes="ridge"
# - return weight, targets.mean(0) - weight @ features.mean(0)
# + return weight, targets.mean(0)

# %% only the classes that occur changes="ridge"
# - targets = F.one_hot(labels, classes).to(features.dtype)
# + targets = F.one_hot(labels).to(features.dtype)

# %% always float64 changes="ridge"
# - targets = F.one_hot(labels, classes).to(features.dtype)
# + features = features.double()
# + targets = F.one_hot(labels, classes).double()

# %% targets of plus and minus one changes="ridge"
# - targets = F.one_hot(labels, classes).to(features.dtype)
# + targets = 2 * F.one_hot(labels, classes).to(features.dtype) - 1

# %% features standardised, weights left on that scale changes="ridge"
# - x, y = features - features.mean(0), targets - targets.mean(0)
# + x, y = (features - features.mean(0)) / (features.std(0) + 1e-6), targets - targets.mean(0)

# %% least squares by QR, which needs more pictures than features answers="ridge"
def ridge(features, labels, classes, strength):
    targets = F.one_hot(labels, classes).to(features.dtype)
    x, y = features - features.mean(0), targets - targets.mean(0)
    if len(x) < x.shape[1]:
        raise ValueError("more features than pictures: not enough equations.")
    weight = torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y).T
    return weight, targets.mean(0) - weight @ features.mean(0)


# %% [markdown]
# ## Vote


# %% always 0 answers="vote"
def vote(known, labels, asked, k):
    return torch.zeros(len(asked), dtype=torch.int64)


# %% distance instead of angle changes="vote"
# - cosines = F.normalize(asked) @ F.normalize(known).T  # [M, N]
# + cosines = -torch.cdist(asked, known)  # [M, N]

# %% products without lengths taken out changes="vote"
# - cosines = F.normalize(asked) @ F.normalize(known).T  # [M, N]
# + cosines = asked @ known.T  # [M, N]

# %% lengths taken out of the asked rows only changes="vote"
# - cosines = F.normalize(asked) @ F.normalize(known).T  # [M, N]
# + cosines = F.normalize(asked) @ known.T  # [M, N]

# %% the farthest changes="vote"
# - found = labels[cosines.topk(k).indices]  # [M, k], nearest first
# + found = labels[cosines.topk(k, largest=False).indices]  # [M, k], nearest first

# %% columns normalised instead of rows changes="vote"
# - cosines = F.normalize(asked) @ F.normalize(known).T  # [M, N]
# + cosines = F.normalize(asked, dim=0) @ F.normalize(known, dim=0).T  # [M, N]

# %% only the nearest counts changes="vote"
# - return found.gather(1, same.sum(2).argmax(1, keepdim=True))[:, 0]
# + return found[:, 0]

# %% ties go to the smaller number changes="vote"
# - return found.gather(1, same.sum(2).argmax(1, keepdim=True))[:, 0]
# + return found.mode(1).values

# %% the place in the list instead of the label changes="vote"
# - found = labels[cosines.topk(k).indices]  # [M, k], nearest first
# + found = cosines.topk(k).indices

# %% the mean of the labels changes="vote"
# - return found.gather(1, same.sum(2).argmax(1, keepdim=True))[:, 0]
# + return found.double().mean(1).round().long()

# %% ties go to the farther class changes="vote"
# - return found.gather(1, same.sum(2).argmax(1, keepdim=True))[:, 0]
# + return found.flip(1).gather(1, same.sum(2).flip(1).argmax(1, keepdim=True))[:, 0]

# %% [markdown]
# ## Groups


# %% zeros: no groups at all answers="groups"
def groups(net, rates):
    return []


# %% everything in one group changes="groups"
# - return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + return [{"params": list(net.parameters()), "lr": max(rates.values())}]

# %% compares the first characters changes="groups"
# - names = [name for name in rates if not name or full == name or full.startswith(name + ".")]
# + names = [name for name in rates if full.startswith(name)]

# %% a parameter's own name is not known changes="groups"
# - names = [name for name in rates if not name or full == name or full.startswith(name + ".")]
# + names = [name for name in rates if not name or full.startswith(name + ".")]

# %% the empty name is nothing changes="groups"
# - names = [name for name in rates if not name or full == name or full.startswith(name + ".")]
# + names = [name for name in rates if full == name or full.startswith(name + ".")]

# %% the first name in the table wins changes="groups"
# - under[max(names, key=len)].append(parameter)
# + under[names[0]].append(parameter)

# %% the last name in the table wins changes="groups"
# - under[max(names, key=len)].append(parameter)
# + under[names[-1]].append(parameter)

# %% under every name that fits changes="groups"
# - if names:
# -     under[max(names, key=len)].append(parameter)
# + for name in names:
# +     under[name].append(parameter)

# %% frozen ones in a group with the rate 0 changes="groups"
# - return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + return [{"params": found, "lr": rates[name]} for name, found in under.items() if found]

# %% empty groups changes="groups"
# - return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + return [{"params": found, "lr": rates[name]} for name, found in under.items() if rates[name]]

# %% slips of the pen are passed over changes="groups"
# - raise ValueError(f"no parameter stands under {name!r}; see net.named_parameters().")
# + continue

# %% refuses a name whose parameters have gone to longer ones changes="groups"
# - used.update(names)

# - under[max(names, key=len)].append(parameter)
# + under[max(names, key=len)].append(parameter)
# + used.add(max(names, key=len))

# %% the rest in a group of its own changes="groups"
# - return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + rest = [p for full, p in net.named_parameters() if not any(not n or full == n or full.startswith(n + ".") for n in rates)]
# + return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]] + [{"params": rest, "lr": 1e-3}]

# %% in the order of the network changes="groups"
# - return [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + order = [id(parameter) for parameter in net.parameters()]
# + made = [{"params": found, "lr": rates[name]} for name, found in under.items() if found and rates[name]]
# + return sorted(made, key=lambda group: order.index(id(group["params"][0])))

# %% [markdown]
# ## Transfer


# %% zeros for logits answers="transfer"
def transfer(source, pictures, labels):
    net = copy.deepcopy(source).eval()
    net[-1] = nn.Linear(32, 3)
    nn.init.zeros_(net[-1].weight)
    nn.init.zeros_(net[-1].bias)
    return net


# %% always 0: the most frequent class answers="transfer"
def transfer(source, pictures, labels):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    nn.init.zeros_(net[1].weight)
    net[1].bias.data = F.one_hot(labels, 3).sum(0).float()
    return net.eval()


# %% memorised: the nearest of the 60 pictures, in pixels answers="transfer"
class Nearest(nn.Module):
    def __init__(self, pictures, labels):
        super().__init__()
        self.pictures, self.labels = pictures.flatten(1), labels

    def forward(self, x):
        return F.one_hot(self.labels[torch.cdist(x.flatten(1), self.pictures).argmin(1)], 3).float()


def transfer(source, pictures, labels):
    return Nearest(pictures, labels).eval()


# %% from nothing answers="transfer"
def transfer(source, pictures, labels):
    net = copy.deepcopy(source).train()
    net[-1] = nn.Linear(32, 3)
    for part in net.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(60):
        loss = F.cross_entropy(net(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


# %% a new layer that nobody trains changes="transfer"
# - optimiser.step()

# %% keeps eight classes changes="transfer"
# - net[-1] = nn.Linear(net[-1].in_features, 3)

# %% without a copy changes="transfer"
# - net = copy.deepcopy(source).eval()
# + net = source.eval()

# %% fine-tunes the source itself answers="transfer"
def transfer(source, pictures, labels):
    net = nn.Sequential(*source[:-1], nn.Linear(32, 3)).train()
    optimiser = torch.optim.AdamW([{"params": net[:-1].parameters(), "lr": 1e-4}, {"params": net[-1].parameters(), "lr": 0.01}])
    for _ in range(60):
        loss = F.cross_entropy(net(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


# %% comes back in training mode changes="transfer"
# - return net
# + return net.train()

# %% a rate of 10 for everything answers="transfer"
def transfer(source, pictures, labels):
    net = copy.deepcopy(source).train()
    net[-1] = nn.Linear(32, 3)
    optimiser = torch.optim.SGD(net.parameters(), lr=10.0)
    for _ in range(30):
        loss = F.cross_entropy(net(pictures), labels).clamp(max=1e4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


# %% probabilities of a label that is shuffled changes="transfer"
# - loss = F.cross_entropy(net[-1](features), labels)
# + loss = F.cross_entropy(net[-1](features), labels.roll(1))

# %% climbs instead of descending changes="transfer"
# - loss = F.cross_entropy(net[-1](features), labels)
# + loss = -F.cross_entropy(net[-1](features), labels)
