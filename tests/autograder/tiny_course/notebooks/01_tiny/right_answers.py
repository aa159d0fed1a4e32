# %% shifts answers="double"
double = lambda x: 2 * x


# %% power answers="square"
def square(x):
    return pow(x, 2)
