"""A webhook: what is posted, where, and what is told of one that does not take it."""

import socket
from pathlib import Path

import pytest

from kvsops.errors import KvsopsError, UsageError
from kvsops.output.webhook import Webhook
from tests.webhooks import inbox

SECRET = "s3cr3t"  # noqa: S105 - what no message may hold


def test_posts_json_as_slack_has_it() -> None:
    """The text alone, in which nothing is a mention or a link of Slack's."""
    with inbox() as kept:
        Webhook.find("env:HOOK", {"HOOK": f"{kept.url}\n"}).post("5 < 6 & <!channel>")
    assert kept.texts == ["5 &lt; 6 &amp; &lt;!channel&gt;"]
    assert (kept.paths, kept.types) == (["/services/T0/B0/s3cr3t"], ["application/json"])


def test_a_long_text_is_cut() -> None:
    """Slack would cut it into several messages."""
    with inbox() as kept:
        Webhook("env:HOOK", kept.url).post("a" * 5_000)
    assert [len(text) for text in kept.texts] == [4_000]
    assert kept.texts[0].endswith("a…")


def test_the_url_may_be_in_a_file(tmp_path: Path) -> None:
    """As a secret that is mounted into a container is."""
    file = tmp_path / "hook"
    with inbox() as kept:
        file.write_text(f"{kept.url}\n")
        Webhook.find(f"file:{file}", {}).post("hello")
    assert kept.texts == ["hello"]


@pytest.mark.parametrize(
    ("statuses", "told", "tries"),
    [
        ([500, 429], None, 3),
        ([503, 503, 503], "it answered 503", 3),
        ([404], "it answered 404", 1),
        ([302], "it answered 302", 1),
    ],
)
def test_what_it_answers(statuses: list[int], told: str | None, tries: int) -> None:
    """What may pass is tried again twice, what will not is told; no redirect is followed."""
    slept: list[float] = []
    with inbox() as elsewhere, inbox() as kept:
        kept.statuses, kept.location = statuses, elsewhere.url
        hook = Webhook("env:HOOK", kept.url)
        if told is None:
            hook.post("hello", slept.append)
        else:
            with pytest.raises(KvsopsError) as raised:
                hook.post("hello", slept.append)
            said = f"the webhook of env:HOOK did not take the notice: {told}"
            assert str(raised.value) == said
    assert len(kept.texts) == tries
    assert slept == [1, 2][: tries - 1]
    assert elsewhere.texts == []


def test_nobody_there() -> None:
    """It is told without a word of where it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hook = Webhook("env:HOOK", f"http://127.0.0.1:{port}/{SECRET}")
    with pytest.raises(KvsopsError) as raised:
        hook.post("hello", lambda _: None)
    said = "the webhook of env:HOOK did not take the notice: Connection refused"
    assert str(raised.value) == said


NO_URL = "the URL of env:HOOK is none: write it like https://HOST/PATH"
OPEN = "the URL of env:HOOK is not https: whoever is on the way could read it"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "env:HOOK: the variable is not set"),
        ("s3cr3t", NO_URL),
        ("https:///s3cr3t", NO_URL),
        ("https://example.com:99999/s3cr3t", NO_URL),
        ("https://example.com/s3cr3t and more", NO_URL),
        ("https://exämple.com/s3cr3t", NO_URL),
        ("http://example.com/s3cr3t", OPEN),
        ("http://127.0.0.1.example.com/s3cr3t", OPEN),
        ("ftp://example.com/s3cr3t", OPEN),
        ("file:///s3cr3t", NO_URL),
    ],
)
def test_a_url_that_may_not_be_posted_to(url: str, told: str) -> None:
    """It is refused before anything is done, and never quoted."""
    with pytest.raises(UsageError) as raised:
        Webhook.find("env:HOOK", {"HOOK": url})
    assert str(raised.value) == told


@pytest.mark.parametrize("source", ["https://example.com/s3cr3t", "s3cr3t", "ENV:s3cr3t"])
def test_a_url_on_the_command_line(source: str) -> None:
    """It is refused, and not repeated: others see the command line, and logs keep it."""
    with pytest.raises(UsageError) as raised:
        Webhook.find(source, {})
    assert str(raised.value) == (
        "a webhook's URL is a secret, and a command line is not: write env:NAME, of a variable, or"
        " file:PATH, of a file that holds it"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The path is named: it is no secret."""
    with pytest.raises(UsageError) as raised:
        Webhook.find(f"file:{tmp_path}/none", {})
    assert str(raised.value) == f"file:{tmp_path}/none cannot be read: No such file or directory"


def test_its_url_is_in_no_repr() -> None:
    """Nor does a traceback's local variable show it."""
    assert SECRET not in repr(Webhook("env:HOOK", f"https://example.com/{SECRET}"))
