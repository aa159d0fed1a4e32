# %% [markdown]
# # A tiny assignment
#
# Two functions and a reflection: enough for every way a grader can go.

# %%
import math

print(math.pi)


# %% nbgrader={"grade_id": "double", "solution": true}
def double(x: float) -> float:
    """Twice x."""
    ### BEGIN SOLUTION
    twice_the_number = x + x
    return twice_the_number
    ### END SOLUTION


# %% nbgrader={"grade_id": "double_visible", "grade": true, "points": 1}
assert double(2) == 4, f"double(2) should be 4, got {double(2)}"

# %% nbgrader={"grade_id": "double_hidden", "grade": true, "points": 2}
assert double(0) == 0, f"double(0) should be 0, got {double(0)}"
### BEGIN HIDDEN TESTS
for secret_number in (-7, 0.25):
    assert double(secret_number) == 2 * secret_number, f"double({secret_number}) is wrong"
### END HIDDEN TESTS

# %% [markdown]
# Now the square.


# %% nbgrader={"grade_id": "square", "solution": true}
def square(x: float) -> float:
    """x times x."""
    ### BEGIN SOLUTION
    squared_number = x**2
    return squared_number
    ### END SOLUTION


# %% nbgrader={"grade_id": "square_check", "grade": true, "points": 3}
assert square(3) == 9, f"square(3) should be 9, got {square(3)}"
### BEGIN HIDDEN TESTS
assert square(-5) == 25, "square(-5) should be 25"
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 4}
# When are the two equal?
#
# ### BEGIN SOLUTION
# For zero and for two, where both give four.
# ### END SOLUTION
