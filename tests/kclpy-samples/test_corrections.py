"""The local AWS does as AWS does where a MultiLangDaemon notices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
import pytest
from kclpy_samples.corrections import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kclpy_samples.local import LocalAws
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kinesis import KinesisClient

    Ask = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
    ReadWords = Callable[[KinesisClient, str], list[str]]

KEY = {"leaseKey": {"S": "shardId-000000000000"}}
PARENT, LOWER, UPPER = (f"shardId-00000000000{shard}" for shard in range(3))


@pytest.fixture
def dynamodb(aws: LocalAws, stream: str) -> Iterator[DynamoDBClient]:
    """A client of a local DynamoDB that has a lease table, named as the stream, with one lease."""
    client = boto3.client("dynamodb", endpoint_url=aws.url)
    client.create_table(
        TableName=stream,
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName=stream, Item={**KEY, "checkpoint": {"S": "7"}, "leaseOwner": {"S": "worker"}})
    yield client
    client.close()


def checkpoint(dynamodb: DynamoDBClient, table: str, value: str) -> None:
    """As KCL 1 does it: only by the owner, and not once the shard's end was reached."""
    dynamodb.update_item(
        TableName=table,
        Key=KEY,
        AttributeUpdates={"checkpoint": {"Value": {"S": value}, "Action": "PUT"}},
        Expected={
            "leaseOwner": {"Value": {"S": "worker"}},
            "checkpoint": {"Value": {"S": "SHARD_END"}, "ComparisonOperator": "NE"},
        },
    )


def test_an_expected_value_with_an_operator_is_compared_with_it(dynamodb: DynamoDBClient, stream: str) -> None:
    """NE holds for another value, and not for the same."""
    checkpoint(dynamodb, stream, "8")
    checkpoint(dynamodb, stream, "SHARD_END")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        checkpoint(dynamodb, stream, "9")
    assert dynamodb.get_item(TableName=stream, Key=KEY)["Item"]["checkpoint"] == {"S": "SHARD_END"}


@pytest.fixture
def split(kinesis: KinesisClient, stream: str) -> str:
    """A stream whose shard was split after the words cat and dog; bird and lobster came later, one in each child."""
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    put(kinesis, stream, "cat", "0")
    put(kinesis, stream, "dog", str(2**128 - 2))
    kinesis.split_shard(StreamName=stream, ShardToSplit=PARENT, NewStartingHashKey=str(2**127))
    put(kinesis, stream, "bird", "0")
    put(kinesis, stream, "lobster", str(2**127))
    return stream


def put(kinesis: KinesisClient, stream: str, word: str, hash_key: str) -> None:
    kinesis.put_record(StreamName=stream, Data=word.encode(), PartitionKey=word, ExplicitHashKey=hash_key)


def read(kinesis: KinesisClient, stream: str, shard_id: str, limit: int = 10) -> list[dict[str, Any]]:
    """What GetRecords answers until there is no next iterator, or no more records."""
    answers: list[dict[str, Any]] = []
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")
    following: str | None = iterator["ShardIterator"]
    while following:
        answer: dict[str, Any] = {**kinesis.get_records(ShardIterator=following, Limit=limit)}
        answers.append(answer)
        following = answer.get("NextShardIterator") if answer["Records"] else None
    return answers


def words(answers: list[dict[str, Any]]) -> list[str]:
    return [record["Data"].decode() for answer in answers for record in answer["Records"]]


def test_a_split_shard_keeps_its_records_and_its_children_have_the_later_ones(
    kinesis: KinesisClient, split: str
) -> None:
    """Each record is in one shard, that which was open when it was put."""
    assert [words(read(kinesis, split, shard)) for shard in (PARENT, LOWER, UPPER)] == [
        ["cat", "dog"],
        ["bird"],
        ["lobster"],
    ]


