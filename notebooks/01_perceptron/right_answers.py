# %% [markdown]
# # Other right answers to assignment 01
#
# Different styles, each in the place of one solution cell. A test grades them: every one must get all points.
#
# Each names what the master's first cell imports, so for the linter:
# ruff: noqa: F821


# %% [markdown]
# ## The unit


# %% one example at a time answers="predict"
def predict(x, w, b):
    answers = []
    for example in x:
        score = float(b)
        for value, weight in zip(example.tolist(), w.tolist()):
            score += value * weight
        answers.append(1 if score > 0 else 0)
    return torch.tensor(answers, dtype=torch.int64)


# %% torch.where answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    score = torch.einsum("nd,d->n", x, w).add(b)
    return torch.where(score > 0, torch.tensor(1), torch.tensor(0))


# %% the bias glued on answers="predict"
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    glued = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
    return (glued @ torch.cat([w, b.view(1)])).gt(0).to(torch.int64)


# %% [markdown]
# ## One correction


# %% three cases answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    fires = (w * x).sum() + b > 0
    if y == 1 and not fires:
        return w + x, b + 1
    if y == 0 and fires:
        return w - x, b - 1
    return w, b


# %% copies that are changed in place answers="update"
def update(w, b, x, y):
    w, b = w.clone(), b.clone()
    answer = 1 if torch.dot(w, x) + b > 0 else 0
    w += (y - answer) * x
    b += y - answer
    return w, b


# %% only tensors answers="update"
def update(w: Tensor, b: Tensor, x: Tensor, y: int) -> tuple[Tensor, Tensor]:
    error = y - (x @ w + b > 0).to(x.dtype)
    return torch.addcmul(w, error, x), b + error


# %% [markdown]
# ## Training


# %% the bias glued on answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    glued = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
    w, mistakes = glued.new_zeros(glued.shape[1]), []
    while len(mistakes) < max_passes and (not mistakes or mistakes[-1]):
        mistakes.append(0)
        for i in range(len(glued)):
            error = y[i].item() - int(glued[i] @ w > 0)
            w = w + error * glued[i]
            mistakes[-1] += abs(error)
    return w[:-1], w[-1], mistakes


# %% jumps from mistake to mistake answers="train"
def train(x: Tensor, y: Tensor, max_passes: int = 100) -> tuple[Tensor, Tensor, list[int]]:
    w, b, mistakes, sign = x.new_zeros(x.shape[1]), x.new_zeros(()), [], 2 * y - 1
    for _ in range(max_passes):
        wrong, start = 0, 0
        while True:
            lost = ((x[start:] @ w + b > 0).long() != y[start:]).nonzero().flatten()
            if len(lost) == 0:
                break
            i = start + int(lost[0])
            w, b = w + sign[i] * x[i], b + sign[i]
            wrong, start = wrong + 1, i + 1
        mistakes.append(wrong)
        if not wrong:
            break
    return w, b, mistakes


# %% in place, with signs answers="train"
def train(x, y, max_passes=100):
    w = torch.zeros(x.shape[1], dtype=x.dtype)
    b = torch.zeros((), dtype=x.dtype)
    mistakes = []
    for _ in range(max_passes):
        count = 0
        for n in range(x.shape[0]):
            fires = bool((w * x[n]).sum() + b > 0)
            if fires and y[n] == 0:
                w -= x[n]
                b -= 1
                count += 1
            elif not fires and y[n] == 1:
                w += x[n]
                b += 1
                count += 1
        mistakes.append(count)
        if count == 0:
            return w, b, mistakes
    return w, b, mistakes


# %% [markdown]
# ## Margin


# %% the bias glued on answers="margin"
def margin(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    glued, u = torch.cat([x, torch.ones_like(x[:, :1])], dim=1), torch.cat([w, b[None]])
    return torch.where(y == 1, glued @ u, -(glued @ u)).amin() / u.norm()


# %% the length first answers="margin"
def margin(w, b, x, y):
    length = torch.sqrt(w.square().sum() + b.square())
    w, b = w / length, b / length
    return min((1 if label == 1 else -1) * (example @ w + b) for example, label in zip(x, y))


# %% [markdown]
# ## The bound


# %% margin and radius answers="mistake_bound"
def mistake_bound(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    glued, u = torch.cat([x, torch.ones_like(x[:, :1])], dim=1), torch.cat([w, b[None]])
    gamma = torch.where(y == 1, glued @ u, -(glued @ u)).min() / u.norm()
    if not gamma > 0:
        raise ValueError(f"With a margin of {gamma:.3g} nothing can be said.")
    return (glued.norm(dim=1).max() / gamma) ** 2


# %% example by example answers="mistake_bound"
def mistake_bound(w, b, x, y):
    room = min((2 * label - 1) * (example @ w + b) for example, label in zip(x, y.tolist()))
    if room <= 0:
        raise ValueError("some example is on the wrong side or on the line")
    longest = max(example @ example + 1 for example in x)
    return longest / (room**2 / (w.square().sum() + b.square()))


# %% [markdown]
# ## Can it be learned?


# %% a linear programme answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    from scipy.optimize import linprog

    signed = ((2 * y - 1)[:, None] * torch.cat([x, torch.ones(len(x), 1).double()], dim=1)).tolist()
    rows = [[-value for value in row] for row in signed]
    found = linprog([0.0] * len(rows[0]), rows, [-1.0] * len(rows), bounds=(None, None))
    return bool(found.status == 0)


# %% plain numbers, and a list of what was answers="separable"
def separable(x, y):
    examples = [([*row, 1.0], label) for row, label in zip(x.tolist(), y.tolist())]
    w, ends = [0.0] * (x.shape[1] + 1), {}
    for count in itertools.count():
        before = list(w)
        for example, label in examples:
            error = label - (sum(a * c for a, c in zip(example, w)) > 0)
            w = [c + error * a for a, c in zip(example, w)]
        if w == before and all((sum(a * c for a, c in zip(e, w)) > 0) == t for e, t in examples):
            return True
        if tuple(w) in ends:
            return False
        ends[tuple(w)] = count


# %% a tortoise and a hare answers="separable"
def separable(x: Tensor, y: Tensor) -> bool:
    glued = torch.cat([x, torch.ones(len(x), 1).double()], dim=1)

    def after_a_pass(w: Tensor) -> Tensor:
        for example, label in zip(glued, y):
            w = w + (label - (example @ w > 0).long()) * example
        return w

    slow = fast = torch.zeros(glued.shape[1]).double()
    while True:
        slow, fast = after_a_pass(slow), after_a_pass(after_a_pass(fast))
        if torch.equal((glued @ fast > 0).long(), y):
            return True
        if torch.equal(slow, fast):
            return False


# %% looks for a repetition after each correction answers="separable"
# Every correction would bring the weights nearer to a separator, if there were one; they could never come back.
def separable(x: Tensor, y: Tensor) -> bool:
    w, b, seen = x.new_zeros(x.shape[1]), x.new_zeros(()), set()
    while True:
        clean = True
        for example, label in zip(x, y):
            error = int(label) - int(example @ w + b > 0)
            if error:
                w, b, clean = w + error * example, b + error, False
                now = (*w.tolist(), b.item())
                if now in seen:
                    return False
                seen.add(now)
        if clean:
            return True
