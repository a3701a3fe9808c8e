"""The table of parameters in the sandbox is what the pinned SDK and `endpoints.py` say."""

import generate_parameters


def test_table_is_current():
    assert generate_parameters.TARGET.read_text() == generate_parameters.swift()
