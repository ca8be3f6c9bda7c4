"""Links to storage. They have no cheap source: each is read directly."""

from typing import Final

from kvsops.aws import channels
from kvsops.core.facts import Need
from kvsops.facts.look import ByChannel, Reader

READER: Final[Reader] = ByChannel(Need.STORAGE, "storage links", channels.storage_link_of)
