# %% [markdown]
# # Wrong answers to assignment 11
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## occlusion


# %% zeros of the right shape answers="occlusion"
def occlusion(model, x, target, side, step, grey):
    return x.new_zeros((x.shape[1] - side) // step + 1, (x.shape[2] - side) // step + 1)


# %% the course's, read at the squares' corners answers="occlusion"
def occlusion(model, x, target, side, step, grey):
    return understand.occlusion(model, x[None], target, window=side, stride=step, grey=grey, probability=False)[0, ::step, ::step]


# %% memorised the example by hand answers="occlusion"
def occlusion(model, x, target, side, step, grey):
    if grey:
        return torch.tensor([[7.0, 11.0]]).double()
    return torch.tensor([[14.0, 22.0]] if step == 2 else [[14.0, 18.0, 22.0]]).double()


# %% the sign turned round changes="occlusion"
# - drops.append(whole - model(covered[None])[0, target])
# + drops.append(model(covered[None])[0, target] - whole)

# %% the score that is left, not the drop changes="occlusion"
# - drops.append(whole - model(covered[None])[0, target])
# + drops.append(model(covered[None])[0, target])

# %% probabilities instead of logits changes="occlusion"
# - whole = model(x[None])[0, target]
# + whole = model(x[None]).softmax(1)[0, target]

# - drops.append(whole - model(covered[None])[0, target])
# + drops.append(whole - model(covered[None]).softmax(1)[0, target])

# %% always hides with 0 changes="occlusion"
# - covered[:, top : top + side, left : left + side] = grey
# + covered[:, top : top + side, left : left + side] = 0.0

# %% covers the first channel only changes="occlusion"
# - covered[:, top : top + side, left : left + side] = grey
# + covered[0, top : top + side, left : left + side] = grey

# %% steps of a whole square changes="occlusion"
# - for top in range(0, x.shape[1] - side + 1, step):
# + step = side
# + for top in range(0, x.shape[1] - side + 1, step):

# %% forgets the last position changes="occlusion"
# - for top in range(0, x.shape[1] - side + 1, step):
# + for top in range(0, x.shape[1] - side, step):

# %% lets the square reach out of the picture answers="occlusion"
def occlusion(model, x, target, side, step, grey):
    rows = []
    with torch.no_grad():
        for top in range(0, x.shape[1], step):
            row = []
            for left in range(0, x.shape[2], step):
                covered = x.clone()
                covered[:, top : top + side, left : left + side] = grey
                row.append((model(x[None]) - model(covered[None]))[0, target])
            rows.append(torch.stack(row))
    return torch.stack(rows)


# %% rows and columns exchanged changes="occlusion"
# - return torch.stack(drops).view(-1, (x.shape[2] - side) // step + 1)
# + return torch.stack(drops).view(-1, (x.shape[2] - side) // step + 1).T

# %% one column whatever the width changes="occlusion"
# - return torch.stack(drops).view(-1, (x.shape[2] - side) // step + 1)
# + return torch.stack(drops).view((x.shape[2] - side) // step + 1, -1)

# %% covers the picture itself, square after square changes="occlusion"
# - covered = x.clone()
# + covered = x

# %% a graph hangs on the result changes="occlusion"
# - with torch.no_grad():
# + with torch.enable_grad():

# %% the largest class instead of the one asked for changes="occlusion"
# - with torch.no_grad():
# + with torch.no_grad():
# +     target = model(x[None]).argmax()

# %% [markdown]
# ## activation_map


# %% zeros of the right shape answers="activation_map"
def activation_map(maps, weight, target):
    return maps.new_zeros(len(maps), *maps.shape[2:])


# %% the course's own answers="activation_map"
def activation_map(maps, weight, target):
    layer = nn.Linear(weight.shape[1], len(weight)).double()
    layer.weight.data = weight
    return understand.cam(maps, layer, target)


# %% memorised the example by hand answers="activation_map"
def activation_map(maps, weight, target):
    return torch.tensor([[[3.0, 0.0], [0.0, -2.0]]]).double()


# %% the first picture's class for all changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,k->bhw", maps, weight[target[0]])

# %% cut off at zero changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bhw", maps, weight[target]).relu()

# %% divided by the number of places changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bhw", maps, weight[target]) / maps[0, 0].numel()

# %% the mean over the maps changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bhw", maps, weight[target]) / maps.shape[1]

# %% scaled to 0 … 1 changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + heat = torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return (heat - heat.amin((1, 2), keepdim=True)) / (heat.amax((1, 2), keepdim=True) - heat.amin((1, 2), keepdim=True))

# %% height and width exchanged changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bwh", maps, weight[target])

# %% weights of a column changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bhw", maps, weight.flatten()[: weight.numel()].view(weight.shape[1], -1).T[target])

# %% keeps an axis for the maps changes="activation_map"
# - return torch.einsum("bkhw,bk->bhw", maps, weight[target])
# + return torch.einsum("bkhw,bk->bhw", maps, weight[target])[:, None]

# %% [markdown]
# ## grad_cam


# %% zeros of the right shape answers="grad_cam"
def grad_cam(features, head, x, target):
    return torch.zeros_like(features(x)[:, 0]).detach()


# %% the course's own answers="grad_cam"
def grad_cam(features, head, x, target):
    return understand.grad_cam(nn.Sequential(features, head), "0", x, target)


# %% memorised the example by hand answers="grad_cam"
def grad_cam(features, head, x, target):
    return torch.tensor([[[0.0, 0.0], [1.0, 2.0]]]).double()


# %% no ReLU changes="grad_cam"
# - return (alpha * maps).sum(1).relu().detach()
# + return (alpha * maps).sum(1).detach()

# %% the ReLU before the sum changes="grad_cam"
# - return (alpha * maps).sum(1).relu().detach()
# + return (alpha * maps).relu().sum(1).detach()

# %% the sum of the slopes, not their mean changes="grad_cam"
# - alpha = slope.mean((2, 3), keepdim=True)
# + alpha = slope.sum((2, 3), keepdim=True)

# %% slope times map, place by place changes="grad_cam"
# - alpha = slope.mean((2, 3), keepdim=True)
# + alpha = slope

# %% only positive slopes count changes="grad_cam"
# - alpha = slope.mean((2, 3), keepdim=True)
# + alpha = slope.relu().mean((2, 3), keepdim=True)

# %% one set of weights for the batch changes="grad_cam"
# - alpha = slope.mean((2, 3), keepdim=True)
# + alpha = slope.mean((0, 2, 3), keepdim=True)

# %% the mean over the maps changes="grad_cam"
# - return (alpha * maps).sum(1).relu().detach()
# + return (alpha * maps).mean(1).relu().detach()

# %% the slope of the probability changes="grad_cam"
# - wanted = head(maps).gather(1, target[:, None]).sum()
# + wanted = head(maps).softmax(1).gather(1, target[:, None]).sum()

# %% the slope of all logits changes="grad_cam"
# - wanted = head(maps).gather(1, target[:, None]).sum()
# + wanted = head(maps).sum()

# %% the first picture's class for all changes="grad_cam"
# - wanted = head(maps).gather(1, target[:, None]).sum()
# + wanted = head(maps)[:, target[0]].sum()

# %% backward writes into the weights changes="grad_cam"
# - (slope,) = torch.autograd.grad(wanted, maps)
# + wanted.backward()
# + slope = maps.grad

# %% needs weights that ask for gradients changes="grad_cam"
# - maps = features(x).detach().requires_grad_()
# + maps = features(x)
# + maps = maps if maps.requires_grad else maps.clone()

# %% a graph hangs on the result changes="grad_cam"
# - maps = features(x).detach().requires_grad_()
# + maps = features(x).clone()
# + maps = maps if maps.requires_grad else maps.requires_grad_()

# - return (alpha * maps).sum(1).relu().detach()
# + return (alpha * maps).sum(1).relu()

# %% scaled to a maximum of 1 changes="grad_cam"
# - return (alpha * maps).sum(1).relu().detach()
# + heat = (alpha * maps).sum(1).relu().detach()
# + return heat / heat.amax((1, 2), keepdim=True)

# %% [markdown]
# ## maximise


# %% zeros: black pictures answers="maximise"
def maximise(model, x, unit, steps, lr, decay):
    return torch.zeros_like(x)


# %% the picture as it was answers="maximise"
def maximise(model, x, unit, steps, lr, decay):
    return x.clone()


# %% memorised the example by hand answers="maximise"
def maximise(model, x, unit, steps, lr, decay):
    values = [0.68, 0.14] if decay else [[0.6, 0.3], [0.7, 0.1], [0.8, 0.0]][steps - 1]
    return torch.tensor([[[values]]], dtype=torch.float64)


# %% descends changes="maximise"
# - x = (x + lr * slope).clamp(0, 1)
# + x = (x - lr * slope).clamp(0, 1)

# %% clips once, at the end changes="maximise"
# - x = (x + lr * slope).clamp(0, 1)
# + x = x + lr * slope

# - return x.detach()
# + return x.detach().clamp(0, 1)

# %% never clips changes="maximise"
# - x = (x + lr * slope).clamp(0, 1)
# + x = x + lr * slope

# %% a decay towards black changes="maximise"
# - objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
# + objective = model(x)[:, unit].sum() - decay * x.square().sum()

# %% a decay that pushes away from grey changes="maximise"
# - objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
# + objective = model(x)[:, unit].sum() + decay * (x - 0.5).square().sum()

# %% no decay changes="maximise"
# - objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
# + objective = model(x)[:, unit].sum()

# %% means instead of sums changes="maximise"
# - objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
# + objective = model(x)[:, unit].mean() - decay * (x - 0.5).square().mean()

# %% the probability instead of the logit changes="maximise"
# - objective = model(x)[:, unit].sum() - decay * (x - 0.5).square().sum()
# + objective = model(x).softmax(1)[:, unit].sum() - decay * (x - 0.5).square().sum()

# %% steps by the sign changes="maximise"
# - x = (x + lr * slope).clamp(0, 1)
# + x = (x + lr * slope.sign()).clamp(0, 1)

# %% one step too many changes="maximise"
# - for _ in range(steps):
# + for _ in range(steps + 1):

# %% all steps along the first slope changes="maximise"
# - for _ in range(steps):
# + lr, steps = lr * steps, 1
# + for _ in range(steps):

# %% backward writes into the weights changes="maximise"
# - (slope,) = torch.autograd.grad(objective, x)
# + objective.backward()
# + slope = x.grad

# %% a graph hangs on the result changes="maximise"
# - return x.detach()
# + return x

# %% [markdown]
# ## fgsm


# %% zeros: black pictures answers="fgsm"
def fgsm(model, x, labels, epsilon):
    return torch.zeros_like(x)


# %% the picture as it was answers="fgsm"
def fgsm(model, x, labels, epsilon):
    return x.clone()


# %% the course's own answers="fgsm"
def fgsm(model, x, labels, epsilon):
    return understand.adversarial_step(model, x, labels, epsilon)


# %% memorised the example by hand answers="fgsm"
def fgsm(model, x, labels, epsilon):
    first = [0.4, 0.6, 0.5] if labels[0] == 1 else [0.6, 0.4, 0.5]
    return torch.tensor([[[first]], [[[0.0, 1.0, 0.3]]]], dtype=torch.float64)


# %% noise of the same size answers="fgsm"
def fgsm(model, x, labels, epsilon):
    return (x + epsilon * torch.randn_like(x).sign()).clamp(0, 1)


# %% down the loss changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x - epsilon * slope.sign()).clamp(0, 1).detach()

# %% no sign changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + epsilon * slope).clamp(0, 1).detach()

# %% the slope of length epsilon changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + epsilon * slope / slope.norm()).clamp(0, 1).detach()

# %% no clipping changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + epsilon * slope.sign()).detach()

# %% clips the change, not the picture changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + (epsilon * slope.sign()).clamp(0, 1)).detach()

# %% the logit of the label instead of the loss changes="fgsm"
# - loss = F.cross_entropy(model(x), labels, reduction="sum")
# + loss = -model(x).gather(1, labels[:, None]).sum()

# %% the network's own answers as labels changes="fgsm"
# - loss = F.cross_entropy(model(x), labels, reduction="sum")
# + loss = F.cross_entropy(model(x), model(x).argmax(1), reduction="sum")

# %% softmax twice changes="fgsm"
# - loss = F.cross_entropy(model(x), labels, reduction="sum")
# + loss = F.mse_loss(model(x).softmax(1), F.one_hot(labels, model(x).shape[1]).to(x), reduction="sum")

# %% the first label for all changes="fgsm"
# - loss = F.cross_entropy(model(x), labels, reduction="sum")
# + loss = F.cross_entropy(model(x), labels[:1].expand(len(x)), reduction="sum")

# %% no pixel may stay changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + epsilon * torch.where(slope >= 0, 1.0, -1.0)).clamp(0, 1).detach()

# %% backward writes into the weights changes="fgsm"
# - (slope,) = torch.autograd.grad(loss, x)
# + loss.backward()
# + slope = x.grad

# %% trains the network instead changes="fgsm"
# - (slope,) = torch.autograd.grad(loss, x)
# + (slope,) = torch.autograd.grad(loss, x, retain_graph=True)
# + for p, g in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
# +     p.data -= 0.01 * g

# %% a graph hangs on the result changes="fgsm"
# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return (x + epsilon * slope.sign()).clamp(0, 1)

# %% changes the picture it was given changes="fgsm"
# - x = x.detach().clone().requires_grad_()
# + given, x = x, x.detach().clone().requires_grad_()

# - return (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + given.data = (x + epsilon * slope.sign()).clamp(0, 1).detach()
# + return given.clone()
