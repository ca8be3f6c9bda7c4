"""What smoke does with a channel, and which steps a mode has."""

from kvsops.smoke.plan import Target, Wanted, mode_for, steps_of

TARGET = Target("cam", "arn", ours=False, detail="ACTIVE")


def test_modes() -> None:
    """A channel that smoke did not make is only checked, unless it is told otherwise."""
    assert mode_for(Wanted(), TARGET) == "checks"
    assert mode_for(Wanted(take_over=True), TARGET) == "loop"
    assert mode_for(Wanted(mode="viewer-only"), TARGET) == "viewer-only"
    assert mode_for(Wanted(mode="master-only", take_over=True), TARGET) == "master-only"


def test_steps_of_a_mode() -> None:
    """Each mode has the steps that it can take."""
    assert steps_of("checks", lasting=True) == ["describe", "endpoint", "ice_servers", "probe"]
    assert "master_connects" not in steps_of("viewer-only", lasting=True)
    assert "viewer_connects" not in steps_of("master-only", lasting=True)
    assert steps_of("loop", lasting=True)[-1] == "steady"
    assert steps_of("loop", lasting=False)[-1] == "first_audio"


def test_many_viewers_get_a_smaller_picture() -> None:
    """All of them are coded on one machine."""
    assert (Wanted(viewers=2).size, Wanted(viewers=3).size) == ((640, 480), (320, 240))