def test_the_last_answer_of_a_closed_shard_has_its_children_in_place_of_an_iterator(
    kinesis: KinesisClient, split: str
) -> None:
    """The KCL ends a shard at that; an answer with both, or neither, it calls not valid."""
    *before, last = read(kinesis, split, PARENT, limit=1)
    assert [answer.get("ChildShards") for answer in before] == [None]
    assert "NextShardIterator" not in last
    assert last["ChildShards"] == [
        {
            "ShardId": LOWER,
            "ParentShards": [PARENT],
            "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(2**127 - 1)},
        },
        {
            "ShardId": UPPER,
            "ParentShards": [PARENT],
            "HashKeyRange": {"StartingHashKey": str(2**127), "EndingHashKey": str(2**128 - 1)},
        },
    ]


def test_an_open_shard_has_no_end(kinesis: KinesisClient, split: str) -> None:
    """There is a next iterator, also where there are no more records."""
    assert all(answer["NextShardIterator"] for answer in read(kinesis, split, LOWER))


def test_merged_shards_keep_their_records_and_have_one_child(kinesis: KinesisClient, split: str) -> None:
    """The child names both of its parents."""
    kinesis.merge_shards(StreamName=split, ShardToMerge=LOWER, AdjacentShardToMerge=UPPER)
    put(kinesis, split, "cow", str(2**127))
    child = "shardId-000000000003"
    assert words(read(kinesis, split, child)) == ["cow"]
    for parent, word in ((LOWER, "bird"), (UPPER, "lobster")):
        answers = read(kinesis, split, parent)
        assert words(answers) == [word]
        [found] = answers[-1]["ChildShards"]
        assert (found["ShardId"], found["ParentShards"]) == (child, [LOWER, UPPER])


@pytest.mark.parametrize(
    ("shard_filter", "shards"),
    [
        ({"Type": "AT_TRIM_HORIZON"}, [PARENT]),
        ({"Type": "AT_LATEST"}, [LOWER, UPPER]),
        ({"Type": "FROM_TRIM_HORIZON"}, [PARENT, LOWER, UPPER]),
        ({"Type": "AFTER_SHARD_ID", "ShardId": PARENT}, [LOWER, UPPER]),
        ({"Type": "AFTER_SHARD_ID", "ShardId": UPPER}, []),
    ],
    ids=lambda value: value["Type"] if isinstance(value, dict) else None,
)
def test_the_shards_of_a_moment_cover_each_key_once(
    kinesis: KinesisClient, split: str, shard_filter: Any, shards: list[str]
) -> None:
    """A KCL that finds a shard beside its children in such a list starts none of them."""
    assert ids(kinesis.list_shards(StreamName=split, ShardFilter=shard_filter)) == shards


def ids(answer: Any) -> list[str]:
    return [shard["ShardId"] for shard in answer["Shards"]]


@pytest.fixture
def moments(kinesis: KinesisClient, stream: str) -> dict[str, float]:
    """When a stream of one shard was split, and its children merged again."""
    moments = {"long ago": 0.0, "before the stream": time.time()}
    steps: dict[str, Callable[[], object]] = {
        "of one shard": lambda: kinesis.create_stream(StreamName=stream, ShardCount=1),
        "split": lambda: kinesis.split_shard(StreamName=stream, ShardToSplit=PARENT, NewStartingHashKey=str(2**127)),
        "merged": lambda: kinesis.merge_shards(StreamName=stream, ShardToMerge=LOWER, AdjacentShardToMerge=UPPER),
    }
    for name, step in steps.items():
        time.sleep(0.02)
        step()
        time.sleep(0.02)
        moments[name] = time.time()
    return {**moments, "tomorrow": time.time() + 86400}


MERGED = "shardId-000000000003"


