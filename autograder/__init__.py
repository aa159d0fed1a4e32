"""From one master script to a student notebook, a solution and a graded submission.

`release` makes both versions with nbgrader, `grade` turns submitted notebooks into verdicts, a gradebook, feedback and
a CSV. How a submission is run and judged sits behind one seam, :class:`autograder.verdict.Judge`.
"""

import sys

# Jupyter's packages bring it along, and jsonschema would build a grammar from it each time it is imported: 0.8 s for a
# format that no notebook has. As if it were not installed.
sys.modules.setdefault("rfc3987_syntax", None)
