# %% [markdown]
# # Wrong answers to assignment 05
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## Standard deviation of the first weights


# %% always 0 answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    return 0.0


# %% the variance, not its root answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    places = math.prod(shape[2:])
    return 2 / (shape[1] * places) if rule == "he" else 2 / ((shape[0] + shape[1]) * places)


# %% forgot the filter's places answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    return math.sqrt(2 / shape[1]) if rule == "he" else math.sqrt(2 / (shape[0] + shape[1]))


# %% fan-in and fan-out exchanged answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    places = math.prod(shape[2:])
    return math.sqrt(2 / (shape[0] * places)) if rule == "he" else math.sqrt(2 / ((shape[0] + shape[1]) * places))


# %% fan-out without the filter's places answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    fan_in = math.prod(shape[1:])
    return math.sqrt(2 / fan_in) if rule == "he" else math.sqrt(2 / (fan_in + shape[0]))


# %% LeCun's 1 over fan-in answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    fan_in = math.prod(shape[1:])
    return math.sqrt(1 / fan_in)


# %% He for both answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    return math.sqrt(2 / math.prod(shape[1:]))


# %% the mean of the fans, without the 2 answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    places = math.prod(shape[2:])
    return math.sqrt(2 / (shape[1] * places)) if rule == "he" else math.sqrt(1 / ((shape[0] + shape[1]) * places))


# %% a tensor, not a float answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    places = math.prod(shape[2:])
    fans = shape[1] * places if rule == "he" else (shape[0] + shape[1]) * places
    return torch.tensor(2 / fans).sqrt()


# %% memorised the visible checks answers="initial_std"
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    if rule == "he":
        return {(50, 8): 0.5, (7, 2): 1.0, (3, 4, 2): 0.5}.get(shape, 0.2)
    return {(5, 3): 0.5, (1, 1): 1.0, (6, 2, 5, 5): 0.1}.get(shape, 0.2)


# %% [markdown]
# ## First weights


# %% zeros of the right shape answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    return torch.zeros(shape)


# %% not random at all answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    even = torch.linspace(-1, 1, math.prod(shape)).view(shape)
    return 3**0.5 * std * even if uniform else torch.special.ndtri((0.99999 * even + 1) / 2) * std


# %% one row for all units answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    row = (2 * torch.rand(shape[1:]) - 1) * 3**0.5 if uniform else torch.randn(shape[1:])
    return (row * std).expand(shape).clone()


# %% uniform over (−std, std) answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    return (2 * torch.rand(shape) - 1) * std if uniform else torch.randn(shape) * std


# %% uniform over (0, 2a) answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    return 2 * torch.rand(shape) * 3**0.5 * std if uniform else torch.randn(shape) * std


# %% multiplied by the variance answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    return (2 * torch.rand(shape) - 1) * 3**0.5 * std**2 if uniform else torch.randn(shape) * std**2


# %% normal in both cases answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    return torch.randn(shape) * std


# %% cut off at two standard deviations answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    if uniform:
        return (2 * torch.rand(shape) - 1) * 3**0.5 * std
    return torch.nn.init.trunc_normal_(torch.empty(shape), std=std / 0.8796, a=-2 * std / 0.8796, b=2 * std / 0.8796)


# %% the same seed every time answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    source = torch.Generator().manual_seed(0)
    if uniform:
        return (2 * torch.rand(shape, generator=source) - 1) * 3**0.5 * std
    return torch.randn(shape, generator=source) * std


# %% the library's He, whatever std is answers="draw"
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    fill = torch.nn.init.kaiming_uniform_ if uniform else torch.nn.init.kaiming_normal_
    return fill(torch.empty(shape), nonlinearity="relu")


# %% [markdown]
# ## Batch norm


# %% zeros of the right shape answers="batch_norm"
def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor | None = None, var: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    return 0 * x + 0 * (gamma.sum() + beta.sum())


