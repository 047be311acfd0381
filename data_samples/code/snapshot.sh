#!/usr/bin/env bash
# Back up a folder into dated snapshots; unchanged files are hard links to the snapshot before.
set -euo pipefail
IFS=$'\n\t'

usage() {
    cat <<USAGE
usage: ${0##*/} [-n] [-k DAYS] SOURCE TARGET
  -n        say what would be done, do nothing
  -k DAYS   keep snapshots of the last DAYS days (default: 30)
USAGE
}

dry_run=0
keep_days=30
while getopts ':nk:h' flag; do
    case "$flag" in
        n) dry_run=1 ;;
        k) keep_days=$OPTARG ;;
        h) usage; exit 0 ;;
        :) echo "-$OPTARG wants a value" >&2; exit 2 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))

if [[ $# -ne 2 || ! -d $1 ]]; then
    usage >&2
    exit 2
fi
if ! [[ $keep_days =~ ^[1-9][0-9]*$ ]]; then
    echo "-k $keep_days: not a number of days" >&2
    exit 2
fi

source_dir=$(cd "$1" && pwd -P)
mkdir -p "$2"
target_dir=$(cd "$2" && pwd -P)
stamp=$(date -u +%Y-%m-%dT%H%M%SZ)
latest="$target_dir/latest"

options=(--archive --delete --human-readable --stats)
[[ -e $latest ]] && options+=("--link-dest=$latest")
((dry_run)) && options+=(--dry-run)

lock="$target_dir/.lock"
if ! mkdir "$lock" 2>/dev/null; then
    echo "another backup is running (remove $lock if it is not)" >&2
    exit 1
fi
trap 'rmdir "$lock"' EXIT

echo "snapshot $stamp of $source_dir"
rsync "${options[@]}" "$source_dir/" "$target_dir/$stamp.partial/" | awk '/^(Number of|Total)/ { print "  " $0 }'
if ((!dry_run)); then
    mv "$target_dir/$stamp.partial" "$target_dir/$stamp"
    ln -sfn "$stamp" "$latest"
fi

find "$target_dir" -mindepth 1 -maxdepth 1 -type d -name '20*Z' -mtime "+$keep_days" -print0 |
    while IFS= read -r -d '' old; do
        echo "drop ${old##*/}"
        ((dry_run)) || rm -rf -- "$old"
    done
