"""What reports as JUnit XML share. The extra's library is imported where a file is made."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from junitparser import TestSuite


def document(suite: "TestSuite") -> bytes:
    """Make the file of one suite."""
    from junitparser import JUnitXml

    xml = JUnitXml(suite.name)
    xml.add_testsuite(suite)
    tostring: Callable[[], bytes] = xml.tostring  # not all of it has types
    return tostring()
