"""What is not known of a stream's cost, and what the rest rests on."""

from enum import StrEnum


class Caveat(StrEnum):
    """Why an amount is not known, or what it rests on; each is told once for all streams."""

    PRESENT_SETTINGS = (
        "storage is reckoned by each stream's present retention and tier: AWS does not tell when "
        "they were changed"
    )
    REACH = "what came in longer ago than CloudWatch keeps (455 days) is stored, but not counted"
    GONE = (
        "what deleted streams had stored is not known, nor their tier: what they took in is priced "
        "as of the hot one"
    )
    RETENTION = "a retention could not be read: what is stored is not known"
    WARM = "the prices of the warm storage tier are not known"
    TIER = "a storage tier could not be read: ingest and storage are not priced"
    METRICS = "metrics could not be read: what they tell is not known"
    PRICES = (
        "prices of streams' data are not known: a --prices file can name them (kvsops prices shows "
        "those that are)"
    )
    CLIPS = "the price of clips (GetClip) is not known"
    UNCOUNTED = (
        "not counted: images and the minutes of channels' storage sessions, of which neither "
        "metric nor price is known"
    )

    @property
    def hides_cost(self) -> bool:
        """Whether something may cost more than is told, so that a total is a lower bound."""
        # What may not have been used at all would make a lower bound of every total.
        return self not in (Caveat.PRESENT_SETTINGS, Caveat.UNCOUNTED)

    @property
    def mendable(self) -> bool:
        """Whether whoever reads it can do something: allow a call, or name prices."""
        return self in (Caveat.RETENTION, Caveat.TIER, Caveat.METRICS, Caveat.PRICES)
