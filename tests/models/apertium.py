"""Tests that need Apertium, which the recipe installs with ``apt-get``."""

import os
import shutil

import pytest

needs_apertium = pytest.mark.skipif(
    shutil.which("apertium") is None and "CI" not in os.environ,
    reason="NOT TESTED: Apertium is not installed, which the recipe of the models needs",
)
