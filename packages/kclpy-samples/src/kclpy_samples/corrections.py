"""What moto (5.2) does otherwise than AWS, where a MultiLangDaemon notices: resharding, and a condition of KCL 1's.

Each correction wraps moto's own code, in the process that serves it.
"""

from __future__ import annotations

import base64
import copy
import json
import math
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from moto.core.responses import ActionResult
from moto.core.utils import unix_time
from moto.dynamodb import urls as dynamodb_urls
from moto.dynamodb.responses import DynamoHandler
from moto.kinesis import models as kinesis
from moto.kinesis import urls as kinesis_urls
from moto.kinesis.exceptions import InvalidArgumentError
from moto.kinesis.responses import KinesisResponse
from moto.kinesis.utils import decompose_shard_iterator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_records = threading.RLock()
"""Held by whoever reads records, adds some, or closes their shard: requests are answered in threads."""
_PAGE = 1000
"""How many shards a list has at the most, if nobody says."""


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
    """A shard that is split or merged keeps its records; those that come later go to its children.

    It is known when that was.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._opened: dict[str, float] = {}
        self._closed: dict[str, float] = {}

    def listed(self, shard_filter: dict[str, Any]) -> list[kinesis.Shard]:
        """The shards that pass Kinesis's ShardFilter, by their ids. Raises InvalidArgumentError."""
        created = unix_time(self.creation_datetime)
        horizon = max(created, time.time() - self.retention_period_hours * 3600)

        def ends_after(shard: kinesis.Shard, moment: float) -> bool:
            return self._closed.get(shard.shard_id, math.inf) > moment

        def is_open_at(shard: kinesis.Shard, moment: float) -> bool:
            # Of the moment at which a shard and its children meet, it is the children that are open.
            return ends_after(shard, moment) and self._opened.get(shard.shard_id, created) <= moment

        kind = _required(shard_filter, "Type")
        moment = max(horizon, _required(shard_filter, "Timestamp")) if kind.endswith("_TIMESTAMP") else horizon
        after = _required(shard_filter, "ShardId") if kind == "AFTER_SHARD_ID" else ""
        filters: dict[str, Callable[[kinesis.Shard], bool]] = {
            "AFTER_SHARD_ID": lambda shard: shard.shard_id > after,
            "AT_LATEST": lambda shard: shard.is_open,
            "AT_TIMESTAMP": lambda shard: is_open_at(shard, moment),
            "AT_TRIM_HORIZON": lambda shard: is_open_at(shard, moment),
            "FROM_TIMESTAMP": lambda shard: ends_after(shard, moment),
            "FROM_TRIM_HORIZON": lambda shard: ends_after(shard, moment),
        }
        if kind not in filters:
            raise InvalidArgumentError(f"{kind} is not a type of ShardFilter")
        return sorted(filter(filters[kind], self.shards.values()), key=attrgetter("shard_id"))

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
        """Out of the sight of moto, which would move them to the children. What opens and what closes is noted."""
        with _records:
            before = {*self.shards}
            kept = [(shard, shard.records) for shard in self.shards.values()]
            for shard, _ in kept:
                shard.records = OrderedDict()
            try:
                yield
            finally:
                for shard, records in kept:
                    shard.records = records
            now = time.time()
            for shard_id, shard in self.shards.items():
                if shard_id not in before:
                    self._opened[shard_id] = now
                if not shard.is_open:
                    self._closed.setdefault(shard_id, now)


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
        """Those that the filter asks for, page by page; moto would give all.

        The KCL fills an empty lease table from those of a moment (the beginning, now, or a time), and calls the hash range
        of a list incomplete that has a shard together with its children (HierarchicalShardSyncer); it would not start a
        single one. Without a filter, and before the beginning, it is the beginning that counts.
        """
        asked = self._asked()
        with _records:
            stream = cast("Stream", self.kinesis_backend.describe_stream(asked["StreamARN"], asked["StreamName"]))
            shards = stream.listed(asked["ShardFilter"] or {"Type": "FROM_TRIM_HORIZON"})
            shards = [shard for shard in shards if shard.shard_id > (asked["ExclusiveStartShardId"] or "")]
            page = shards[: self._get_param("MaxResults", _PAGE)]
            answer: dict[str, Any] = {"Shards": [shard.to_json() for shard in page]}
        if len(page) < len(shards):
            rest = {**asked, "ExclusiveStartShardId": page[-1].shard_id}
            answer["NextToken"] = base64.b64encode(json.dumps(rest).encode()).decode()
        return ActionResult(answer)

    def _asked(self) -> dict[str, Any]:
        """What a list of shards was asked for; a NextToken, which comes alone, says it again."""
        if token := self._get_param("NextToken"):
            try:
                return dict(json.loads(base64.b64decode(token, validate=True)))
            except (TypeError, ValueError):
                raise InvalidArgumentError("NextToken is not one that was given") from None
        names = ("StreamARN", "StreamName", "ShardFilter", "ExclusiveStartShardId")
        return {name: self._get_param(name) for name in names}


def _required(shard_filter: dict[str, Any], name: str) -> Any:
    if name not in shard_filter:
        raise InvalidArgumentError(f"this ShardFilter needs {name}")
    return shard_filter[name]


def _child(shard: kinesis.Shard) -> dict[str, Any]:
    """As Kinesis's ChildShard."""
    return {
        "ShardId": shard.shard_id,
        "ParentShards": [parent for parent in (shard.parent, shard.adjacent_parent) if parent],
        "HashKeyRange": shard.to_json()["HashKeyRange"],
    }
