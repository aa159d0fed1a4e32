import base64
import os
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import nbclient
import nbformat
import pytest
import torch

from course_lib import viz


def run_cell(source: str, **environment: str) -> list:
    """Outputs of one cell in a real kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    with client.setup_kernel(env={**os.environ, **environment}):
        client.execute_cell(notebook.cells[0], 0)
    return notebook.cells[0].outputs


KNOB = """
import matplotlib.pyplot as plt
from course_lib import viz
def draw(n):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot(range(n))
    return fig
viz.knob(draw, lambda n: f'a line of {n} < 9 points', points=[2, 3, 4], default=1)
"""


def test_show_in_a_notebook_carries_alt_text():
    (output,) = run_cell(
        "import matplotlib.pyplot as plt\nfrom course_lib import viz\nviz.show(plt.figure(figsize=(2, 1)), alt='nothing yet')"
    )
    assert output.metadata["image/png"]["alt"] == "nothing yet"
    png = base64.b64decode(output.data["image/png"])
    assert int.from_bytes(png[16:20], "big") == pytest.approx(2 * output.metadata["image/png"]["width"], abs=1)


def test_what_is_drawn_follows_dark_mode_and_what_has_values_for_colours_does_not():
    drawings = {
        "lines": lambda ax: (ax.plot([1, 2]), ax.fill_between([0, 1], [1, 2]), ax.bar([0], [1]), ax.scatter([0], [1])),
        "numbers": lambda ax: viz.number_grid(ax, torch.eye(2), highlight=torch.eye(2)),
        "picture": lambda ax: ax.imshow(torch.eye(2)),
        "colour map": lambda ax: ax.scatter([0, 1], [1, 2], c=[0.2, 0.9]),
        "contours": lambda ax: ax.contourf(torch.eye(2)),
    }
    found = {}
    for name, draw in drawings.items():
        fig, ax = plt.subplots()
        draw(ax)
        _, metadata = viz._bundle(fig, name)
        found[name] = metadata["image/png"]["classes"]
    assert found == {"lines": ["drawn"], "numbers": ["drawn"], "picture": [], "colour map": [], "contours": []}


def test_knob_in_a_notebook_is_a_slider_below_its_figure():
    figure, slider = run_cell(KNOB)
    assert figure.metadata["image/png"]["alt"] == "a line of 3 < 9 points"
    assert "application/vnd.jupyter.widget-view+json" in slider.data


def test_knob_in_the_book_holds_every_frame():
    (output,) = run_cell(KNOB, COURSE_BUILD="1")
    page = output.data["text/html"]
    assert re.findall(r'data-value="(\d)" alt="a line of \d &lt; 9 points"', page) == ["2", "3", "4"]
    assert page.count('<img class="knob-frame drawn"') == 3
    assert len(re.findall(r'base64,[^"]+" hidden', page)) == 2 and "<output>3</output>" in page


def test_outside_a_notebook_the_alt_text_is_printed():
    code = "import matplotlib.pyplot as plt\nfrom course_lib import viz\nviz.show(plt.figure(), alt='a blank page')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "Agg"}
    )
    assert done.stdout == "[figure] a blank page\n"


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="needs alt text"):
        viz.show(plt.figure(), alt=" ")
    with pytest.raises(ValueError, match="turns one thing"):
        viz.knob(lambda v: plt.figure(), str, a=[1], b=[2])


def test_grids_draw_what_they_are_given():
    fig = viz.image_grid(torch.rand(5, 1, 4, 4), titles=list("abcde"), columns=3)
    shown = [ax for ax in fig.axes if ax.images]
    assert len(shown) == 5 and [ax.get_title() for ax in shown] == list("abcde")
    fig, ax = plt.subplots()
    viz.number_grid(ax, torch.tensor([[1.5, float("nan")], [-2, 0]]), highlight=torch.eye(2))
    assert sorted(text.get_text() for text in ax.texts) == ["-2", "0", "1.5"]
    plt.close("all")
