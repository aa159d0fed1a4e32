# %% zero answers="double"
def double(x):
    return 0


# %% keeps the number answers="double"
def double(x):
    return x


# %% doubles instead answers="square"
def square(x):
    return 2 * x
