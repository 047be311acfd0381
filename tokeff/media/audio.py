"""Sound: header, samples, and classical codecs (`audio_coding`)."""

from tokeff.media.audio_coding import Codec, decode_bytes, encode

__all__ = ["Codec", "decode_bytes", "encode"]
