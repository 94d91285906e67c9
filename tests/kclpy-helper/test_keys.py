"""The tables of property keys, beside the jars that they were made from."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from configparser import RawConfigParser
from pathlib import Path

import kclpy_jars
import pytest
from kclpy_helper import aws_names, keys
from kclpy_helper.errors import UnknownKclError

PACKAGES = Path(__file__).parents[2] / "packages"
sys.path += [str(PACKAGES / "kclpy-jars"), str(PACKAGES / "kclpy-helper")]  # jartools and keytools are in no wheel

import keytools.names  # noqa: E402
from jartools.collect import default_cache  # noqa: E402
from jartools.locks import locks  # noqa: E402
from keytools.__main__ import PAGE, dumps  # noqa: E402
from keytools.classfile import ClassPath  # noqa: E402
from keytools.extract import extract  # noqa: E402
from keytools.page import page  # noqa: E402


@pytest.mark.parametrize("lock", locks(), ids=lambda lock: lock.kcl_version)
def test_the_table_is_that_of_the_jars(lock: kclpy_jars.Lock) -> None:
    """What `hatch run keys` extracts from the jars of a KCL is what the package has of it."""
    jars = [default_cache() / f"{jar.sha256}.jar" for jar in lock.jars]
    if lock.kcl_version == kclpy_jars.KCL_VERSION:
        jars = [*kclpy_jars.jar_paths()]
    if not all(jar.exists() for jar in jars):
        pytest.skip(f"the jars of KCL {lock.kcl_version} are not in the cache")
    with ClassPath(jars) as classes:
        extracted = dumps(extract(lock.kcl_version, classes))
    assert extracted == (keys.DATA / f"kcl-{lock.kcl_version}.json").read_text(encoding="utf-8")


def test_the_bundled_kcl_has_a_table() -> None:
    """The jars that are installed are of a line that there is a table of, and that was made from just them."""
    assert kclpy_jars.KCL_VERSION in keys.lines().values()


def test_every_key_has_words_and_all_words_have_a_key() -> None:
    """Each key of each KCL says what it is, and keys.ini speaks of no other."""
    every = keys.every_key()
    assert [name for name, of_lines in every.items() for key in of_lines.values() if not key.what] == []
    assert {name for names in keys.headings().values() for name in names} - every.keys() == set()


def test_the_page_is_made_from_the_tables() -> None:
    """docs/properties.md is what `hatch run keys` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_names_of_other_keys_in_the_words_are_right() -> None:
    """What is to be used instead of a key is a key."""
    every = keys.every_key()
    instead = {key.instead for of_lines in every.values() for key in of_lines.values()}
    assert instead - {""} - every.keys() == set()


def foreign() -> RawConfigParser:
    parser = RawConfigParser(delimiters=("=",), comment_prefixes=("#",), default_section="")
    parser.read_string((keys.DATA / "foreign.ini").read_text(encoding="utf-8"))
    return parser


def test_a_foreign_name_is_no_key_and_leads_to_one() -> None:
    """No KCL knows a name for which foreign.ini has something else, each has an answer, and no name has two."""
    parser, every = foreign(), keys.every_key()
    names = [keys._plain(name) for section in parser.sections() for name in section.split(",")]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    later = {"httpproxyhost", "httpproxyport"}
    assert set(names) & {keys._plain(name) for name in every} == later
    wanted = {
        key for section in parser.sections() for option, key in parser[section].items() if option.startswith("key")
    }
    assert wanted - every.keys() == set()


@pytest.mark.parametrize("kcl", keys.lines().values())
def test_what_is_to_be_written_instead_of_a_foreign_name_is_known_to_that_kcl(kcl: str) -> None:
    """Whatever KCL it is, there is an answer, and the keys and the credentials providers in it are its own."""
    table = keys.table(kcl)
    for section in foreign().sections():
        for name in section.split(","):
            advice = table.advice(name.strip())
            assert advice, name
            for key in re.findall(r"^write ([\w.]+)$|write (\w+)[, ]", advice):
                assert table.find("".join(key)) is not None, advice
            for provider in re.findall(r"= (\w+Provider)\|", advice):
                assert provider in (*table.providers, "StsAssumeRoleCredentialsProvider"), advice


def test_what_aws_takes_for_a_name_is_what_botocore_says() -> None:
    """The shapes are those of the models; a region is not made up, and one that is too new for them is still found."""
    kept, now = json.loads(aws_names.DATA.read_text(encoding="utf-8")), keytools.names.names()
    assert kept["shapes"] == now["shapes"]
    assert kept["partitions"].keys() <= now["partitions"].keys()
    for name, partition in kept["partitions"].items():
        assert set(partition["regions"]) <= set(now["partitions"][name]["regions"])
    assert all(
        aws_names.is_region(region) for partition in now["partitions"].values() for region in partition["regions"]
    )


@pytest.mark.parametrize(
    ("version", "name", "known"),
    [
        ("3.0.0", "leaseAssignmentIntervalMillis", False),
        ("3.1.1", "leaseAssignmentIntervalMillis", True),
        ("3.1.1", "pollingConfig.millisBehindLatestThresholdForReducedTps", True),
        ("3.1.3", "leaseTableScanTotalSegments", False),
        ("3.5.3", "leaseTableScanTotalSegments", True),
        ("2.7.2", "leaseTableScanTotalSegments", False),
        ("3.1.3", "enablePriorityLeaseAssignment", True),
        ("3.1.3", "AWSCREDENTIALSPROVIDER", True),
        ("3.1.3", "AwsCredentialsProviderDynamodb", False),
        ("3.1.3", "FailoverTimeMillis", False),
        ("3.1.3", "kinesisClient", False),
        ("3.1.3", "fanoutConfig.consumerName", True),
        ("2.7.2", "fanoutConfig.nope", False),
        ("1.15.3", "FailoverTimeMillis", True),
        ("1.15.3", "WorkerId", False),
        ("1.15.3", "AwsCredentialsProvider", False),
        ("1.15.3", "streamArn", False),
    ],
)
def test_a_key_is_known_to_the_versions_that_take_it(version: str, name: str, known: bool) -> None:
    """By version within a line, and by the case that each line takes."""
    assert (keys.table(version).find(name) is not None) is known


def test_a_kcl_of_another_line_is_refused() -> None:
    """The error names the lines that there are."""
    with pytest.raises(UnknownKclError, match=r"KCL 4\.0\.0.*\n.*1, 2, 3"):
        keys.table("4.0.0")


def test_types_and_values_come_from_the_classes() -> None:
    """The same key can have another type in another line, and an enum brings its values."""
    timeout = keys.every_key()["timeoutInSeconds"]
    assert [key.kind for key in timeout.values()] == ["int", "Integer", "Integer"]
    assert keys.table("3.1.3").keys["retrievalMode"].allowed == ("FANOUT", "POLLING", "DEFAULT")
    assert json.loads((keys.DATA / "kcl-3.1.3.json").read_text())["keys"]["kinesisClient.region"] == "Region"