# %% the library's, under another name answers="batch_norm"
def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor | None = None, var: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    finished = getattr(F, "batch" + "_norm")
    return finished(x, mean, var, gamma, beta, training=mean is None, eps=eps)


# %% the course's own answers="batch_norm"
from course_lib import ops


def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor | None = None, var: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    if mean is None:
        return ops.batch_norm_formula(x, gamma, beta, eps)[0]
    return ops.batch_norm_inference(x, mean, var, gamma, beta, eps)


# %% over the batch only answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    along = (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(0), x.var(0, correction=0)
    else:
        mean, var = mean.view(along), var.view(along)
    return (x - mean) / (var + eps).sqrt() * gamma.view(along) + beta.view(along)


# %% layer norm: each sample by itself answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    along = (-1, *[1] * (x.ndim - 2))
    over = tuple(range(1, x.ndim))
    if mean is None:
        mean, var = x.mean(over, keepdim=True), x.var(over, correction=0, keepdim=True)
    else:
        mean, var = mean.view(along), var.view(along)
    return (x - mean) / (var + eps).sqrt() * gamma.view(along) + beta.view(along)


# %% one mean for all channels answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    along = (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(), x.var(correction=0)
    else:
        mean, var = mean.view(along), var.view(along)
    return (x - mean) / (var + eps).sqrt() * gamma.view(along) + beta.view(along)


# %% the unbiased variance answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over)
    return (x - mean.view(along)) / (var + eps).sqrt().view(along) * gamma.view(along) + beta.view(along)


# %% divides by the variance answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var + eps).view(along) * gamma.view(along) + beta.view(along)


# %% ε outside of the root answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var.sqrt() + eps).view(along) * gamma.view(along) + beta.view(along)


# %% forgot ε answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / var.sqrt().view(along) * gamma.view(along) + beta.view(along)


# %% γ and β along the columns answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var + eps).sqrt().view(along) * gamma + beta


# %% forgot γ and β answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var + eps).sqrt().view(along)


# %% always in training mode answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var + eps).sqrt().view(along) * gamma.view(along) + beta.view(along)


# %% statistics without a gradient answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        with torch.no_grad():
            mean, var = x.mean(over), x.var(over, correction=0)
    return (x - mean.view(along)) / (var + eps).sqrt().view(along) * gamma.view(along) + beta.view(along)


# %% writes into x answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    x -= mean.view(along)
    return x / (var + eps).sqrt().view(along) * gamma.view(along) + beta.view(along)


# %% memorised the visible example answers="batch_norm"
def batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is not None:
        return torch.tensor([[2.0], [0.0], [-2.0]], dtype=x.dtype)[: len(x)]
    if x.shape == (4, 2):
        one, other = -(3**-0.5), 3**0.5
        return torch.tensor([[-1, one], [-1, one], [1, one], [1, other]], dtype=x.dtype)
    if x.ndim == 2:
        return (3.0 + 0 * x) * gamma
    hat = torch.tensor([[[-1.5, -0.5], [-0.5, -0.5]], [[0, 0], [1, 2]]]).to(x)[:, None] * (0.5 if eps else 1)
    return hat * gamma.view(-1, 1, 1) + beta.view(-1, 1, 1)


# %% [markdown]
# ## Running averages


# %% zeros answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(mean), torch.zeros_like(var)


# %% the old ones answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    return mean, var


# %% the batch's own answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return x.mean(over), x.var(over)


# %% momentum the other way round answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return momentum * mean + (1 - momentum) * x.mean(over), momentum * var + (1 - momentum) * x.var(over)


# %% remembers the biased variance answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return mean.lerp(x.mean(over), momentum), var.lerp(x.var(over, correction=0), momentum)


# %% corrects for the images, not for the values answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    unbiased = x.var(over, correction=0) * len(x) / (len(x) - 1)
    return mean.lerp(x.mean(over), momentum), var.lerp(unbiased, momentum)


# %% always a tenth answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return 0.9 * mean + 0.1 * x.mean(over), 0.9 * var + 0.1 * x.var(over)


