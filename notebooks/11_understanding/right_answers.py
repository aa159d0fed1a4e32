# %% [markdown]
# # Other right answers to assignment 11
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## occlusion


# %% all covered pictures as one batch answers="occlusion"
@torch.no_grad()
def occlusion(model, x, target, side, step, grey):
    rows = range(0, x.shape[1] - side + 1, step)
    columns = range(0, x.shape[2] - side + 1, step)
    batch = x.repeat(len(rows) * len(columns), 1, 1, 1)
    for n, (top, left) in enumerate((r, c) for r in rows for c in columns):
        batch[n, :, top : top + side, left : left + side] = grey
    logits = model(torch.cat([x[None], batch]))[:, target]
    return (logits[0] - logits[1:]).reshape(len(rows), len(columns))


# %% a mask for each position, numbers collected as floats answers="occlusion"
def occlusion(model, x, target, side, step, grey):
    def score(picture):
        return model(picture.unsqueeze(0)).detach()[0, target].item()

    down, across = torch.arange(x.shape[1]), torch.arange(x.shape[2])
    result = torch.empty((x.shape[1] - side) // step + 1, (x.shape[2] - side) // step + 1, dtype=x.dtype)
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            inside = ((down >= i * step) & (down < i * step + side))[:, None] & ((across >= j * step) & (across < j * step + side))
            result[i, j] = score(x) - score(torch.where(inside, torch.full_like(x, grey), x))
    return result


# %% [markdown]
# ## activation_map


# %% broadcasting answers="activation_map"
def activation_map(maps, weight, target):
    return (weight[target][:, :, None, None] * maps).sum(dim=1)


# %% a matrix product for each picture answers="activation_map"
def activation_map(maps, weight, target):
    rows = weight.index_select(0, target).unsqueeze(1)  # [B, 1, K]
    return torch.bmm(rows, maps.flatten(2)).view(len(maps), *maps.shape[2:])


# %% a loop over pictures answers="activation_map"
def activation_map(maps, weight, target):
    return torch.stack([torch.tensordot(weight[c], one, dims=1) for one, c in zip(maps, target.tolist())])


# %% [markdown]
# ## grad_cam


# %% picture by picture answers="grad_cam"
def grad_cam(features, head, x, target):
    heats = []
    for picture, c in zip(x, target):
        with torch.no_grad():
            maps = features(picture[None])
        maps = maps.clone().requires_grad_(True)
        gradient = torch.autograd.grad(head(maps)[0, c], maps)[0]
        weights = gradient[0].flatten(1).mean(1)
        heats.append(torch.clamp(torch.einsum("k,khw->hw", weights, maps[0]), min=0).detach())
    return torch.stack(heats)


# %% a gradient chosen by a one-hot matrix answers="grad_cam"
def grad_cam(features, head, x, target):
    with torch.enable_grad():
        maps = features(x.clone().requires_grad_())
        logits = head(maps)
        chosen = torch.zeros_like(logits).scatter(1, target.view(-1, 1), 1.0)
        slope = torch.autograd.grad(logits, maps, grad_outputs=chosen)[0]
    alpha = slope.mean(dim=-1).mean(dim=-1)
    return F.relu((alpha[..., None, None] * maps).sum(dim=1)).detach()


# %% [markdown]
# ## maximise


# %% the slope of the penalty by hand answers="maximise"
def maximise(model, x, unit, steps, lr, decay):
    image = x.clone()
    for _ in range(steps):
        image.requires_grad_(True)
        slope = torch.autograd.grad(model(image)[:, unit].sum(), image)[0] - 2 * decay * (image.detach() - 0.5)
        image = torch.clamp(image.detach() + lr * slope, 0.0, 1.0)
    return image


# %% picture by picture, by recursion answers="maximise"
def maximise(model, x, unit, steps, lr, decay):
    if steps == 0:
        return x.detach().clone()
    images = []
    for image in x:
        image = image.detach()[None].clone().requires_grad_()
        f = model(image)[0, unit] - decay * torch.sum((image - 0.5) ** 2)
        images.append((image + lr * torch.autograd.grad(f, image)[0]).clip(0, 1).detach())
    return maximise(model, torch.cat(images), unit, steps - 1, lr, decay)


# %% [markdown]
# ## fgsm


# %% the mean of the losses, bounds by minimum and maximum answers="fgsm"
def fgsm(model, x, labels, epsilon):
    delta = torch.zeros_like(x, requires_grad=True)
    loss = nn.CrossEntropyLoss()(model(x + delta), labels)
    step = epsilon * torch.autograd.grad(loss, delta)[0].sign()
    return torch.minimum(torch.maximum(x + step, torch.zeros_like(x)), torch.ones_like(x))


# %% log-softmax, picture by picture answers="fgsm"
def fgsm(model, x, labels, epsilon):
    changed = []
    for picture, label in zip(x, labels):
        picture = picture.detach()[None].clone().requires_grad_()
        loss = -torch.log_softmax(model(picture), dim=1)[0, label]
        slope = torch.autograd.grad(loss, picture)[0]
        changed.append((picture.detach() + torch.sign(slope) * epsilon).clip(min=0, max=1))
    return torch.cat(changed)
