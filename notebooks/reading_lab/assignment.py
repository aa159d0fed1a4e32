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
# # Reading lab: one paper, understood
#
# Every lecture of this course ends with papers. Here you take one of them apart: you find the sentence it stands or falls
# with, check whether its evidence carries that sentence, recompute one of its numbers, and present it to others in ten
# minutes. Nobody reads a paper well by reading it once from the first line to the last.
#
# | part | you write | points |
# |---|---|---|
# | 1 | what the paper claims | 2 |
# | 2 | how its method works, in your own words | 3 |
# | 3 | what its evidence is worth | 3 |
# | 4 | one of its numbers, recomputed | 2 |
# | 5 | what it leaves open | 2 |
# | 6 | your talk | 2 |
#
# Plan four hours: two for reading, one for writing, one for the talk.
#
# **How it is graded.** A person reads it, with the tables below beside it; half a point is given for what is right but
# without its reason. Write in the cells that ask for it and keep to the lengths: being short is part of the task. Quote the
# paper by page, figure or table. What you take from elsewhere, name.

# %% [markdown]
# ## Choose a paper
#
# Take one of these, or one that your instructor agrees to. Each is short, has one idea, and left a trace.
#
# | paper | look for |
# |---|---|
# | LeCun and others, *Gradient-based learning applied to document recognition*, 1998 (sections 1 to 3) | what was by hand before |
# | Krizhevsky, Sutskever, Hinton, *ImageNet classification with deep convolutional neural networks*, 2012 | which of its parts survived |
# | Simonyan, Zisserman, *Very deep convolutional networks*, 2015 | how one varies one thing at a time |
# | Szegedy and others, *Going deeper with convolutions*, 2015 | a table that can be checked |
# | Ioffe, Szegedy, *Batch normalization*, 2015 | an explanation that others doubted later |
# | He and others, *Deep residual learning*, 2016 | an experiment that asks the right question |
# | Veit, Wilber, Belongie, *Residual networks behave like ensembles of relatively shallow networks*, 2016 | a new look at old weights |
# | Howard and others, *MobileNets*, 2017 | cost as a design goal |
# | Yosinski and others, *How transferable are features in deep neural networks?*, 2014 | a design of experiments |
# | Zeiler, Fergus, *Visualizing and understanding convolutional networks*, 2014 | what a picture can prove |
# | Adebayo and others, *Sanity checks for saliency maps*, 2018 | how a method is put to the test |
# | Geirhos and others, *ImageNet-trained CNNs are biased towards texture*, 2019 | a question nobody had asked |
#
# **Three passes.** First, ten minutes: title, abstract, figures, conclusion; write down what you expect the rest to say.
# Second, an hour: everything but proofs and details; mark each claim and the table that is to hold it. Third: only what
# your answers below need, and that exactly.

# %% [markdown]
# ## A worked example
#
# This is how the answers could look for a paper that is not on the list: Lin, Chen, Yan, *Network in network*, 2014. It
# would get 13 of 14 points.
#
# > **1. Claim.** *Question:* can the layers between two poolings be stronger than a filter and a ReLU? *Claim:* a small
# > multilayer perceptron at every place, and a mean over each map instead of the linear layers at the end, give lower error
# > on CIFAR and generalise better. *New:* both; a stack of 1×1 convolutions had not been used as a layer.
# >
# > **2. Method.** A filter is a linear model of its window. They put two more layers on top of it, applied at each place, so
# > that the window is judged by a small network: the same as a convolution followed by two convolutions of 1×1, each with a
# > ReLU. The last block has as many maps as there are classes; the mean of a map is its class's score (their section 3.2).
# > Nothing in between can memorise, because the mean has no parameters.
# >
# > **3. Evidence.** The claim about the mean stands on Table 5: the same network on CIFAR-10 ends with linear layers at
# > 11.59 %, with dropout in them at 10.88 %, with the mean at 10.41 %. That is a fair comparison of three ends. But it is one
# > run each, and 0.5 points are 50 images of 10,000: from lecture 5 I would expect seeds to differ by about as much. The
# > claim that the *perceptron* is what helps is not isolated: no table has the same depth with 3×3 filters.
# >
# > **4. Number.** They say that the mean removes parameters. With 192 maps of 8×8 before the end and 10 classes, a linear
# > layer from all places has 192 · 64 · 10 + 10 = 122,890, a 1×1 convolution to ten maps 1,930: 64 times fewer, as many
# > times as there are places. (Cell below.)
# >
# > **5. Open.** I would train the same network with the inner 1×1 layers replaced by 3×3 layers of equal cost, five seeds: if
# > the error is no higher, depth was the reason, not the perceptron. Not mentioned: a mean throws away where something was,
# > so the network cannot be told a 6 from a 9 by position alone.
# >
# > **6. Talk.** *1 A filter can only draw a straight line. 2 So put a small network at each place. 3 A mean needs no weights. 4
# > Half a point on CIFAR, once. 5 GoogLeNet took both.* Questions: What can a 1×1 convolution not see? Which end would you
# > give a network that has to count?
#
# *The marker's note:* 13 of 14. Part 3 is exemplary: it says which table, what is compared and what is missing. Half a point
# off in part 2, which does not say where pooling and dropout stand, and half in part 6: the fourth title reports, but does
# not say whether to believe it.

