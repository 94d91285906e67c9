"""What moto (5.2) does otherwise than AWS, where a MultiLangDaemon notices: resharding, and a condition of KCL 1's.

Each correction wraps moto's own code, in the process that serves it.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from moto.core.responses import ActionResult
from moto.dynamodb import urls as dynamodb_urls
from moto.dynamodb.responses import DynamoHandler
from moto.kinesis import models as kinesis
from moto.kinesis import urls as kinesis_urls
from moto.kinesis.responses import KinesisResponse
from moto.kinesis.utils import decompose_shard_iterator

if TYPE_CHECKING:
    from collections.abc import Iterator

_records = threading.RLock()
"""Held by whoever reads records, adds some, or closes their shard: requests are answered in threads."""


def correct_moto() -> None:
    """Correct moto in this process; before its applications are created."""
    dynamodb_urls.url_paths = dict.fromkeys(dynamodb_urls.url_paths, DynamoDBResponses.dispatch)
    kinesis_urls.url_paths = dict.fromkeys(kinesis_urls.url_paths, KinesisResponses.dispatch)
    kinesis.Stream = Stream  # type: ignore[misc]


class DynamoDBResponses(DynamoHandler):
    """A condition with a value and an operator uses the operator."""

    def update_item(self) -> ActionResult:
        """Update an item. moto would take the condition for equality.

        KCL 1 makes each checkpoint on the condition that the lease's is NE (not equal to) SHARD_END
        (KinesisClientLeaseSerializer.getDynamoLeaseCheckpointExpectation).
        """
        for condition in self.body.get("Expected", {}).values():
            if {"ComparisonOperator", "Value"} <= condition.keys():
                condition["AttributeValueList"] = [condition.pop("Value")]
        return super().update_item()


class Stream(kinesis.Stream):
    """A shard that is split or merged keeps its records; those that come later go to its children."""

    def get_shard_for_key(self, partition_key: str, explicit_hash_key: str) -> kinesis.Shard | None:
        """The open shard of a key; moto would prefer the closed parent."""
        present = copy.copy(self)
        present.shards = {shard_id: shard for shard_id, shard in self.shards.items() if shard.is_open}
        return super(Stream, present).get_shard_for_key(partition_key, explicit_hash_key)

    def put_record(self, partition_key: str, explicit_hash_key: str, data: str) -> tuple[str, str]:
        with _records:
            return super().put_record(partition_key, explicit_hash_key, data)

    def split_shard(self, shard_to_split: str, new_starting_hash_key: str) -> None:
        with self._keeping_records():
            super().split_shard(shard_to_split, new_starting_hash_key)

    def merge_shards(self, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        with self._keeping_records():
            super().merge_shards(shard_to_merge, adjacent_shard_to_merge)

    @contextmanager
    def _keeping_records(self) -> Iterator[None]:
        """Out of the sight of moto, which would move them to the children."""
        with _records:
            kept = [(shard, shard.records) for shard in self.shards.values()]
            for shard, _ in kept:
                shard.records = OrderedDict()
            try:
                yield
            finally:
                for shard, records in kept:
                    shard.records = records


class KinesisResponses(KinesisResponse):
    """A closed shard has an end, and a list of shards can be that of a moment."""

    def get_records(self) -> ActionResult:
        """At the end of a closed shard: no next iterator, but the shard's children. moto would go on for ever."""
        with _records:
            answer = cast("dict[str, Any]", super().get_records().result)
            name, shard_id, last = decompose_shard_iterator(answer["NextShardIterator"])
            stream = self.kinesis_backend.describe_stream(self._get_param("StreamARN"), name)
            shard = stream.get_shard(shard_id)
            if not shard.is_open and int(last) >= shard.get_max_sequence_number():
                children = map(_child, stream.shards.values())
                answer["NextShardIterator"] = None
                answer["ChildShards"] = [child for child in children if shard_id in child["ParentShards"]]
            return ActionResult(answer)

    def list_shards(self) -> ActionResult:
        """Those of the beginning, or those of now, if the filter asks for them; moto would give all.

        The KCL fills an empty lease table from one of the two, and calls the hash range of a list incomplete that has a
        shard together with its children (HierarchicalShardSyncer); it would not start a single one.
        """
        answer = cast("dict[str, Any]", super().list_shards().result)
        kind = (self._get_param("ShardFilter") or {}).get("Type")
        if kind == "AT_TRIM_HORIZON":  # nothing is trimmed here
            answer["Shards"] = [shard for shard in answer["Shards"] if "ParentShardId" not in shard]
        elif kind == "AT_LATEST":
            answer["Shards"] = [
                shard for shard in answer["Shards"] if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
            ]
        return ActionResult(answer)


def _child(shard: kinesis.Shard) -> dict[str, Any]:
    """As Kinesis's ChildShard."""
    return {
        "ShardId": shard.shard_id,
        "ParentShards": [parent for parent in (shard.parent, shard.adjacent_parent) if parent],
        "HashKeyRange": shard.to_json()["HashKeyRange"],
    }
