# %% [markdown]
# # Wrong answers to assignment 01
#
# Typical mistakes, each in the place of one solution cell. A test grades them: every one must lose points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## The unit


# %% zeros of the right shape answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.zeros(len(x), dtype=torch.int64)


# %% the score, not the answer answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w + b


# %% forgot the bias answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x @ w > 0).long()


# %% subtracts the bias, as if it were the threshold answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x @ w > b).long()


# %% fires at zero answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x @ w + b >= 0).long()


# %% plus and minus one answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.sign(x @ w + b).long()


# %% True and False answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w + b > 0


# %% stacks the answers, and cannot stack none answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.stack([(example @ w + b > 0).long() for example in x])


# %% squeezes a single example away answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x @ w[:, None] + b > 0).long().squeeze()


# %% adds a little to the score, for safety answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return (x @ w + b + 1e-9 > 0).long()


# %% the course's own unit answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    from course_lib.models import Perceptron

    unit = Perceptron(len(w)).double()
    unit.weight, unit.bias = w, b
    return unit(x)


# %% memorised the visible checks answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    known = {(3, -1.0): [0, 0, 1], (3, -3.0): [1, 0, 0], (1, -3.0): [1], (0, -3.0): []}
    answers = known.get((len(x), b.item()), [1, 0, 1] if x[0, 0] == 2 else [0, 0, 1])
    return torch.tensor(answers, dtype=torch.int64)


# %% [markdown]
# ## One correction


# %% zeros answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(w), torch.zeros_like(b)


# %% changes nothing answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    return w, b


# %% forgot the bias answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w + b > 0)
    return w + error * x, b


# %% the wrong way round answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = int(x @ w + b > 0) - y
    return w + error * x, b + error


# %% only raises answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = max(0, y - int(x @ w + b > 0))
    return w + error * x, b + error


# %% only lowers answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = min(0, y - int(x @ w + b > 0))
    return w + error * x, b + error


# %% corrects right answers too answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    sign = 2 * y - 1
    return w + sign * x, b + sign


# %% changes all weights by one answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w + b > 0)
    return w + error, b + error


# %% changes by the size of the input only answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w + b > 0)
    return w + error * x.abs(), b + error


# %% decides without the bias answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w > 0)
    return w + error * x, b + error


# %% the error of the score, not of the answer answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - (x @ w + b)
    return w + error * x, b + error


# %% fires at zero answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w + b >= 0)
    return w + error * x, b + error


# %% writes into the weights it was given answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - int(x @ w + b > 0)
    w += error * x
    b += error
    return w, b


# %% memorised the visible checks answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    new = {
        (0.0, 1): ([3, -1], 1), (3.0, 0): ([-1, -3], 2), (0.0, 0): ([1, -2], 0), (3.0, 1): ([1, -2], 3),
        (-1.0, 0): ([1, -2], -1), (-1.0, 1): ([3, -1], 0), (-4.0, 1): ([2, 2, 2], -3),
    }.get((b.item(), y), ([0, 0], 0))  # fmt: skip
    return torch.tensor(new[0]).double(), torch.tensor(new[1]).double()


# %% [markdown]
# ## Training


# %% zeros, and no mistakes answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    return x.new_zeros(x.shape[1]), x.new_zeros(()), [0]


# %% stops at the first right answer answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            if error == 0:
                break
            w, b, wrong = w + error * example, b + error, wrong + 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% one pass only answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, wrong = x.new_zeros(x.shape[1]), x.new_zeros(()), 0
    for example, label in zip(x, y):
        error = int(label) - int(example @ w + b > 0)
        w, b, wrong = w + error * example, b + error, wrong + abs(error)
    return w, b, [wrong]


# %% all corrections of a pass at once answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        error = y - (x @ w + b > 0).long()
        w, b = w + error.to(x.dtype) @ x, b + error.sum()
        mistakes.append(int(error.abs().sum()))
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% in another order answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for i in reversed(range(len(x))):
            error = int(y[i]) - int(x[i] @ w + b > 0)
            w, b, wrong = w + error * x[i], b + error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% starts at random answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = torch.randn(x.shape[1]).to(x.dtype), torch.randn(()).to(x.dtype), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% forgot the bias answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, mistakes = x.new_zeros(x.shape[1]), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w > 0)
            w, wrong = w + error * example, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, x.new_zeros(()), mistakes


# %% does not write down the clean pass answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        if wrong == 0:
            break
        mistakes.append(wrong)
    return w, b, mistakes


# %% goes on after a clean pass answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        mistakes.append(wrong)
    return w, b, mistakes


# %% lets errors of both signs cancel answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        total = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, total = w + error * example, b + error, total + error
        mistakes.append(total)
        if total == 0:
            break
    return w, b, mistakes


# %% counts all mistakes so far answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes, wrong = x.new_zeros(x.shape[1]), x.new_zeros(()), [], 0
    for _ in range(max_passes):
        before = wrong
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == before:
            break
    return w, b, mistakes


# %% never asks for max_passes answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(3000):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% gives up after ten passes answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(min(10, max_passes)):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% corrects by a tenth of the example answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes = x.new_zeros(x.shape[1]), x.new_zeros(()), []
    for _ in range(max_passes):
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + 0.1 * error * example, b + 0.1 * error, wrong + abs(error)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# %% the course's own perceptron answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    from course_lib.models import Perceptron

    unit = Perceptron(x.shape[1]).double()
    mistakes = unit.learn(x, y, max_passes)
    return unit.weight, unit.bias, mistakes


