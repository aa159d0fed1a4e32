"""Every shape in a public signature of course_lib is checked while its tests run."""

import jaxtyping
import pytest
import torch
from jaxtyping import install_import_hook

install_import_hook("course_lib", "beartype.beartype")  # before any test imports course_lib


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def untyped():
    """Shape checking off, as a student has it: the library's own sentences must do."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