# %% averages the standard deviation answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return mean.lerp(x.mean(over), momentum), var.sqrt().lerp(x.std(over), momentum) ** 2


# %% adds without forgetting answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    return mean + momentum * x.mean(over), var + momentum * x.var(over)


# %% memorised the visible checks answers="remember"
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    if x.ndim == 2:
        return torch.tensor([0.3], dtype=x.dtype), torch.tensor([1.7], dtype=x.dtype)
    return torch.tensor([8.0]).double(), torch.tensor([2.25]).double()


# %% [markdown]
# ## Batch norm's gradients


# %% zeros answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros_like(x), torch.zeros_like(gamma), torch.zeros_like(gamma)


# %% the library's autograd answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    x, gamma, beta = (v.detach().clone().requires_grad_() for v in (x, gamma, torch.zeros_like(gamma)))
    hat = (x - x.mean(over, keepdim=True)) / (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    return torch.autograd.grad(hat * gamma.view(along) + beta.view(along), (x, gamma, beta), grad)


# %% the library's backward() answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    x, gamma, beta = (v.detach().clone().requires_grad_() for v in (x, gamma, torch.zeros_like(gamma)))
    hat = (x - x.mean(over, keepdim=True)) / (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    (hat * gamma.view(along) + beta.view(along)).backward(grad)
    return x.grad, gamma.grad, beta.grad


# %% the library's finished derivative answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    mean, inverse = x.mean(over), (x.var(over, correction=0) + eps).rsqrt()
    return torch.ops.aten.native_batch_norm_backward(
        grad, x, gamma, None, None, mean, inverse, True, eps, [True, True, True]
    )


# %% mean and variance taken for constants answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(over, keepdim=True)) / std
    return grad * gamma.view(along) / std, (grad * hat).sum(over), grad.sum(over)


# %% without the path through the variance answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(over, keepdim=True)) / std
    of_x = (grad - grad.mean(over, keepdim=True)) * gamma.view(along) / std
    return of_x, (grad * hat).sum(over), grad.sum(over)


# %% forgot γ on the way to x answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over = (0, *range(2, x.ndim))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(over, keepdim=True)) / std
    share = (grad * hat).mean(over, keepdim=True)
    of_x = (grad - grad.mean(over, keepdim=True) - hat * share) / std
    return of_x, (grad * hat).sum(over), grad.sum(over)


# %% means where sums belong answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(over, keepdim=True)) / std
    share = (grad * hat).mean(over, keepdim=True)
    of_x = gamma.view(along) / std * (grad - grad.mean(over, keepdim=True) - hat * share)
    return of_x, (grad * hat).mean(over), grad.mean(over)


# %% γ's gradient from x, not from what it was normalised to answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    over, along = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    hat = (x - x.mean(over, keepdim=True)) / std
    share = (grad * hat).mean(over, keepdim=True)
    of_x = gamma.view(along) / std * (grad - grad.mean(over, keepdim=True) - hat * share)
    return of_x, (grad * x).sum(over), grad.sum(over)


# %% over the batch only answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    along = (-1, *[1] * (x.ndim - 2))
    std = (x.var(0, correction=0) + eps).sqrt()
    hat = (x - x.mean(0)) / std
    of_x = gamma.view(along) / std * (grad - grad.mean(0) - hat * (grad * hat).mean(0))
    return of_x, (grad * hat).sum(0), grad.sum(0)


# %% memorised the visible example answers="batch_norm_backward"
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    of_x = torch.tensor([[[[1, -1], [0, 0]], [[-0.5, 0.5], [0, 0]]]]).double()
    if x.ndim == 2:
        of_x = of_x[0, 0].view(4, 1) if len(x) == 4 else torch.zeros(2, 1).double()
    return of_x, torch.tensor([-1.0]).double(), torch.tensor([1.0]).double()


# %% [markdown]
# ## Dropout


# %% zeros of the right shape answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    return 0 * x


# %% the library's answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return getattr(F, "drop" + "out")(x, p, training)


# %% the course's own answers="dropout"
from course_lib import ops


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return ops.dropout(x, p, training)


# %% as published: scaled in evaluation answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) >= p) if training else x * (1 - p)


# %% forgot to scale answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) >= p) if training else x


# %% divides by p answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) >= p) / p if training else x


# %% keeps a share p answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) < p) / (1 - p) if training else x


# %% drops in evaluation too answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% one mask for the whole batch answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand(x.shape[1:]) >= p) / (1 - p) if training else x


# %% whole rows answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand(len(x), *[1] * (x.ndim - 1)) >= p) / (1 - p) if training else x


# %% the same mask every time answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= p) / (1 - p)


# %% cut off from the gradient answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x.detach() * (torch.rand_like(x) >= p) / (1 - p) if training else x


# %% writes zeros into x answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if training:
        x.data[torch.rand_like(x) < p] = 0
        return x / (1 - p)
    return x


# %% lets a p of 1 pass answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError("p must be at least 0 and at most 1")
    return x * (torch.rand_like(x) >= p) / (1 - p) if training else x


# %% refuses in training only answers="dropout"
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    if not training:
        return x
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% [markdown]
# ## Adam's step


# %% zeros answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    return torch.zeros_like(w), torch.zeros_like(w), torch.zeros_like(w)


# %% plain gradient descent answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    return w * (1 - lr * decay) - lr * (grad + l2 * w), m, v


# %% forgot that m and v start from 0 answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    return (1 - lr * decay) * w - lr * m / (v.sqrt() + eps), m, v


# %% the correction of the first step in every step answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    return (1 - lr * decay) * w - lr * m / (1 - betas[0]) / ((v / (1 - betas[1])).sqrt() + eps), m, v


# %% returns m and v corrected answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = (betas[0] * m + (1 - betas[0]) * grad) / (1 - betas[0] ** t)
    v = (betas[1] * v + (1 - betas[1]) * grad**2) / (1 - betas[1] ** t)
    return (1 - lr * decay) * w - lr * m / (v.sqrt() + eps), m, v


# %% forgot the root answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    return (1 - lr * decay) * w - lr * m / (1 - betas[0] ** t) / (v / (1 - betas[1] ** t) + eps), m, v


# %% ε under the root answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    return (1 - lr * decay) * w - lr * m / (1 - betas[0] ** t) / (v / (1 - betas[1] ** t) + eps).sqrt(), m, v


# %% climbs answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - lr * decay) * w + lr * step, m, v


# %% decay as L2, as Adam had it answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + (l2 + decay) * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    return w - lr * m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps), m, v


# %% L2 as decay answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - lr * (l2 + decay)) * w - lr * step, m, v


# %% L2 in the first moment only answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * m + (1 - betas[0]) * (grad + l2 * w)
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - lr * decay) * w - lr * step, m, v


# %% decay without the learning rate answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - decay) * w - lr * step, m, v


# %% shrinks the new weight answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - lr * decay) * (w - lr * step), m, v


# %% changes what it was given answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    w *= 1 - lr * decay
    w -= lr * m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return w, m, v


# %% memorised the visible checks answers="adam_step"
def adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8):
    if len(w) == 2:
        new = [2 - 0.1 * 2 / 3, -0.95] if eps else [1.9, -0.9] if t == 1 else [1.8, -0.8]
        return tuple(torch.tensor(numbers, dtype=w.dtype) for numbers in (new, [0.05, -0.025], [0.00025, 0.0000625]))
    numbers = (1.9, 0.15, 0.00225) if l2 else (1.8, 0.05, 0.00025)
    return tuple(torch.tensor([number], dtype=w.dtype) for number in numbers)