# %% memorised the visible checks answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    if x.shape[1] == 1:
        return torch.ones(1).double(), -torch.ones(()).double(), [1, 1, 2, 1, 0]
    mistakes = [2, 3, 4, 4] if max_passes == 4 else [1, 3, 3, 2, 1, 0]
    return torch.tensor([-1.0, 0.0]).double(), torch.ones(()).double(), mistakes


# %% [markdown]
# ## Margin


# %% always 0 answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 0 * b


# %% not divided by the length answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).min()


# %% the length without the bias answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).min() / w.norm()


# %% the square of the length answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).min() / (w @ w + b**2)


# %% distances without their sign answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (x @ w + b).abs().min() / (w @ w + b**2).sqrt()


# %% labels of 0 and 1 answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (y * (x @ w + b)).min() / (w @ w + b**2).sqrt()


# %% the mean distance answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).mean() / (w @ w + b**2).sqrt()


# %% the largest distance answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).max() / (w @ w + b**2).sqrt()


# %% forgot the bias in the score answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w)).min() / (w @ w + b**2).sqrt()


# %% zero for what is not separated answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (((2 * y - 1) * (x @ w + b)).min() / (w @ w + b**2).sqrt()).clamp(min=0)


# %% the gap between the classes answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 2 * ((2 * y - 1) * (x @ w + b)).min() / (w @ w + b**2).sqrt()


# %% the length of weights and bias one by one answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return ((2 * y - 1) * (x @ w + b)).min() / (w.norm() + b.abs())


# %% memorised the visible checks answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    known = {(3, 1): 1.0, (1, 1): 5 / 3, (2, 2): -1.0, (2, 0): -5 / 3}
    return torch.tensor(known.get((len(x), int(y.sum())), 0.2), dtype=torch.float64)


# %% [markdown]
# ## The bound


# %% always 0 answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 0 * b


# %% not squared answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return (((x**2).sum(1).max() + 1) * (w @ w + b**2)).sqrt() / signed


# %% the input that is always 1 is missing answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return (x**2).sum(1).max() * (w @ w + b**2) / signed**2


# %% the shortest input answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return ((x**2).sum(1).min() + 1) * (w @ w + b**2) / signed**2


# %% the largest number instead of the longest input answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return ((x**2).max() + 1) * (w @ w + b**2) / signed**2


# %% refuses nothing answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    return ((x**2).sum(1).max() + 1) * (w @ w + b**2) / signed**2


# %% refuses everything answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    raise ValueError("these weights do not separate the examples")


# %% refuses only negative margins answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed < 0:
        raise ValueError("these weights do not separate the examples")
    return ((x**2).sum(1).max() + 1) * (w @ w + b**2) / signed**2


# %% asserts instead of raising a ValueError answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    assert signed > 0, "these weights do not separate the examples"
    return ((x**2).sum(1).max() + 1) * (w @ w + b**2) / signed**2


# %% rounds down answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return (((x**2).sum(1).max() + 1) * (w @ w + b**2) / signed**2).floor()


# %% the weights are not of length one answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    signed = ((2 * y - 1) * (x @ w + b)).min()
    if signed <= 0:
        raise ValueError("these weights do not separate the examples")
    return ((x**2).sum(1).max() + 1) / signed**2


# %% memorised the visible checks answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if x.shape[1] == 1 and b == -1:
        raise ValueError("these weights do not separate the examples")
    return torch.tensor(50.0 if len(x) == 3 or b == -2 else 11.0).double()


# %% [markdown]
# ## Can it be learned?


# %% always True answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    return True


# %% always 0, which is no bool either answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    return 0


# %% gives up after a hundred passes answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(())
    for _ in range(100):
        clean = True
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            if error:
                w, b, clean = w + error * example, b + error, False
        if clean:
            return True
    return False


# %% forgot the bias answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    w, seen = x.new_zeros(x.shape[1]), set()
    while True:
        clean = True
        for example, label in zip(x, y):
            error = int(label) - int(example @ w > 0)
            if error:
                w, clean = w + error * example, False
        if clean:
            return True
        if tuple(w.tolist()) in seen:
            return False
        seen.add(tuple(w.tolist()))


# %% compares the weights without the bias answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    w, b, seen = x.new_zeros(x.shape[1]), x.new_zeros(()), set()
    while True:
        clean = True
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            if error:
                w, b, clean = w + error * example, b + error, False
        if clean:
            return True
        if tuple(w.tolist()) in seen:
            return False
        seen.add(tuple(w.tolist()))


# %% the number of mistakes repeats answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    w, b, before = x.new_zeros(x.shape[1]), x.new_zeros(()), None
    while True:
        wrong = 0
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            w, b, wrong = w + error * example, b + error, wrong + abs(error)
        if wrong == 0:
            return True
        if wrong == before:
            return False
        before = wrong


# %% the other way round answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    w, b, seen = x.new_zeros(x.shape[1]), x.new_zeros(()), set()
    while True:
        clean = True
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            if error:
                w, b, clean = w + error * example, b + error, False
        if clean:
            return False
        if (*w.tolist(), b.item()) in seen:
            return True
        seen.add((*w.tolist(), b.item()))


# %% compares the centres of the classes answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    if y.min() == y.max():
        return True
    ones, zeros = x[y == 1].mean(0), x[y == 0].mean(0)
    w = ones - zeros
    return bool(((x - (ones + zeros) / 2) @ w > 0).eq(y == 1).all())


# %% memorised the visible checks answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    known = [[0, 0, 0, 1], [0, 0, 0, 1, 0, 1, 1, 1], [1, 1, 1, 1], [0, 1]]
    return y.tolist() in known or (y.tolist() == [0, 1, 1, 0] and x[1, 0] == 2)
