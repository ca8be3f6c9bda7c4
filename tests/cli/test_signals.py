"""Signals that end a command: which of them counts as a second one."""

from kvsops.cli.signals import Twice


def test_sent_twice() -> None:
    """What timeout(1) sends twice counts once; what somebody presses again counts again."""
    sent = [(10.0, 2), (10.0, 2), (10.1, 2), (10.1, 15), (10.3, 2), (10.4, 2)]
    times = iter([at for at, _ in sent])
    twice = Twice(lambda: next(times))
    assert [number for _, number in sent if not twice.is_second(number)] == [2, 15, 2]
