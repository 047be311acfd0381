"""What is in a file: its kind, its header without decoding, its content, and the way back to bytes.

Thin modules over Pillow, PyAV and soundfile; what those raise becomes an ItemError with a reason. `image`, `audio`,
`video` and `text` each have `read_header(stream)` and `decode(...)`; `dispatch` chooses by an item's modality.
"""