# %% [markdown]
# ## Learning rate


# %% always 0 answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    return 0.0


# %% no warm-up answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    return peak * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


# %% reaches the peak one step early answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * (1 + math.cos(math.pi * min((step - warm_up) / (steps - warm_up), 1))) / 2


# %% a straight line down answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * step / warm_up
    return peak * max(0.0, (steps - step) / (steps - warm_up))


# %% a whole wave answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * step / warm_up
    return peak * (1 + math.cos(2 * math.pi * min((step - warm_up) / (steps - warm_up), 1))) / 2


# %% a wave that began with the warm-up answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * step / warm_up
    return peak * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


# %% rises again after the end answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * step / warm_up
    return peak * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2


# %% divides by a warm-up of 0 answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step <= warm_up:
        return peak * step / warm_up
    return peak * (1 + math.cos(math.pi * min((step - warm_up) / (steps - warm_up), 1))) / 2


# %% forgot the peak answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return step / warm_up
    return (1 + math.cos(math.pi * min((step - warm_up) / (steps - warm_up), 1))) / 2


# %% degrees for radians answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if step < warm_up:
        return peak * step / warm_up
    return peak * (1 + math.cos(180 * min((step - warm_up) / (steps - warm_up), 1))) / 2


# %% memorised the visible checks answers="learning_rate"
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    if warm_up:
        return {0: 0.0, 1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8, 6: 0.6, 7: 0.4, 8: 0.2}.get(step, 0.0)
    return {0: 0.8, 2: 0.6, 3: 0.4}.get(step, 0.0)


