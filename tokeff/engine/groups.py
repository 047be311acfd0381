"""Parts of a corpus: the folder and the ending of each item's key, and folders merged to a number one can read.

Leaves out sums.
"""

from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 3
N_GROUPS = 24


def folders_and_endings(keys: Any) -> tuple[Any, Any]:
    """Two pyarrow arrays for an array of keys: folder (a file, where its lines are the items) and ending.

    Folders are cut off behind MAX_DEPTH names.
    """
    import pyarrow.compute as pc

    files = pc.replace_substring_regex(keys, r"#[LPR]\d+(\.[^/#]*)?(#[LP]\d+)?$", "")
    folders = pc.if_else(pc.equal(files, keys), pc.replace_substring_regex(files, r"/?[^/]*$", ""), files)
    folders = pc.replace_substring_regex(folders, rf"^((?:[^/]*/){{{MAX_DEPTH - 1}}}[^/]*)/.*$", r"\1")
    has_ending = pc.match_substring_regex(files, r"[^/]\.[A-Za-z0-9]{1,8}$")
    endings = pc.replace_substring_regex(pc.utf8_lower(files), r"^(?s:.*)\.", ".")
    return folders, pc.if_else(has_ending, endings, "(none)")


def at_one_depth(folders: Iterable[str]) -> dict[str, str]:
    """Folder -> the folder it is merged into: the deepest level that has at most N_GROUPS.

    >>> at_one_depth(["a/b", "a/c"])
    {'a/b': 'a/b', 'a/c': 'a/c'}
    >>> set(at_one_depth(f"a/{number}" for number in range(99)).values())
    {'a'}
    """
    names = list(dict.fromkeys(folders))
    merged: dict[str, str] = {}
    for depth in range(MAX_DEPTH, 0, -1):
        merged = {name: "/".join(name.split("/")[:depth]) for name in names}
        if len(set(merged.values())) <= N_GROUPS:
            break
    return merged
