# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Project proposal: half a page
#
# You will do a project in pairs: one question about learning from images, answered by an experiment that you design. The
# proposal is where most projects are won or lost, so it comes early, it is short, and you get it back with remarks before
# you begin.
#
# | part | you write | points |
# |---|---|---|
# | 1 | the question | 2 |
# | 2 | the data | 2 |
# | 3 | the design | 3 |
# | 4 | the cost, computed | 1 |
# | 5 | the readings | 2 |
# | 6 | what may go wrong, and who does what | 2 |
#
# **How it is graded.** A person reads it, with the tables below beside it. All parts together are half a page, about 350
# words; what is longer is not read. One of you hands it in; both names stand in part 1.
#
# **What makes a good project.** A question that can turn out either way, data that you have today, a baseline that runs in
# the first week, and an experiment that fits into the hours of computing that you have. "Detect tumours" is a wish. "Does a
# network that is trained on one hospital's images work on another's, and is it the scanner's name in the corner?" is a
# question.

# %% [markdown]
# ## A worked example
#
# It would get 11 of 12 points.
#
# > **1. Question** (Ada Example, Ben Example). A classifier can use the background instead of the object. *When the background
# > predicts the class in a share p of the training images, at which p does a small ConvNet begin to follow it?* We expect
# > that it happens late, above 0.9; if it follows at 0.6 already, that matters to everybody who collects data.
# >
# > **2. Data.** The course's rendered scenes, `scenes10`: five shapes in two colours, as many as we want, MIT licence; the
# > generator can let the background predict the class. 5,000 for training at each p; for testing 2,000 whose background says nothing and 2,000
# > whose background says the wrong class. Guessing gives 10 %; a linear model on colour histograms tells us what background
# > alone is worth.
# >
# > **3. Design.** One network (the LeNet of lecture 4, 28×28 inputs) and one schedule. The only thing that varies is p: 0.1, 0.5,
# > 0.7, 0.9, 0.99. Five seeds each; we report the accuracy on both test sets as ranges. Baseline: p = 0.1, where the
# > background is chance. Then one remedy, augmentation of the background, at the p where it broke.
# >
# > **4. Cost.** 25 runs and 5 of the remedy, a minute each on our laptop as measured: half an hour. (Cell below.)
# >
# > **5. Readings.** Geirhos and others 2019 (texture against shape: the design that we follow); Beery and others 2018 (cows on
# > beaches: why it matters); Sagawa and others 2020 (a training that resists it: our plan if augmentation fails).
# >
# > **6. Risks.** The network may learn nothing at 28×28: we look at p = 0.1 in week one and go to 64×64 if it is below 70 %.
# > If no p breaks it, that is the result, and we make the object smaller. Ada: data and tests; Ben: training; both write.
#
# *The marker's note:* 11 of 12. One variable, seeds, a baseline, a plan for both outcomes. Half a point off in part 2: how do
# you see that test and training scenes differ? Half off in part 5: Sagawa's method needs the group labels; say that you have
# them.

# %% [markdown]
# ## Part 1: the question (2 points)
#
# Your names. One question, and what you expect, and what it would mean if it came out the other way.
#
# | points | the answer |
# |---|---|
# | 1 | asks something that an experiment can answer with yes, no or a number |
# | 1 | says what is expected and why the other outcome would matter |

# %% [markdown] nbgrader={"grade_id": "question", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* If you cannot imagine the figure that would answer it, it is not yet a question. Say so early: this is the
# part where a remark changes the project.
# ### END SOLUTION

# %% [markdown]
# ## Part 2: the data (2 points)
#
# Which images and labels, how many, from where, under which licence; how they are split; what guessing and a trivial model
# reach. If people can be recognised in them, say who agreed to what.
#
# | points | the answer |
# |---|---|
# | 1 | data that you have today, with size, origin and licence |
# | 1 | a split that keeps near-copies apart, and what a trivial model would reach |

# %% [markdown] nbgrader={"grade_id": "data", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* Frames of one video, crops of one image, patients with several scans: a random split puts them on both
# sides. "We will collect" is a risk, and belongs into part 6 with a date.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: the design (3 points)
#
# What varies, what stays, what is measured; the baseline; how many seeds; which comparison answers the question.
#
# | points | the answer |
# |---|---|
# | 1 | one variable at a time, and a baseline that is not a straw man |
# | 1 | seeds, ranges and a test set that is used once |
# | 1 | says which outcome answers the question how |

# %% [markdown] nbgrader={"grade_id": "design", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# *For the marker.* The usual fault is a tournament: five networks, five learning rates, the best wins. Ask what is learned if
# network C wins.
# ### END SOLUTION

# %% [markdown]
# ## Part 4: the cost, computed (1 point)
#
# Runs × images × passes × multiply-adds, or a run timed and multiplied. Change the cell, and write one sentence below it.

# %%
from course_lib import models

network = models.LeNet5()
work = sum(row.multiply_adds for row in models.walk(network, (1, 28, 28)))  # forward, one image
runs, images, passes = 30, 5_000, 12
total = 3 * work * images * passes * runs  # a backward pass costs about two forward ones
print(f"{total / 1e12:.1f} T multiply-adds, {total / 1e9 / 60:.0f} minutes at 1 G a second")

# %% [markdown]
# | points | the answer |
# |---|---|
# | 1 | a number with its factors, against the machine and the hours that you have |

# %% [markdown] nbgrader={"grade_id": "cost", "grade": true, "solution": true, "points": 1}
# ### BEGIN SOLUTION
# *For the marker.* The order of magnitude is what counts. A project that needs more than a tenth of the available hours for
# one run will not have seeds.
# ### END SOLUTION

# %% [markdown]
# ## Part 5: the readings (2 points)
#
# Three to five papers, each with one sentence: what you take from it.
#
# | points | the answer |
# |---|---|
# | 1 | three or more papers that belong to the question, fully named |
# | 1 | what each is needed for here |

# %% [markdown] nbgrader={"grade_id": "readings", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* Look one of them up: a paper that does not exist, or does not say what is claimed, costs both points.
# ### END SOLUTION

# %% [markdown]
# ## Part 6: what may go wrong, and who does what (2 points)
#
# The two likeliest ways to fail, how you would notice, by when, and what you would do then. Who does what.
#
# | points | the answer |
# |---|---|
# | 1 | two risks with a sign, a date and a way out |
# | 1 | a division of work in which either of you could explain all of it |

# %% [markdown] nbgrader={"grade_id": "risks", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* "The network may not learn" with a first look in week one and a smaller problem ready is worth more than a
# list of ten.
# ### END SOLUTION