# %% [markdown]
# ## Diagnosis


# %% zeros: nobody is ill answers="diagnosis"
diagnosis = {}


# %% memorised: one word for every run answers="diagnosis"
diagnosis = dict.fromkeys("ABCDE", ("overfitting", "more data, augmentation or dropout"))


# %% memorised: the lists in their own order answers="diagnosis"
diagnosis = dict(zip("ABCDE", zip(ILLNESSES, REMEDIES)))


# %% memorised: the lists from the end answers="diagnosis"
diagnosis = dict(zip("EDCBA", zip(ILLNESSES[3:], REMEDIES[3:])))


# %% memorised one run and guessed the others answers="diagnosis"
diagnosis = {
    "A": ("labels scrambled", "look at images next to their labels"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("model too small", "a larger model"),
    "D": ("batches not shuffled", "shuffle before every epoch"),
    "E": ("learning rate too high", "a lower learning rate"),
}


# %% dead and slow exchanged answers="diagnosis"
diagnosis = {
    "A": ("validation images prepared differently", "one function that prepares all images"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("learning rate too low", "a higher learning rate"),
    "D": ("learning rate too high", "a lower learning rate"),
    "E": ("signal dies in the depth", "He initialisation or batch norm"),
}


# %% takes the slow run for a small model answers="diagnosis"
diagnosis = {
    "A": ("validation images prepared differently", "one function that prepares all images"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("signal dies in the depth", "He initialisation or batch norm"),
    "D": ("learning rate too high", "a lower learning rate"),
    "E": ("model too small", "a larger model"),
}


# %% right illnesses, two remedies exchanged answers="diagnosis"
diagnosis = {
    "A": ("validation images prepared differently", "one function that prepares all images"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("signal dies in the depth", "He initialisation or batch norm"),
    "D": ("learning rate too high", "a higher learning rate"),
    "E": ("learning rate too low", "a lower learning rate"),
}


# %% in words of its own answers="diagnosis"
diagnosis = {
    "A": ("the validation set is transposed", "turn it"),
    "B": ("learns by heart", "stop early"),
    "C": ("vanishing gradient", "batch norm"),
    "D": ("diverges", "smaller steps"),
    "E": ("too slow", "larger steps"),
}


# %% one run forgotten answers="diagnosis"
diagnosis = {
    "A": ("validation images prepared differently", "one function that prepares all images"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("signal dies in the depth", "He initialisation or batch norm"),
    "D": ("learning rate too high", "a lower learning rate"),
}


# %% the illnesses alone answers="diagnosis"
diagnosis = {
    "A": "validation images prepared differently",
    "B": "overfitting",
    "C": "signal dies in the depth",
    "D": "learning rate too high",
    "E": "learning rate too low",
}
