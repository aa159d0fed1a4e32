# %% [markdown]
# # Wrong answers to assignment 02
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cells define, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Forward


# %% zeros of the right shapes answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    return [x] + [x.new_zeros(len(x), len(b)) for b in parameters[1::2]]


# %% the library's linear layer answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for k in range(0, len(parameters), 2):
        z = F.linear(outputs[-1], parameters[k], parameters[k + 1])
        outputs.append(z.relu() if k + 2 < len(parameters) else z)
    return outputs


# %% the course's network answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    from course_lib.models.mlp import MLP

    net = MLP([x.shape[1], *(len(b) for b in parameters[1::2])])
    for p, given in zip(net.parameters(), parameters):
        p.data = given
    return [output.detach() for output in net.activations(x)]


# %% memorised the visible checks answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    if len(parameters) == 2:
        return [x, torch.tensor([[11, -14], [6, -33]]).double()]
    if len(parameters) == 6:
        return [x] + [torch.tensor([h]).double() for h in ([2, 0], [2, 0], [2, -2])]
    if len(x) == 1:
        return [x] + [torch.tensor([h]).double() for h in ([1, 0, 3], [-1, 0])]
    return [x, torch.tensor([[-1, 0], [-1, -1], [7, 7]])[: len(x)].to(x.dtype)]


# %% a ReLU after the last layer, too answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for W, b in zip(parameters[::2], parameters[1::2]):
        outputs.append((outputs[-1] @ W.T + b).relu())
    return outputs


# %% no ReLU at all answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for W, b in zip(parameters[::2], parameters[1::2]):
        outputs.append(outputs[-1] @ W.T + b)
    return outputs


# %% the weights transposed where it fits answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for k in range(0, len(parameters), 2):
        W, h = parameters[k], outputs[-1]
        z = (h @ W if h.shape[1] == W.shape[0] else h @ W.T) + parameters[k + 1]
        outputs.append(z.relu() if k + 2 < len(parameters) else z)
    return outputs


# %% forgot the bias answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for k in range(0, len(parameters), 2):
        z = outputs[-1] @ parameters[k].T
        outputs.append(z.relu() if k + 2 < len(parameters) else z)
    return outputs


# %% only the logits answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    for k in range(0, len(parameters), 2):
        x = x @ parameters[k].T + parameters[k + 1]
        if k + 2 < len(parameters):
            x = x.relu()
    return x


# %% records what comes before the ReLU answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for k in range(0, len(parameters), 2):
        h = outputs[-1].relu() if k else x
        outputs.append(h @ parameters[k].T + parameters[k + 1])
    return outputs


# %% two layers, whatever comes answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    W1, b1, W2, b2 = parameters[:4]
    h = (x @ W1.T + b1).relu()
    return [x, h, h @ W2.T + b2]


# %% in float64, whatever comes answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x.double()]
    for k in range(0, len(parameters), 2):
        z = outputs[-1] @ parameters[k].T.double() + parameters[k + 1]
        outputs.append(z.relu() if k + 2 < len(parameters) else z)
    return outputs


