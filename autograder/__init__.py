"""From one master script to a student notebook, a solution and a graded submission.

`release` makes both versions with nbgrader, `grade` turns submitted notebooks into verdicts, a gradebook, feedback and
a CSV. How a submission is run and judged sits behind one seam, :class:`autograder.verdict.Judge`.
"""
