"""What --query says of a wrong expression."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.errors import UsageError
from kvsops.output.query import check_query, search

SEE = "; https://jmespath.org/tutorial.html shows how to write it"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "--query '': Invalid JMESPath expression: cannot be empty"),
        ("[", "--query '[': it ends too early"),
        ("a.", "--query 'a.': it ends too early"),
        ("*0", "--query '*0': unexpected 0 at character 2"),
        ("a b", "--query 'a b': unexpected b at character 3"),
        ("a ? b", "--query 'a ? b': Unknown token ? at character 3"),
        ("'abc", "--query ''abc': Unclosed ' delimiter at character 1"),
        ("a\n\x1b", r"--query 'a\n\x1b': Unknown token \x1b at character 3"),
        ("[" * 3000, "--query is nested too deeply"),
    ],
)
def test_a_query_that_cannot_be_read(query: str, told: str) -> None:
    """It is refused before the work in one line: what is wrong, where, and what to do."""
    with pytest.raises(UsageError) as before:
        check_query(query, "json")
    with pytest.raises(UsageError) as after:
        search(query, [])
    assert str(before.value) == str(after.value) == told + SEE


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("nosuch(@)", "--query 'nosuch(@)': Unknown function: nosuch()"),
        ("length()", "--query 'length()': Expected 1 argument for function length(), received 0"),
        ("[::0]", "--query '[::0]': slice step cannot be zero"),
        (
            "abs('x')",
            "--query 'abs('x')': In function abs(), invalid type for value: x,"
            """ expected one of: ['number'], received: "string\"""",
        ),
    ],
)
def test_a_query_that_does_not_fit(query: str, told: str) -> None:
    """What shows only when the query runs is told in one line too."""
    check_query(query, "json")
    with pytest.raises(UsageError) as caught:
        search(query, [1])
    assert str(caught.value) == told + SEE


@pytest.mark.parametrize("output", ["table", "csv", "markdown"])
def test_a_query_works_on_json_only(output: str) -> None:
    """With another output a query is wrong usage, and none is right everywhere."""
    check_query(None, output)
    with pytest.raises(UsageError) as caught:
        check_query("[].name", output)
    assert str(caught.value) == f"--query works on JSON, not on {output}; add --output json or text"


@given(st.text(st.sampled_from(list("ab[]{}().,:*?|&!@<>='\"0-9 \n\x1b")), max_size=20))
def test_no_query_is_a_traceback(query: str) -> None:
    """Whatever is typed, it finds something or is refused in one line."""
    told = ""
    try:
        search(query, [{"a": 1, "b": ["x", None]}])
    except UsageError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1