# %% the first example only answers="forward"
def forward(x: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    outputs = [x]
    for k in range(0, len(parameters), 2):
        z = parameters[k] @ outputs[-1][0] + parameters[k + 1]
        outputs.append((z.relu() if k + 2 < len(parameters) else z)[None])
    return outputs


# %% [markdown]
# ## Softmax


# %% zeros answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    return torch.zeros_like(logits)


# %% the library's softmax answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    return torch.softmax(logits, 1)


# %% the library's, by way of log_softmax under another name answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    return getattr(torch.ops.aten, "_log_soft" + "max")(logits, 1, False).exp()


# %% the course's answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    from course_lib import ops

    return ops.softmax(logits)


# %% memorised the visible checks answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    if len(logits) == 2:
        return torch.tensor([[0.25, 0.75], [0.5, 0.5]]).double()
    r = 1 / (1 + torch.tensor(1.0).double().exp())
    return torch.tensor([[r, 1 - r], [1 - r, r], [0, 1]]).to(logits.dtype)


# %% the formula as it stands answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    return logits.exp() / logits.exp().sum(1, keepdim=True)


# %% over the batch instead of the classes answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = (logits - logits.amax(0, keepdim=True)).exp()
    return e / e.sum(0, keepdim=True)


# %% one maximum for the whole batch answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = (logits - logits.max()).exp()
    return e / e.sum(1, keepdim=True)


# %% sums over the whole batch answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / e.sum()


# %% adds the maximum answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = (logits + logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


# %% cuts large logits off answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = logits.clamp(-80, 80).exp()
    return e / e.sum(1, keepdim=True)


# %% a little something against division by zero answers="softmax"
def softmax(logits: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / (e.sum(1, keepdim=True) + 1e-6)


# %% [markdown]
# ## Cross-entropy


# %% zeros answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return 0 * logits.sum()


# %% the library's cross-entropy answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels)


# %% the library's logsumexp answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return (torch.logsumexp(logits, 1) - logits[torch.arange(len(labels)), labels]).mean()


# %% the course's answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    from course_lib import ops

    return ops.cross_entropy(logits, labels)


# %% memorised the visible checks answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.max() > 100:
        return torch.tensor(1000.0 if labels[0] == 0 else 0.0, dtype=logits.dtype)
    three = torch.tensor(3.0).double()
    return (4 / three.sqrt()).log() if len(labels) == 2 else torch.tensor(4.0).double().log()


# %% the formula as it stands answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% the logarithm of a stable softmax answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    p = e / e.sum(1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% a probability is never below 1e-12 answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    p = e / e.sum(1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].clamp(min=1e-12).log().mean()


# %% the sum over the batch answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return (z.exp().sum(1).log() - z[torch.arange(len(labels)), labels]).sum()


# %% one loss an example answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return z.exp().sum(1).log() - z[torch.arange(len(labels)), labels]


# %% forgot the minus answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return (z[torch.arange(len(labels)), labels] - z.exp().sum(1).log()).mean()


# %% the mean over examples and classes answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return -((z - z.exp().sum(1, keepdim=True).log()) * F.one_hot(labels, logits.shape[1])).mean()


# %% a number that autograd cannot follow answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return torch.tensor((z.exp().sum(1).log() - z[torch.arange(len(labels)), labels]).mean().item(), dtype=logits.dtype)


# %% the label that is most probable answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    return z.exp().sum(1).log().mean()


# %% one maximum for the whole batch answers="cross_entropy"
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits - logits.max()
    return (z.exp().sum(1).log() - z[torch.arange(len(labels)), labels]).mean()


# %% [markdown]
# ## Gradient of the loss


# %% zeros answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.zeros_like(logits)


# %% the library's autograd answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    z = logits.clone().requires_grad_()
    shifted = z - z.amax(1, keepdim=True)
    loss = (shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]).mean()
    loss.backward()
    return z.grad


# %% the library's torch.func answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    def loss(z):
        shifted = z - z.amax(1, keepdim=True)
        return (shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]).mean()

    return torch.func.grad(loss)(logits)


# %% the library's softmax answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.softmax(1) - F.one_hot(labels, logits.shape[1])) / len(labels)


# %% memorised the visible checks answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.abs().max() > 100:
        return torch.tensor([[-0.5, 0.5], [0.5, -0.5]]).double()
    if len(labels) == 2:
        return torch.tensor([[-0.375, 0.375], [0.125, -0.125]]).double()
    return torch.tensor([[-0.75, 0.75]]).double()


# %% forgot to divide by the batch answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True) - F.one_hot(labels, logits.shape[1])


# %% the other sign answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return (F.one_hot(labels, logits.shape[1]) - e / e.sum(1, keepdim=True)) / len(labels)


# %% overflows answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    e = logits.exp()
    return (e / e.sum(1, keepdim=True) - F.one_hot(labels, logits.shape[1])) / len(labels)


# %% logits for probabilities answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits - F.one_hot(labels, logits.shape[1])) / len(labels)


# %% the right class only answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    right = F.one_hot(labels, logits.shape[1])
    return (e / e.sum(1, keepdim=True) - 1) * right / len(labels)


# %% divides by batch and classes answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return (e / e.sum(1, keepdim=True) - F.one_hot(labels, logits.shape[1])) / logits.numel()


