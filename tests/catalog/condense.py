#!/usr/bin/env python3
"""Condense the successive releases of one model catalogue into a history file.

    condense.py [--only ATTRIBUTE=VALUE,VALUE...] --out HISTORY RELEASE...

RELEASE files are given oldest first and named FAMILY-VERSION.json (one object,
attributes by model id) or FAMILY-VERSION.jsonl (one {"id", "attributes"} a line).
HISTORY gets, per release, a header line {"release": "FAMILY VERSION"} and then
one line for each model that differs from the release before, sorted by id:

    {"attributes": {...}, "id": ...}             new: all its attributes
    {"id": ..., "set": {...}, "unset": [...]}    changed: the attributes that differ
    {"gone": true, "id": ...}                    withdrawn

Everything is new in the first release. The counts per release go to standard output.

--only keeps the models whose ATTRIBUTE has one of the values in at least one of
the releases, so that a model that moves in or out is not taken for new or gone.

The entries in NOT_MODELS and the attributes in DROPPED are left out. What is left
must be facts: a string of more than MAX_WORDS words, at any depth, is an error.
"""

import argparse
import json
import pathlib
import sys

NOT_MODELS = {"fallback_generalizations", "sample_spec"}
DROPPED = {
    "audio_transcription_config",
    "comment",
    "metadata",
    "origin_url",
    "provider_specific_entry",
    "rules",
    "source",
    "url",
}
MAX_WORDS = 6


def canonical(value):
    """The one text of a JSON value; unlike Python's ==, it tells 1 from 1.0 and true."""
    return json.dumps(
        value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )


def read(path):
    """A release file's models: attributes by id, without what is left out."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        models = {line["id"]: line["attributes"] for line in lines}
        if len(models) != len(lines):
            sys.exit(f"{path}: an id occurs twice")
    else:
        models = json.loads(text)
    return {
        model: {key: value for key, value in attributes.items() if key not in DROPPED}
        for model, attributes in models.items()
        if model not in NOT_MODELS
    }


def strings(value):
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def changes(old, new):
    """The lines that lead from one release's models to the next's, sorted by id."""
    for model in sorted(old.keys() | new.keys()):
        before, after = old.get(model), new.get(model)
        if after is None:
            yield {"id": model, "gone": True}
        elif before is None:
            yield {"id": model, "attributes": after}
        elif canonical(before) != canonical(after):
            changed = {
                key: value
                for key, value in after.items()
                if key not in before or canonical(before[key]) != canonical(value)
            }
            yield {"id": model, "set": changed, "unset": sorted(before.keys() - after.keys())}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="ATTRIBUTE=VALUES", help="which models to keep")
    parser.add_argument("--out", metavar="HISTORY", type=pathlib.Path, required=True)
    parser.add_argument("releases", metavar="RELEASE", type=pathlib.Path, nargs="+")
    args = parser.parse_args()

    releases = [(path.stem.replace("-", " ", 1), read(path)) for path in args.releases]
    if args.only:
        attribute, _, values = args.only.partition("=")
        wanted = set(values.split(","))
        kept = {
            model
            for _, models in releases
            for model, attributes in models.items()
            if attributes.get(attribute) in wanted
        }
        releases = [(name, {m: models[m] for m in models.keys() & kept}) for name, models in releases]

    with args.out.open("w", encoding="utf-8", newline="\n") as out:
        old = {}
        print("| release | new | changed | withdrawn | models |\n|---|--:|--:|--:|--:|")
        for name, new in releases:
            print(canonical({"release": name}), file=out)
            counts = {"attributes": 0, "set": 0, "gone": 0}
            for line in changes(old, new):
                for text in strings(line):
                    if len(text.split()) > MAX_WORDS:
                        sys.exit(f"{name}: {line['id']}: prose: {text!r}")
                for kind in counts.keys() & line.keys():
                    counts[kind] += 1
                print(canonical(line), file=out)
            new_, changed, gone = counts.values()
            print(f"| {name} | {new_} | {changed} | {gone} | {len(new)} |")
            old = new


if __name__ == "__main__":
    main()
