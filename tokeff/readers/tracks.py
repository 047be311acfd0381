"""The sound of clips as items of their own: `clip.mp4#audio` behind `clip.mp4`.

A clip and its sound share the file's bytes: the sound has those of its packets, the clip the rest, so that stored bytes
add up to the file. Every packet of the sound is read for that. A clip without sound is one item as before. Leaves out
files that are sound anyway.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from tokeff.errors import ItemError
from tokeff.records.items import Failure, Item

SUFFIX = "#audio"


def with_sound(found: Iterator[Item | Failure]) -> Iterator[Item | Failure]:
    """What was found, each clip followed by its sound. A clip that cannot be opened says so where it is measured."""
    for one in found:
        if not isinstance(one, Item) or one.modality != "video":
            yield one
            continue
        n_bytes = _sound_bytes(one)
        yield replace(one, stored_bytes=one.stored_bytes - n_bytes)
        if n_bytes:
            yield Item(modality="audio", key=one.key + SUFFIX, stored_bytes=n_bytes, open=one.open)


def _sound_bytes(item: Item) -> int:
    """Of the packets of the first sound stream; 0 where there is none."""
    # Here, since it brings av, which corpora without clips do not need.
    from tokeff.media.video_index import opened

    try:
        with closing(item.open()) as stream, opened(stream) as container:
            if not container.streams.audio:
                return 0
            return sum(packet.size for packet in container.demux(container.streams.audio[0]))
    except (ItemError, OSError):
        return 0
