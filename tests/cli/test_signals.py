"""Signals that end a command: which of them counts as a second one."""

from kvsops.cli.signals import once


def test_sent_twice() -> None:
    """What timeout(1) sends twice counts once; what somebody presses again counts again."""
    heard: list[int] = []
    times = iter([10.0, 10.0, 10.1, 10.1, 10.3, 10.4])
    receive = once(heard.append, lambda: next(times))
    for number in (2, 2, 2, 15, 2, 2):
        receive(number)
    assert heard == [2, 15, 2]
