"""The tests, laid out as the packages are; what they share is in `kit`."""

import pytest

pytest.register_assert_rewrite("tests.kit")
