"""Answers changed on their way: nothing protected goes, and nothing fails unsaid."""

from random import Random

import pytest

from tests.between import Answer
from tests.nonsense import CHANGES, runs


@pytest.mark.parametrize("seed", range(4))
def test_nonsense(seed: int) -> None:
    """75 changed answers by each seed; `python -m tests.nonsense` changes as many as are asked."""
    done = list(runs(75, seed))
    assert [(run.argv, run.wrong, run.output) for run in done if run.wrong] == []
    assert sum(run.changed.total() for run in done) >= 75


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"drip", "lost"}))
def test_what_is_changed(name: str) -> None:
    """Each kind of nonsense is another answer than the one it is made of, where it applies."""
    row = b'{"ChannelARN": "arn:us-east-1", "ChannelName": "a", "CreationTime": 1e9}'
    body = b'{"ChannelInfoList": [' + row + b"]}"
    metrics = b'{"MetricDataResults": [{"Id": "q0", "Values": [1.0]}]}'
    answer = Answer(200, metrics if name == "metrics" else body, {"Date": "now"})
    changed = CHANGES[name](Random(1), answer)  # noqa: S311 - to be had again
    assert changed is not None
    assert (changed.status, changed.body, changed.headers) != (200, answer.body, answer.headers)