# %% [markdown]
# ## Part 1: what the paper claims (2 points)
#
# Authors, title, year. Then three sentences: the question it asks; the claim that it stands or falls with; what in it was
# new then. At most 80 words.
#
# | points | the answer |
# |---|---|
# | 1 | names question and claim so that the claim could turn out wrong |
# | 1 | separates what was new from what was taken over |

# %% [markdown] nbgrader={"grade_id": "claim", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* A claim is something a table could refute: "residual connections let error fall with depth where plain
# networks' error rises" is one, "they present ResNet" is none. Reporting the abstract's list of contributions, word for
# word, earns nothing.
# ### END SOLUTION

# %% [markdown]
# ## Part 2: how its method works (3 points)
#
# Explain it to somebody who has done the same lectures as you and has not read the paper: what goes in, what comes out, what
# is learned, and why it should work. A drawing or ten lines of pseudocode may replace words. At most 200 words.
#
# | points | the answer |
# |---|---|
# | 1 | is right: somebody could build it from this |
# | 1 | has its own words and its own example or drawing, with shapes |
# | 1 | gives the reason why it should work, and marks it as the authors' or your own |

# %% [markdown] nbgrader={"grade_id": "method", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# *For the marker.* Ask yourself what you would get if you built exactly this. Shapes at the steps are the surest sign of
# understanding. The third point is for keeping apart what the paper shows and what it supposes.
# ### END SOLUTION

# %% [markdown]
# ## Part 3: what its evidence is worth (3 points)
#
# Name the one table or figure that the claim rests on. What is compared with what, and does only one thing differ? How many
# runs, how large a test set, how large a difference? Would you bet on it? At most 150 words.
#
# | points | the answer |
# |---|---|
# | 1 | picks the evidence that carries the claim of part 1, by its number |
# | 1 | says what differs between the compared rows, and what else differs that should not |
# | 1 | judges the size of the difference by runs, test images or another paper, with a number |

# %% [markdown] nbgrader={"grade_id": "evidence", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# *For the marker.* A difference of $d$ points on $n$ test images is $dn/100$ images; for error rates near $p$ the standard
# error of one run is about $\sqrt{p(1-p)/n}$. Saying "the paper reports no seeds" is half of the third point; the other half
# is what follows from it here.
# ### END SOLUTION

# %% [markdown]
# ## Part 4: one of its numbers, recomputed (2 points)
#
# Choose a number in the paper that can be computed without training: parameters, multiply-adds, the size of a map, memory,
# a receptive field, a formula's value. Compute it in the cell below, in at most 15 lines (`course_lib.models.walk` counts
# for any network), and say in two sentences whether you agree, and if not, why.

# %%
from torch import nn

from course_lib import models

# The worked example's number: ten scores from 192 maps of 8×8, with a linear layer and with a 1×1 convolution and a mean.
linear = nn.Sequential(nn.Flatten(), nn.Linear(192 * 8 * 8, 10))
mean = nn.Sequential(nn.Conv2d(192, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
for end in (linear, mean):
    print(f"{sum(row.parameters for row in models.walk(end, (192, 8, 8))):,}")

# %% [markdown]
# | points | the answer |
# |---|---|
# | 1 | computes the number by code that runs, from the paper's own description |
# | 1 | compares it with the printed one and explains agreement or difference |

# %% [markdown] nbgrader={"grade_id": "number", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* A number that comes out differently is worth as much as one that agrees, if the reason is looked for:
# biases, K as 1024, multiply-adds counted as two operations, a misprint (lecture 7 has some).
# ### END SOLUTION

# %% [markdown]
# ## Part 5: what it leaves open (2 points)
#
# One limit that the authors do not mention, and one experiment that you would add: what you would vary, what you would keep,
# what you would measure, and which outcome would change your mind. At most 100 words.
#
# | points | the answer |
# |---|---|
# | 1 | names a limit that follows from the method or the data, not from taste |
# | 1 | designs an experiment with one variable and says what each outcome would mean |

# %% [markdown] nbgrader={"grade_id": "open", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* "More data" and "other architectures" are no limits. The experiment counts if one of its outcomes would
# speak against the paper.
# ### END SOLUTION

# %% [markdown]
# ## Part 6: your talk (2 points)
#
# Ten minutes, five slides. Write the five titles, each a full sentence, so that the titles alone tell the story; then two
# questions for your listeners that cannot be answered by looking something up.
#
# | points | the answer |
# |---|---|
# | 1 | five sentences that make one argument, in which the evidence is judged |
# | 1 | two questions that one can think about with what the talk has said |

# %% [markdown] nbgrader={"grade_id": "talk", "grade": true, "solution": true, "points": 2}
# ### BEGIN SOLUTION
# *For the marker.* "Method" and "Results" are no sentences. In the lab: ten minutes are ten minutes; after eleven, stop the
# talk kindly and go on to the questions.
# ### END SOLUTION
