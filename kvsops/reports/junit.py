"""What reports as JUnit XML share. The extra's library is imported where a file is made."""

import re
from typing import TYPE_CHECKING, Final

from kvsops.output.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from junitparser import TestSuite

_NO_XML: Final = re.compile("[\ufffe\uffff]")  # beside what `safe()` makes visible


def xml_safe(text: str) -> str:
    """Make a text fit for XML: the writer escapes what has a meaning, but takes any character."""
    return _NO_XML.sub("\ufffd", safe(text))


def document(suite: "TestSuite") -> bytes:
    """Make the file of one suite."""
    from junitparser import JUnitXml

    xml = JUnitXml(suite.name)
    xml.add_testsuite(suite)
    tostring: Callable[[], bytes] = xml.tostring  # not all of it has types
    return tostring()
