"""A channel that records, its stream and two others, for the commands that tell costs."""

from kvsops.core.stream_price import GB
from kvsops.local.server import LocalServer
from tests.bill.test_streams import every_hour, stream
from tests.fleet import DAY, HOUR, NOON, put
from tests.usage import use

NOW = NOON + 19 * DAY


def sow_recordings(emulator: LocalServer) -> LocalServer:
    """Put two channels there, of which `cam-door` records to `film`, and `hall` and `wall`.

    `film` keeps nothing and nobody reads it, `hall` keeps 30 days and was watched by HLS, and
    `wall` was read.
    """
    emulator.settings.clock = lambda: NOW
    channel = put(emulator, "cam-door", 30 * DAY, tags={"team": "door"})
    put(emulator, "cam-yard", 30 * DAY, tags={"team": "yard"})
    use(emulator, "cam-door", NOW - 2 * HOUR, masters=1)
    moved = every_hour(NOW - 10 * DAY, NOW, GB)
    stream(emulator, "film", 0, age=20 * DAY, moved=moved)
    channel.stream_arn = arn_of(emulator, "film")
    stream(emulator, "hall", 720, age=20 * DAY, moved=every_hour(NOW - DAY, NOW, GB, by_hls=GB))
    emulator.backend().tag_stream("hall", arn_of(emulator, "hall"), {"team": "yard"})
    stream(emulator, "wall", 0, age=20 * DAY, moved=every_hour(NOW - DAY, NOW, 0, consumed=GB))
    return emulator


def arn_of(emulator: LocalServer, name: str) -> str:
    """Return a stream's ARN."""
    streams = emulator.backend().streams.values()
    return next(each.arn for each in streams if each.stream_name == name)
