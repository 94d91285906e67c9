"""The sample record processor: counts the words of its shard.

The MultiLangDaemon starts this program once for each shard. It writes nothing to stdout, which belongs to the
daemon; what people should see goes to stderr, and with ``--counts FOLDER`` the counts go to a file for each shard.

After a failure the daemon delivers the records since the last checkpoint again. A record counts once all the same,
because the file keeps the last sequence number beside the counts that include it.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import kclpy

log = logging.getLogger("wordcount")


@dataclass
class ShardCounts:
    """What is known of a shard's words, and up to which record."""

    words: Counter[str] = field(default_factory=Counter)
    last: tuple[int, int] = (-1, -1)
    """The sequence and sub-sequence number of the last record counted; both only grow within a shard."""
    shutdown_requested: bool = False

    @classmethod
    def load(cls, path: Path) -> ShardCounts:
        """The counts in ``path``; none where it does not exist."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        return cls(Counter(document["words"]), tuple(document["last"]), document["shutdown_requested"])

    def save(self, path: Path) -> None:
        """Replace ``path`` as a whole, so that no reader and no crash ever leaves half a file."""
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(vars(self)), encoding="utf-8")
        temporary.replace(path)


class WordCounter(kclpy.RecordProcessor):
    """Counts each record's data as one word."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: Path | None = None
        self._counts = ShardCounts()

    def initialize(self, initialize_input: kclpy.InitializeInput) -> None:
        """Take up the counts where the shard's last process left them."""
        self._shard_id = initialize_input.shard_id
        if self._folder is not None:
            self._file = self._folder / f"{self._shard_id}.json"
            self._counts = ShardCounts.load(self._file)
        self._counts.shutdown_requested = False
        self._save()
        log.info("%s: starting at %s", self._shard_id, initialize_input.sequence_number)

    def process_records(self, process_records_input: kclpy.ProcessRecordsInput) -> None:
        """Count the words that were not counted before, and checkpoint."""
        for record in process_records_input.records:
            position = (int(record.sequence_number), record.sub_sequence_number or 0)
            if position > self._counts.last:
                self._counts.words[record.binary_data.decode("utf-8", "replace")] += 1
                self._counts.last = position
        self._save()
        process_records_input.checkpointer.checkpoint()
        log.info(
            "%s: %d records, %s ms behind; %s",
            self._shard_id,
            len(process_records_input.records),
            process_records_input.millis_behind_latest,
            ", ".join(f"{word} {count}" for word, count in self._counts.words.most_common(10)),
        )

    def shutdown_requested(self, shutdown_requested_input: kclpy.ShutdownRequestedInput) -> None:
        """The daemon is about to end: a last checkpoint."""
        self._counts.shutdown_requested = True
        self._save()
        shutdown_requested_input.checkpointer.checkpoint()
        log.info("%s: shutdown requested", self._shard_id)

    def lease_lost(self, lease_lost_input: kclpy.LeaseLostInput) -> None:
        """Another worker has the shard now; there is nothing left to do, and no checkpoint to make."""
        log.info("%s: lease lost", self._shard_id)

    def _save(self) -> None:
        if self._file is not None:
            self._counts.save(self._file)


def main() -> None:
    """The program that the MultiLangDaemon starts (``executableName``)."""
    parser = argparse.ArgumentParser(
        prog="kclpy-wordcount",
        description="Count the words of a shard, started by the MultiLangDaemon.",
    )
    parser.add_argument(
        "--counts",
        type=Path,
        metavar="FOLDER",
        help="keep the counts in FOLDER, one JSON file for each shard",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    kclpy.run(WordCounter(arguments.counts))


if __name__ == "__main__":
    main()
