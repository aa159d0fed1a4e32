# %% [markdown]
# # Other right answers to assignment 05
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Standard deviation of the first weights


# %% two branches, two fans answers="initial_std"
def initial_std(shape, rule):
    window = 1
    for side in shape[2:]:
        window *= side
    fan_in = shape[1] * window
    if rule == "xavier":
        fan_out = shape[0] * window
        return (2.0 / (fan_in + fan_out)) ** 0.5
    return (2.0 / fan_in) ** 0.5


# %% counts the numbers of a tensor answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    weight = torch.empty(shape)
    reads, feeds = weight[0].numel(), weight[:, 0].numel()
    variance = {"he": 2 / reads, "xavier": 2 / (reads + feeds)}[rule]
    return variance**0.5


# %% [markdown]
# ## First weights


# %% filled in place answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    weights = torch.empty(*shape)
    if uniform:
        edge = 3**0.5 * std
        return weights.uniform_(-edge, edge)
    return weights.normal_(0, std)


# %% from torch.distributions, and a difference of two even numbers' parts answers="draw"
def draw(shape, std, uniform=False):
    if not uniform:
        return torch.distributions.Normal(0.0, std).sample(shape)
    return std * 12**0.5 * (torch.rand(shape) - 0.5)


# %% Box and Muller answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    first = 1 - torch.rand(shape, dtype=torch.float64)  # never 0
    if uniform:
        return ((1 - 2 * first) * (std * math.sqrt(3))).float()
    radius = (-2 * first.log()).sqrt()
    return (std * radius * (2 * math.pi * torch.rand(shape, dtype=torch.float64)).cos()).float()


# %% [markdown]
# ## Batch norm


# %% channels in front answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    rows = x.movedim(1, 0)  # [C, B, ...]
    flat = rows.reshape(x.shape[1], -1)
    if mean is None:
        mean = flat.mean(1)
        var = ((flat - mean[:, None]) ** 2).mean(1)
    flat = (flat - mean[:, None]) / torch.sqrt(var[:, None] + eps)
    flat = gamma[:, None] * flat + beta[:, None]
    return flat.reshape(rows.shape).movedim(0, 1)


# %% always four axes answers="batch_norm"
def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor | None = None, var: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    images = x if x.ndim == 4 else x[:, :, None, None]
    if mean is None:
        var, mean = torch.var_mean(images, dim=(0, 2, 3), unbiased=False)
    gamma, beta, mean, var = (v.reshape(1, -1, 1, 1) for v in (gamma, beta, mean, var))
    return (gamma * (images - mean) * (var + eps) ** -0.5 + beta).reshape(x.shape)


# %% channel by channel, with E[x²] − E[x]² about a shifted origin answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    channels = []
    for c in range(x.shape[1]):
        values = x[:, c]
        if mean is None:
            mu = values.mean()
            sigma2 = (values - mu).square().sum() / values.numel()
        else:
            mu, sigma2 = mean[c], var[c]
        channels.append((values - mu) / (sigma2 + eps).sqrt() * gamma[c] + beta[c])
    return torch.stack(channels, dim=1)


# %% [markdown]
# ## Running averages


# %% a step towards the batch answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    rows = x.transpose(0, 1).flatten(1)  # [C, n]
    return mean.lerp(rows.mean(1), momentum), var.lerp(rows.var(1), momentum)


# %% Bessel's correction written out answers="remember"
def remember(x, mean, var, momentum=0.1):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    n = x.numel() // x.shape[1]
    new_mean = x.mean(axes)
    biased = (x * x).mean(axes) - new_mean * new_mean
    mean = mean + momentum * (new_mean - mean)
    var = var + momentum * (biased * n / (n - 1) - var)
    return mean, var


# %% [markdown]
# ## Batch norm's gradients


# %% three paths, as in the paper answers="batch_norm_backward"
def batch_norm_backward(grad, x, gamma, eps=1e-5):
    shape = x.shape
    x, grad = (v.transpose(0, 1).reshape(shape[1], -1) for v in (x, grad))  # [C, n]
    n = x.shape[1]
    centred = x - x.sum(1, keepdim=True) / n
    var = (centred**2).sum(1, keepdim=True) / n
    root = (var + eps).sqrt()
    of_hat = grad * gamma[:, None]
    of_var = (of_hat * centred).sum(1, keepdim=True) * -0.5 / root**3
    of_mean = -(of_hat / root).sum(1, keepdim=True) + of_var * (-2 * centred).sum(1, keepdim=True) / n
    of_x = of_hat / root + of_var * 2 * centred / n + of_mean / n
    back = (shape[1], shape[0], *shape[2:])
    return of_x.reshape(back).transpose(0, 1), (grad * centred / root).sum(1), grad.sum(1)