@pytest.mark.parametrize(
    ("moment", "at", "since"),
    [
        ("long ago", [PARENT], [PARENT, LOWER, UPPER, MERGED]),
        ("before the stream", [PARENT], [PARENT, LOWER, UPPER, MERGED]),
        ("of one shard", [PARENT], [PARENT, LOWER, UPPER, MERGED]),
        ("split", [LOWER, UPPER], [LOWER, UPPER, MERGED]),
        ("merged", [MERGED], [MERGED]),
        ("tomorrow", [MERGED], [MERGED]),
    ],
)
def test_a_list_of_shards_can_be_that_of_a_time(
    ask_local_kinesis: Ask, stream: str, moments: dict[str, float], moment: str, at: list[str], since: list[str]
) -> None:
    """Those open at it, or also all that came later; what is before the beginning counts as the beginning."""
    for kind, shards in (("AT_TIMESTAMP", at), ("FROM_TIMESTAMP", since)):
        shard_filter = {"Type": kind, "Timestamp": moments[moment]}
        status, answer = ask_local_kinesis("ListShards", {"StreamName": stream, "ShardFilter": shard_filter})
        assert (status, ids(answer)) == (200, shards)


@pytest.mark.parametrize(
    ("hours", "at", "since"), [(24, [PARENT], [PARENT, LOWER, UPPER]), (0, [LOWER, UPPER], [LOWER, UPPER])]
)
def test_shards_that_ended_before_the_retention_period_are_listed_no_more(
    hours: int, at: list[str], since: list[str]
) -> None:
    """They are for as long as it lasts, and the beginning is where it begins."""
    stream = Stream("words", 1, None, 24, "123456789012", "us-east-1")
    stream.split_shard(PARENT, str(2**127))
    stream.retention_period_hours = hours
    for moment in ("_TRIM_HORIZON", "_TIMESTAMP"):
        for kind, shards in (("AT", at), ("FROM", since)):
            listed = stream.listed({"Type": f"{kind}{moment}", "Timestamp": 0})
            assert [shard.shard_id for shard in listed] == shards


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        ("AT_TIMESTAMP", [LOWER, UPPER]),
        ("FROM_TIMESTAMP", [LOWER, UPPER, MERGED]),
        ("AT_TRIM_HORIZON", [PARENT]),
        ("AFTER_SHARD_ID", [LOWER, UPPER, MERGED]),
        (None, [PARENT, LOWER, UPPER, MERGED]),
    ],
)
def test_pages_have_each_shard_of_the_list_once(
    ask_local_kinesis: Ask, stream: str, moments: dict[str, float], size: int, kind: str | None, whole: list[str]
) -> None:
    """A NextToken comes alone, and is not forgetful of the filter."""
    shard_filter = {"Type": kind, "Timestamp": moments["split"], "ShardId": PARENT}
    request: dict[str, Any] = {"StreamName": stream, **({"ShardFilter": shard_filter} if kind else {})}
    pages = []
    while request:
        _, answer = ask_local_kinesis("ListShards", {**request, "MaxResults": size})
        pages.append(ids(answer))
        request = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
    assert [shard for page in pages for shard in page] == whole
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_a_list_of_shards_can_begin_behind_one(kinesis: KinesisClient, split: str) -> None:
    """As ExclusiveStartShardId has it."""
    assert ids(kinesis.list_shards(StreamName=split, ExclusiveStartShardId=LOWER)) == [UPPER]


@pytest.mark.parametrize(
    "request_",
    [
        {"ShardFilter": {"Type": "AT_TIMESTAMP"}},
        {"ShardFilter": {"Type": "FROM_TIMESTAMP"}},
        {"ShardFilter": {"Type": "AFTER_SHARD_ID"}},
        {"ShardFilter": {"Type": "AT_NOON"}},
        {"ShardFilter": {"Timestamp": 1}},
        {"NextToken": "nonsense"},
        {"NextToken": "WzFd"},
    ],
)
def test_a_filter_that_lacks_something_is_refused(ask_local_kinesis: Ask, split: str, request_: dict[str, Any]) -> None:
    """As an invalid argument, and not by a fault of the server."""
    status, answer = ask_local_kinesis("ListShards", {"StreamName": split, **request_})
    assert (status, answer["__type"]) == (400, "InvalidArgumentException")