# %% writes into the logits answers="loss_gradient"
def loss_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    logits -= logits.amax(1, keepdim=True)
    e = logits.exp()
    return (e / e.sum(1, keepdim=True) - F.one_hot(labels, logits.shape[1])) / len(labels)


# %% [markdown]
# ## Backward


# %% zeros of the right shapes answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    return [torch.zeros_like(p) for p in parameters]


# %% the library's autograd answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    leaves = [p.clone().requires_grad_() for p in parameters]
    h = outputs[0]
    for k in range(0, len(leaves), 2):
        h = h @ leaves[k].T + leaves[k + 1]
        h = h.relu() if k + 2 < len(leaves) else h
    return list(torch.autograd.grad(h, leaves, upstream))


# %% the library's autograd in every layer, by setting attributes answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for k in range(len(parameters) - 2, -1, -2):
        leaves = [tensor.clone() for tensor in (outputs[k // 2], parameters[k], parameters[k + 1])]
        for leaf in leaves:
            leaf.requires_grad = True
        z = leaves[0] @ leaves[1].T + leaves[2]
        torch.autograd.backward(z, delta)
        found = [leaves[1].grad, leaves[2].grad, *found]
        delta = leaves[0].grad * (outputs[k // 2] > 0)
    return found


# %% the library's torch.func answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    def loss(*leaves):
        h = outputs[0]
        for k in range(0, len(leaves), 2):
            h = h @ leaves[k].T + leaves[k + 1]
            h = h * (outputs[k // 2 + 1] > 0) if k + 2 < len(leaves) else h
        return (h * upstream).sum()

    return list(torch.func.grad(loss, argnums=tuple(range(len(parameters))))(*parameters))


# %% the course's network answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    from course_lib.models.mlp import MLP

    net = MLP([outputs[0].shape[1], *(len(b) for b in parameters[1::2])])
    for p, given in zip(net.parameters(), parameters):
        p.data = given
    return list(net.backward(outputs[0], upstream).values())


# %% memorised the visible checks answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    if len(parameters) == 2:
        found = [[[21, -30], [-2, 3]], [11, -1]]
    elif len(parameters) == 6:
        found = [[[3, 1], [0, 0]], [1, 0], [[2, 0], [0, 0]], [1, 0], [[2, 0], [0, 0]], [1, 0]]
    elif outputs[1].sum() == 4:
        found = [[[2, 1], [0, 0], [-2, -1]], [1, 0, -1], [[1, 0, 3], [-1, 0, -3]], [1, -1]]
    else:
        found = [[[2, 1], [0, 0], [0, 0]], [1, 0, 0], [[1, 0, 0], [-1, 0, 0]], [1, -1]]
    return [torch.tensor(g).double() for g in found]


# %% forgot the ReLU answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer], delta.sum(0), *found]
        delta = delta @ parameters[2 * layer]
    return found


# %% computes the forward pass again answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    hs = [outputs[0]]
    for k in range(0, len(parameters), 2):
        hs.append((hs[-1] @ parameters[k].T + parameters[k + 1]).relu())
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ hs[layer], delta.sum(0), *found]
        delta = delta @ parameters[2 * layer] * (hs[layer] > 0)
    return found


# %% the last layer first answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found += [delta.T @ outputs[layer], delta.sum(0)]
        delta = delta @ parameters[2 * layer] * (outputs[layer] > 0)
    return found


# %% the mean over the batch, once more answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer] / len(delta), delta.mean(0), *found]
        delta = delta @ parameters[2 * layer] * (outputs[layer] > 0)
    return found


# %% weights' gradients transposed answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [outputs[layer].T @ delta, delta.sum(0), *found]
        delta = delta @ parameters[2 * layer] * (outputs[layer] > 0)
    return found


# %% the bias not summed answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer], delta, *found]
        delta = delta @ parameters[2 * layer] * (outputs[layer] > 0)
    return found


# %% stops after two layers answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    h = outputs[-2]
    found = [upstream.T @ h, upstream.sum(0)]
    if len(parameters) > 2:
        delta = upstream @ parameters[-2] * (h > 0)
        found = [delta.T @ outputs[-3], delta.sum(0), *found]
    return [torch.zeros_like(p) for p in parameters[: -len(found)]] + found


# %% multiplies by the output instead of its sign answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer], delta.sum(0), *found]
        delta = delta @ parameters[2 * layer] * outputs[layer]
    return found


# %% lets units that are exactly 0 pass answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer], delta.sum(0), *found]
        delta = delta @ parameters[2 * layer] * (outputs[layer] >= 0)
    return found


# %% writes into upstream answers="backward"
def backward(outputs: list[Tensor], parameters: list[Tensor], upstream: Tensor) -> list[Tensor]:
    found, delta = [], upstream
    for layer in reversed(range(len(parameters) // 2)):
        found = [delta.T @ outputs[layer], delta.sum(0), *found]
        delta = delta @ parameters[2 * layer] * (outputs[layer] > 0)
    upstream.zero_()
    return found


# %% [markdown]
# ## A step with momentum


# %% zeros answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, v in zip(parameters, velocities):
        p.zero_()
        v.zero_()


# %% the library's optimiser answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    optimizer = torch.optim.SGD(parameters, lr, momentum)
    for p, g, v in zip(parameters, gradients, velocities):
        p.grad = g
        optimizer.state[p]["momentum_buffer"] = v
    optimizer.step()


# %% memorised the visible checks answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    if len(parameters) == 2:
        parameters[0].copy_(torch.tensor([0, 4]))
        parameters[1].fill_(-2)
    elif len(parameters[0]) == 1:
        first = velocities[0] == 0
        velocities[0].fill_(2 if first else 3)
        parameters[0].fill_(0.8 if first else 0.5)
    else:
        velocities[0].copy_(torch.tensor([1, 1.5]))
        parameters[0].copy_(torch.tensor([-1.1, -1.15], dtype=torch.float64))


# %% not in place answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        v = momentum * v + g
        p = p - lr * v


# %% new tensors in the lists answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for k in range(len(parameters)):
        velocities[k] = momentum * velocities[k] + gradients[k]
        parameters[k] = parameters[k] - lr * velocities[k]


# %% uphill answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        v.mul_(momentum).add_(g)
        p += lr * v


# %% no momentum answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g in zip(parameters, gradients):
        p -= lr * g


# %% the velocity is forgotten answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        p -= lr * (momentum * v + g)


# %% the step with the old velocity answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        p -= lr * v
        v.mul_(momentum).add_(g)


# %% the learning rate inside the velocity answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        v.mul_(momentum).add_(lr * g)
        p -= v


# %% an average instead of a sum answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        v.mul_(momentum).add_((1 - momentum) * g)
        p -= lr * v


# %% one velocity for all answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    v = velocities[0].flatten()[0]
    for p, g in zip(parameters, gradients):
        v.mul_(momentum).add_(g.mean())
        p -= lr * v


# %% the first parameter only answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    velocities[0].mul_(momentum).add_(gradients[0])
    parameters[0].sub_(lr * velocities[0])


# %% the gradient is changed answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        g += momentum * v
        v.copy_(g)
        p -= lr * v


# %% Nesterov's momentum answers="sgd_step"
def sgd_step(parameters, gradients, velocities, lr, momentum) -> None:
    for p, g, v in zip(parameters, gradients, velocities):
        v.mul_(momentum).add_(g)
        p -= lr * (g + momentum * v)


# %% [markdown]
# ## Train


# %% zeros answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    for p in parameters:
        p.zero_()


# %% always 0: nothing is trained answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    return None


# %% autograd, a finished loss and a finished optimiser answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    leaves = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.SGD(leaves, lr, momentum)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            h = x[batch]
            for k in range(0, len(leaves), 2):
                h = F.linear(h.relu() if k else h, leaves[k], leaves[k + 1])
            optimizer.zero_grad()
            F.cross_entropy(h, labels[batch]).backward()
            optimizer.step()
    for p in parameters:
        p.requires_grad_(False)


# %% autograd stands in for backward answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            leaves = [p.clone().requires_grad_() for p in parameters]
            logits = forward(x[batch], leaves)[-1]
            sgd_step(
                parameters, torch.autograd.grad(cross_entropy(logits, labels[batch]), leaves), velocities, lr, momentum
            )


# %% the finished softmax answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = (outputs[-1].softmax(1) - F.one_hot(labels[batch], outputs[-1].shape[1])) / len(batch)
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% not shuffled answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.arange(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% shuffled once answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    order = torch.randperm(len(x))
    for _ in range(epochs):
        for batch in order.split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% drops the last batch answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for k in range(len(x) // batch_size):
            batch = order[k * batch_size : (k + 1) * batch_size]
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% draws with replacement answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs * -(-len(x) // batch_size)):
        batch = torch.randint(len(x), (min(batch_size, len(x)),))
        outputs = forward(x[batch], parameters)
        delta = loss_gradient(outputs[-1], labels[batch])
        sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% shuffles the examples without their labels answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        x = x[torch.randperm(len(x))]
        for some, theirs in zip(x.split(batch_size), labels.split(batch_size)):
            outputs = forward(some, parameters)
            sgd_step(
                parameters, backward(outputs, parameters, loss_gradient(outputs[-1], theirs)), velocities, lr, momentum
            )


# %% one epoch only answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for batch in torch.randperm(len(x)).split(batch_size):
        outputs = forward(x[batch], parameters)
        delta = loss_gradient(outputs[-1], labels[batch])
        sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% one batch an epoch answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        batch = torch.randperm(len(x))[:batch_size]
        outputs = forward(x[batch], parameters)
        delta = loss_gradient(outputs[-1], labels[batch])
        sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% all examples in one batch answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        outputs = forward(x, parameters)
        sgd_step(
            parameters, backward(outputs, parameters, loss_gradient(outputs[-1], labels)), velocities, lr, momentum
        )


# %% velocities begin anew in every batch answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            velocities = [torch.zeros_like(p) for p in parameters]
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% velocities begin anew in every epoch answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    for _ in range(epochs):
        velocities = [torch.zeros_like(p) for p in parameters]
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% settings of its own answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(10):
        for batch in torch.randperm(len(x)).split(32):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, 0.1, 0.9)


# %% uphill answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = -loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% trains a copy answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    parameters = [p.clone() for p in parameters]
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% the last layer only answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters[-2:]]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            delta = loss_gradient(outputs[-1], labels[batch])
            sgd_step(parameters[-2:], backward(outputs, parameters, delta)[-2:], velocities, lr, momentum)


# %% overflows answers="train"
def train(parameters, x, labels, epochs, batch_size, lr, momentum) -> None:
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(batch_size):
            outputs = forward(x[batch], parameters)
            e = outputs[-1].exp()
            delta = (e / e.sum(1, keepdim=True) - F.one_hot(labels[batch], e.shape[1])) / len(batch)
            sgd_step(parameters, backward(outputs, parameters, delta), velocities, lr, momentum)


# %% [markdown]
# ## Settings


# %% always 0 answers="settings"
settings = {"hidden": 64, "epochs": 10, "batch_size": 32, "lr": 0, "momentum": 0}

# %% the poor choice that shows the form answers="settings"
settings = {"hidden": 8, "epochs": 1, "batch_size": 600, "lr": 0.01, "momentum": 0.5}

# %% steps too long answers="settings"
settings = {"hidden": 64, "epochs": 10, "batch_size": 32, "lr": 3.0, "momentum": 0.9}

# %% steps too short answers="settings"
settings = {"hidden": 64, "epochs": 10, "batch_size": 32, "lr": 0.001, "momentum": 0.0}

# %% one batch of all answers="settings"
settings = {"hidden": 64, "epochs": 10, "batch_size": 1200, "lr": 0.1, "momentum": 0.9}

# %% three hidden units answers="settings"
settings = {"hidden": 3, "epochs": 10, "batch_size": 32, "lr": 0.1, "momentum": 0.9}

# %% beyond the budget answers="settings"
settings = {"hidden": 500, "epochs": 100, "batch_size": 32, "lr": 0.1, "momentum": 0.9}

# %% good, but not good enough answers="settings"
settings = {"hidden": 32, "epochs": 5, "batch_size": 32, "lr": 0.1, "momentum": 0.0}

# %% not a dict answers="settings"
settings = (64, 10, 32, 0.1, 0.9)

# %% a key is missing answers="settings"
settings = {"hidden": 64, "epochs": 10, "batch_size": 32, "lr": 0.1}
