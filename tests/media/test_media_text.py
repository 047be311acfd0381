import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff.errors import ItemError
from tokeff.media import text


class Long(io.BytesIO):
    """A text of two gigabytes that nobody may read."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 2**31 if whence == io.SEEK_END else super().seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("a text that is too large must be refused before it is read")


@given(st.text(min_size=1))
def test_header_agrees_with_decode(content: str) -> None:
    data = content.encode()
    header = text.read_header(io.BytesIO(data))
    signal = text.decode(io.BytesIO(data))
    assert signal.data == data
    assert signal.header == header
    assert header.raw_bytes == len(data)


def test_byte_order_mark_and_line_ends_are_kept() -> None:
    data = b"\xef\xbb\xbfa\r\nb\r"
    assert text.decode(io.BytesIO(data)).data == data


@pytest.mark.parametrize(
    ("data", "offset", "advice"),
    [
        ("schön".encode("latin-1"), 3, "ITS-ENCODING"),
        (b"ab\xed\xa0\x80", 2, "ITS-ENCODING"),  # a surrogate
        (b"ok\xc3", 2, "ITS-ENCODING"),  # cut in a character
        ("text".encode("utf-16"), 0, "iconv -f UTF-16 "),
        ("text".encode("utf-32"), 0, "iconv -f UTF-32 "),
    ],
)
def test_other_encodings_are_refused_with_place_and_advice(data: bytes, offset: int, advice: str) -> None:
    with pytest.raises(ItemError, match=f"byte {offset} .*{advice}") as refusal:
        text.decode(io.BytesIO(data))
    assert refusal.value.reason == "not_utf8"


def test_empty_and_too_large() -> None:
    with pytest.raises(ItemError) as refusal:
        text.read_header(io.BytesIO())
    assert refusal.value.reason == "empty_file"
    with pytest.raises(ItemError, match="--unit line") as refusal:
        text.decode(Long())
    assert refusal.value.reason == "too_large"