# %% the Jacobian of each channel as a matrix answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    of_x, of_gamma, of_beta = torch.empty_like(x), torch.empty_like(gamma), torch.empty_like(gamma)
    for c in range(x.shape[1]):
        values, g = x[:, c].reshape(-1), grad[:, c].reshape(-1)
        n = len(values)
        sigma = (values.var(correction=0) + eps).sqrt()
        hat = (values - values.mean()) / sigma
        jacobian = (torch.eye(n, dtype=x.dtype) - 1 / n - torch.outer(hat, hat) / n) / sigma
        of_x[:, c] = (gamma[c] * jacobian @ g).reshape(x[:, c].shape)
        of_gamma[c], of_beta[c] = g @ hat, g.sum()
    return of_x, of_gamma, of_beta


# %% [markdown]
# ## Dropout


# %% torch.bernoulli and torch.where answers="dropout"
def dropout(x, p=0.5, training=True):
    if p < 0 or p >= 1:
        raise ValueError("The probability must lie in [0, 1).")
    if training and p > 0:
        keep = torch.bernoulli(torch.full(x.shape, 1.0 - p)).bool()
        x = torch.where(keep, x / (1 - p), torch.zeros_like(x))
    return x


# %% a factor made in place answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not (p >= 0 and p < 1):
        raise ValueError(f"dropout with probability {p} makes no sense: take 0 <= p < 1")
    if training:
        return x * x.new_empty(x.shape).bernoulli_(1 - p).div_(1 - p)
    return x.clone()


# %% masked_fill answers="dropout"
def dropout(x, p=0.5, training=True):
    if p >= 1:
        raise ValueError("with p = 1 or more nothing would be left")
    if p < 0:
        raise ValueError("a probability cannot be negative")
    if not training:
        return x
    scaled = x / (1 - p)
    return scaled.masked_fill(torch.rand(x.shape) < p, 0.0)


# %% [markdown]
# ## Adam's step


# %% name by name, with ifs answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    beta1, beta2 = betas
    g = grad
    if l2 != 0:
        g = g + l2 * w
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    if decay != 0:
        w = w * (1 - lr * decay)
    return w - lr * m_hat / (torch.sqrt(v_hat) + eps), m, v


# %% in place, on copies answers="adam_step"
def adam_step(
    w: Tensor, grad: Tensor, m: Tensor, v: Tensor, t: int, lr: float, l2: float = 0.0, decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    grad = grad.add(w, alpha=l2)
    w, m, v = w.clone(), m.clone(), v.clone()
    m.lerp_(grad, 1 - betas[0])
    v.mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    root = v.sqrt().div_(math.sqrt(1 - betas[1] ** t)).add_(eps)
    w.mul_(1 - lr * decay)
    w.addcdiv_(m, root, value=-lr / (1 - betas[0] ** t))
    return w, m, v


# %% [markdown]
# ## Learning rate


# %% two ifs and an end answers="learning_rate"
def learning_rate(step, steps, peak, warm_up=0):
    if step >= steps:
        return 0.0
    if step < warm_up:
        return step / warm_up * peak
    angle = math.pi * (step - warm_up) / (steps - warm_up)
    return 0.5 * peak * (1.0 + math.cos(angle))


# %% a squared cosine answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    climb = 1.0 if warm_up == 0 else min(1.0, step / warm_up)
    way = max(0, min(step, steps) - warm_up) / (steps - warm_up)
    return peak * climb * math.cos(way * math.pi / 2) ** 2


# %% [markdown]
# ## Diagnosis


# %% places in the lists answers="diagnosis"
places = {"A": (7, 6), "B": (5, 5), "C": (6, 3), "D": (2, 2), "E": (3, 0)}
diagnosis = {run: (ILLNESSES[illness], REMEDIES[remedy]) for run, (illness, remedy) in places.items()}


# %% entry by entry, as lists, in another order answers="diagnosis"
diagnosis = {}
diagnosis["C"] = ["signal dies in the depth", "He initialisation or batch norm"]
diagnosis["E"] = ["learning rate too low", "a higher learning rate"]
diagnosis["D"] = ["learning rate too high", "a lower learning rate"]
diagnosis["B"] = ["overfitting", "more data, augmentation or dropout"]
diagnosis["A"] = ["validation images prepared differently", "one function that prepares all images"]
