"""`kclpy-helper check`: a whole file, as the daemon reads it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import kclpy_jars
import pytest
from kclpy_helper import check, keys, properties

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    MakeExecutable = Callable[[Path, str], Path]
    Check = Callable[..., list[tuple[int | None, str, str]]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")

SOUND = {
    "executableName": "python app.py",
    "streamName": "words",
    "applicationName": "words-app",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "regionName": "us-east-1",
    "shutdownGraceMillis": "15000",
}
SOUND_1 = {
    **{key: value for key, value in SOUND.items() if key != "AwsCredentialsProvider"},
    "AWSCredentialsProvider": "DefaultAWSCredentialsProviderChain",
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks a sound file with changes, of which None removes a key: line, severity and key of each finding."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("")

    def found(changes: dict[str, str | None], kcl: str = "3.1.3", more: str = "") -> list[tuple[int | None, str, str]]:
        values = {**(SOUND_1 if kcl.startswith("1") else SOUND), **changes}
        path = tmp_path / "app.properties"
        lines = [f"{key} = {value}\n" for key, value in values.items() if value is not None]
        path.write_text("".join(lines) + more, encoding="latin-1")
        findings = check.check(properties.read(path), kcl)
        assert all(finding.remedy and finding.effect for finding in findings)
        return [
            (finding.place.line if finding.place else None, finding.severity.value, finding.subject)
            for finding in findings
        ]

    return found


@pytest.mark.parametrize("kcl", list(keys.lines().values()))
def test_a_sound_file_has_no_finding(found: Check, kcl: str) -> None:
    """All that is required, a region, and a grace period."""
    assert found({}, kcl) == []


@pytest.mark.parametrize("kcl", list(keys.lines().values()))
def test_all_that_is_required_has_to_be_there(found: Check, kcl: str) -> None:
    """Missing or, where the daemon does not take it, empty."""
    required = [key for key in keys.table(kcl).keys.values() if key.required]
    assert len(required) == 4
    for key in required:
        assert found({key.name: None}, kcl) == [(None, "fault", key.name)]
        ((_, severity, subject),) = found({key.name: " "}, kcl)
        assert (severity, subject) == ("fault", key.name)


@pytest.mark.parametrize(
    "changes",
    [
        {"streamName": None, "streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/words"},
        {"streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/words"},
        {"AwsCredentialsProvider": None, "AWSCREDENTIALSPROVIDER": "ProfileCredentialsProvider|me"},
        {
            "AwsCredentialsProvider": "StsAssumeRoleCredentialsProvider|arn:aws:iam::000000000000:role/r|me|endpointRegion=us-east-1"
        },
        {"AwsCredentialsProvider": "com.example.Own, EnvironmentVariableCredentialsProvider"},
        {"AwsCredentialsProvider": None, "kinesisCredentialsProvider.class": "com.example.Own"},
        {"kinesisClient.overrideConfiguration.apiCallTimeout": "PT5S"},
        {"retrievalMode": "POLLING", "maxRecords": "100", "pollingConfig.idleTimeBetweenReadsInMillis": "500"},
        {"retrievalMode": "FANOUT", "fanoutConfig.consumerName": "me"},
        {"maxActiveThreads": "200"},
    ],
)
def test_what_the_daemon_takes_is_no_finding(found: Check, changes: dict[str, str | None]) -> None:
    """Other ways of saying the same, and parts of clients and of providers that only the daemon can tell."""
    assert found(changes) == []


@pytest.mark.parametrize(
    ("kcl", "name", "effect", "remedy"),
    [
        ("3.1.3", "failovrTimeMillis", "does not know this key, and ignores it", "failoverTimeMillis"),
        ("3.1.3", "FailoverTimeMillis", "in this case of letters", "failoverTimeMillis"),
        ("3.1.3", "DynamoDBEndpoint", "in this case of letters", "dynamoDBEndpoint"),
        ("3.1.3", "cloudwatchEndpoint", "ignores it", ""),
        ("3.1.3", "AwsCredentialsProviderDynamodb", "in this case", "AwsCredentialsProviderDynamoDB"),
        ("3.1.3", "fanoutConfig.nope", "ignores it", ""),
        ("3.1.3", "fanoutConfig", "ignores it", ""),
        ("3.1.3", "stsEndpoint", "ignores it", "StsAssumeRoleCredentialsProvider|ARN|SESSION|endpoint=URL^REGION"),
        ("3.1.3", "cloudWatchEndpoint", "ignores it", "write cloudWatchClient.endpointOverride"),
        ("3.1.3", "AWS_REGION", "ignores it", "write regionName"),
        ("3.1.3", "failover_time_millis", "ignores it", "write failoverTimeMillis"),
        ("3.1.3", "kinesisProtocol", "ignores it", "remove the line"),
        ("3.1.3", "minRecords", "ignores it", "remove the line"),
        ("3.1.3", "retryGetRecordsInMillis", "ignores it", "remove the line"),
        ("3.1.3", "shutdownGraceSeconds", "ignores it", "which is in milliseconds"),
        ("3.1.3", "s3Client.region", "ignores it", "remove the line"),
        ("1.15.3", "proxyHost", "ignores it", "write http.proxyHost"),
        ("1.15.3", "kinesisClient.nope", "ignores it", ""),
        ("3.1.3", "kinesisClient.nope", "the daemon ends at its start", ""),
        ("3.1.3", "kinesisClient.regon", "ends at its start", "kinesisClient.region"),
        ("3.1.3", "skipShardSyncAtStartupIfLeasesExist", "a key of KCL 1", "AtWorkerInitialization"),
        ("3.1.3", "leaseTableScanTotalSegments", "a key of KCL 3, since 3.5.0", "remove"),
        ("2.7.2", "clientVersionConfig", "a key of KCL 3: KCL 2.7.2 ignores it", "remove"),
        ("2.7.2", "leaseAssignmentIntervalMillis", "a key of KCL 3, since 3.1.1", "remove"),
        ("1.15.3", "initialPositionInStreamExtended", "a key of KCL 2 and 3", "timestampAtInitialPositionInStream"),
        ("1.15.3", "kinesisClient.region", "a key of KCL 2 and 3", "remove"),
        ("1.15.3", "kinesisCredentialsProvider.class", "a key of KCL 2 and 3", "remove"),
    ],
)
def test_a_key_that_the_kcl_does_not_know_is_a_fault(
    tmp_path: Path, found: Check, kcl: str, name: str, effect: str, remedy: str
) -> None:
    """Misspelt, in the wrong case, of another KCL, or below a client: with what was probably meant."""
    assert found({name: "1"}, kcl) == [(7, "fault", name)]
    (finding,) = check.check(properties.read(tmp_path / "app.properties"), kcl)
    assert effect in finding.effect
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("kcl", "name", "remedy"),
    [
        ("3.1.3", "kinesisCredentialsProvider", "write kinesisCredentialsProvider.class ="),
        ("2.7.2", "dynamoDBCredentialsProvider", "write dynamoDBCredentialsProvider.class ="),
        ("3.1.3", "kinesisClient", "write kinesisClient.NAME = VALUE"),
        ("3.1.3", "http.proxyHost", "set HTTP_PROXY=http://HOST:PORT"),
        ("2.7.2", "http.proxyPort", "--jvm-option=-Dhttp.proxyHost=HOST"),
    ],
)
def test_a_key_that_another_setting_has_to_complete_is_a_warning(
    tmp_path: Path, found: Check, kcl: str, name: str, remedy: str
) -> None:
    """The daemon starts without a word about it; the remedy says what gives the line its meaning."""
    assert found({name: "X"}, kcl) == [(7, "warning", name)]
    (finding,) = check.check(properties.read(tmp_path / "app.properties"), kcl)
    assert remedy in finding.remedy
    assert "does not know" not in finding.effect


LONG = "a" * 200


@pytest.mark.parametrize(
    ("kcl", "changes", "name", "words"),
    [
        ("3.1.3", {"streamName": "{myTestStream}"}, "streamName", "--stream"),
        ("3.1.3", {"streamName": "$STREAM_NAME"}, "streamName", "nothing is replaced"),
        ("3.1.3", {"streamName": "my stream"}, "streamName", "[a-zA-Z0-9_.-]+"),
        ("3.1.3", {"streamName": "words "}, "streamName", "without spaces after it"),
        ("3.1.3", {"streamName": LONG}, "streamName", "1 to 128"),
        ("3.1.3", {"streamName": "würter"}, "streamName", "write it as it is in AWS"),
        ("3.1.3", {"applicationName": "an app/with slash"}, "applicationName", "a lease table"),
        ("1.15.3", {"applicationName": "ab"}, "applicationName", "3 to 255"),
        (
            "3.1.3",
            {"applicationName": LONG + LONG[:50], "retrievalMode": "POLLING"},
            "applicationName",
            "write a shorter",
        ),
        ("3.1.3", {"applicationName": LONG, "retrievalMode": "FANOUT"}, "applicationName", "a consumer"),
        ("3.1.3", {"tableName": "my table"}, "tableName", "a lease table"),
        ("3.1.3", {"coordinatorStateTableName": "a/b"}, "coordinatorStateTableName", "of a table"),
        ("3.1.3", {"workerMetricsTableName": "a/b"}, "workerMetricsTableName", "of a table"),
        ("3.1.3", {"fanoutConfig.consumerName": "a b"}, "fanoutConfig.consumerName", "a consumer"),
        ("3.1.3", {"fanoutConfig.consumerArn": "a"}, "fanoutConfig.consumerArn", "the ARN of a consumer"),
        ("3.1.3", {"streamArn": "arn:aws:kinesis:us-east-1:123:stream/words"}, "streamArn", "ends at its start"),
        ("2.7.2", {"streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/{x}"}, "streamArn", "name of a stream"),
        (
            "3.1.3",
            {"AwsCredentialsProvider": "StsAssumeRoleCredentialsProvider|arn:aws:iam::1:role/r|me"},
            "AwsCredentialsProvider",
            "the ARN of a role",
        ),
        (
            "3.1.3",
            {"AwsCredentialsProvider": "StsAssumeRoleCredentialsProvider|arn:aws:iam::000000000000:role/r|a b"},
            "AwsCredentialsProvider",
            "the name of a session",
        ),
    ],
)
def test_a_name_that_aws_would_refuse_is_a_fault(
    tmp_path: Path, found: Check, kcl: str, changes: dict[str, str | None], name: str, words: str
) -> None:
    """By the patterns and lengths of AWS's own models; a name that the daemon makes of another one counts too."""
    found(changes, kcl)
    faults = [
        fault for fault in check.check(properties.read(tmp_path / "app.properties"), kcl) if fault.subject == name
    ]
    assert [fault.severity.value for fault in faults] == ["fault"]
    assert words in faults[0].effect + faults[0].remedy


@pytest.mark.parametrize(
    ("kcl", "changes"),
    [
        ("2.7.2", {"applicationName": LONG + LONG[:50], "retrievalMode": "POLLING"}),
        ("3.1.3", {"applicationName": LONG, "retrievalMode": "POLLING"}),
        ("3.1.3", {"applicationName": LONG, "retrievalMode": "FANOUT", "fanoutConfig.consumerName": "me"}),
        ("1.15.3", {"streamName": "words ", "StreamName": None}),
    ],
)
def test_only_the_names_that_the_daemon_uses_count(found: Check, kcl: str, changes: dict[str, str | None]) -> None:
    """KCL 2 has no further tables, polling has no consumer, and KCL 1 cuts spaces off."""
    assert found(changes, kcl) == []


@pytest.mark.parametrize(
    ("region", "severity", "words"),
    [
        ("eu-wst-1", "warning", "write eu-west-1"),
        ("eu-west-1a", "warning", "write eu-west-1"),
        ("us-east-9", "warning", "a newer region works as it is"),
        ("us-east-1 ", "fault", "write us-east-1 without them"),
    ],
)
def test_a_region_that_the_sdk_does_not_know_is_no_more_than_a_warning(
    tmp_path: Path, found: Check, region: str, severity: str, words: str
) -> None:
    """With the nearest ones; with spaces after it the daemon does not start."""
    assert found({"regionName": region}) == [(5, severity, "regionName")]
    (finding,) = check.check(properties.read(tmp_path / "app.properties"), "3.1.3")
    assert words in finding.remedy


def test_the_region_of_an_arn_is_looked_at_too(found: Check) -> None:
    """Of a stream, and of the role's STS."""
    arn = "arn:aws:kinesis:eu-wst-1:000000000000:stream/words"
    assert (7, "warning", "streamArn") in found({"streamArn": arn})
    role = "StsAssumeRoleCredentialsProvider|arn:aws:iam::000000000000:role/r|me|endpointRegion=eu-wst-1"
    assert found({"AwsCredentialsProvider": role}) == [(4, "warning", "AwsCredentialsProvider")]


def test_a_region_of_the_environment_is_looked_at_too(found: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file has none."""
    monkeypatch.setenv("AWS_REGION", "eu-wst-1")
    assert found({"regionName": None}) == [(None, "warning", "regionName")]


@pytest.mark.parametrize(
    "line",
    [
        "executableName = java -cp /venv/site-packages/amazon_kclpy/jars/*:. x.MultiLangDaemon app.properties\n",
        "java -cp $(python -c 'import os, amazon_kclpy as a; print(os.path.dirname(a.__file__))')/../amazon_kclpy/jars/* X\n",
    ],
)
def test_a_launcher_that_looks_for_jars_in_amazon_kclpy_is_told_what_to_use(tmp_path: Path, line: str) -> None:
    """In a properties file, and in a script that is given in place of one."""
    (tmp_path / "run.sh").write_text(line)
    (found,) = [
        finding
        for finding in check.check(properties.read(tmp_path / "run.sh"), "3.1.3")
        if "ClassNotFoundException" in finding.effect
    ]
    assert (found.severity.value, found.place and found.place.line) == ("fault", 1)
    assert "kclpy-helper run" in found.remedy


@pytest.mark.parametrize(
    ("kcl", "changes", "finding"),
    [
        ("3.1.3", {"AwsCredentialsProvider": "DefaultAWSCredentialsProviderChain"}, (4, "fault")),
        ("3.1.3", {"AwsCredentialsProvider": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain"}, (4, "fault")),
        ("3.1.3", {"AwsCredentialsProvider": "Own, DefaultCredentialsProvider"}, (4, "warning")),
        ("3.1.3", {"AwsCredentialsProviderCloudWatch": "Own"}, (7, "fault")),
        ("3.1.3", {"AWSCredentialsProvider": "DefaultCredentialsProvider"}, (7, "fault")),
        ("3.1.3", {"kinesisCredentialsProvider.class": "com.example.Own"}, (7, "fault")),
        ("3.1.3", {"streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/other"}, (2, "warning")),
        ("3.1.3", {"streamArn": "arn:aws:kinesis:eu-west-1:000000000000:stream/words"}, (7, "warning")),
        ("3.1.3", {"streamArn": "words"}, (7, "fault")),
        ("3.1.3", {"maxRecords": "100"}, (7, "warning")),
        ("3.1.3", {"pollingConfig.maxRecords": "100"}, (7, "warning")),
        ("3.1.3", {"retrievalMode": "FANOUT", "maxRecords": "100"}, (8, "warning")),
        ("3.1.3", {"retrievalMode": "POLLING", "fanoutConfig.consumerName": "me"}, (8, "warning")),
        ("3.1.3", {"initialPositionInStream": "LATEST", "initialPositionInStreamExtended": "1"}, (8, "warning")),
        ("3.1.3", {"maxActiveThreads": "2"}, (7, "warning")),
        ("3.1.3", {"validateSequenceNumberBeforeCheckpointing": "true"}, (7, "warning")),
        ("3.1.3", {"shutdownGraceMillis": None}, (None, "warning")),
        ("3.1.3", {"executableName": "nowhere"}, (1, "fault")),
        ("1.15.3", {"AWSCredentialsProvider": "DefaultCredentialsProvider"}, (6, "fault")),
        ("1.15.3", {"failoverTimeMillis": "1", "FailoverTimeMillis": "2"}, (8, "warning")),
        ("1.15.3", {"initialPositionInStream": "LATEST", "timestampAtInitialPositionInStream": "1"}, (8, "warning")),
    ],
)
def test_what_is_doubtful_in_its_company_is_found(
    found: Check, kcl: str, changes: dict[str, str | None], finding: tuple[int | None, str]
) -> None:
    """Keys that contradict each other, and those that are sound in themselves and not in this file."""
    assert [entry[:2] for entry in found(changes, kcl)] == [finding]


@pytest.mark.parametrize(
    ("kcl", "providers", "remedy"),
    [
        ("3.1.3", "DefaultAWSCredentialsProviderChain", "write DefaultCredentialsProvider"),
        (
            "3.1.3",
            "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
            "write EnvironmentVariableCredentialsProvider",
        ),
        ("3.1.3", "ProfileCredentialProvider", "write ProfileCredentialsProvider"),
        ("1.15.3", "DefaultCredentialsProvider", "write DefaultAWSCredentialsProviderChain"),
        ("3.1.3", "MyProvider", "write DefaultCredentialsProvider, or the full name of a class of your own"),
        (
            "1.15.3",
            "StsAssumeRoleCredentialsProvider",
            "write DefaultAWSCredentialsProviderChain, or the full name of a class of your own",
        ),
    ],
)
def test_a_credentials_provider_of_the_other_sdk_has_a_successor(
    tmp_path: Path, found: Check, kcl: str, providers: str, remedy: str
) -> None:
    """Or the name that is most like it."""
    found({"AWSCredentialsProvider" if kcl.startswith("1") else "AwsCredentialsProvider": providers}, kcl)
    (finding,) = check.check(properties.read(tmp_path / "app.properties"), kcl)
    assert finding.remedy == remedy


@pytest.mark.parametrize("mode", ["POLLING", "FANOUT", "DEFAULT"])
def test_polling_keys_that_read_as_not_set_turn_nothing_into_polling(found: Check, mode: str) -> None:
    """What reads as 0 is a fault in itself, and with DEFAULT no more than that."""
    severities = [severity for _, severity, _ in found({"retrievalMode": mode, "maxRecords": "many"})]
    assert severities == (["fault", "warning"] if mode == "FANOUT" else ["fault"])


def test_findings_come_in_the_order_of_the_lines(found: Check) -> None:
    """What is not in the file comes last."""
    findings = found({"metricsLevel": "some", "executableName": "nowhere", "applicationName": None})
    assert findings == [
        (1, "fault", "executableName"),
        (6, "fault", "metricsLevel"),
        (None, "fault", "applicationName"),
    ]


def test_a_key_that_is_set_again_is_found_where_it_does_not_count(found: Check) -> None:
    """Each earlier place is a warning; only the last value is checked."""
    findings = found({"metricsLevel": "none of them"}, more="metricsLevel = NONE\nmetricsLevel = SUMMARY\n")
    assert findings == [(7, "warning", "metricsLevel"), (8, "warning", "metricsLevel")]


@pytest.mark.parametrize(
    ("variables", "config", "findings"),
    [
        ({}, "", [(None, "warning", "regionName")]),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "", [(None, "warning", "regionName")]),
        ({"AWS_REGION": "us-east-1"}, "", []),
        ({}, "[default]\nregion = us-east-1\n", []),
        ({"AWS_PROFILE": "me"}, "[default]\nregion = us-east-1\n", [(None, "warning", "regionName")]),
        ({"AWS_PROFILE": "me"}, "[profile me]\nregion = us-east-1\n", []),
        ({}, "no ini file", [(None, "warning", "regionName")]),
    ],
)
def test_without_a_region_anywhere_there_is_a_warning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: Check,
    variables: dict[str, str],
    config: str,
    findings: list[tuple[int | None, str, str]],
) -> None:
    """The region may come from the environment or the AWS profile, as Java looks for it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert found({"regionName": None}) == findings
    assert found({"regionName": None, **{f"{name}.region": "us-east-1" for name in CLIENTS}}) == []


CLIENTS = ("kinesisClient", "dynamoDbClient", "cloudWatchClient")

NODE = {
    "executableName": "node sample_kcl_app.js",
    "streamName": "kclnodejssample",
    "applicationName": "kclnodejssample",
    "AWSCredentialsProvider": "DefaultAWSCredentialsProviderChain",
    "processingLanguage": "nodejs/0.10",
    "initialPositionInStream": "TRIM_HORIZON",
    "regionName": "us-east-1",
}
RUBY = {
    "executableName": "sample_kcl.rb",
    "streamArn": "arn:aws:kinesis:us-east-5:000000000000:stream/kclrbsample",
    "streamName": "kclrbsample",
    "applicationName": "RubyKCLSample",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "processingLanguage": "ruby",
    "initialPositionInStream": "TRIM_HORIZON",
    "regionName": "us-east-1",
}
DOTNET = {
    "executableName": "dotnet SampleConsumer.dll",
    "streamName": "kclnetsample",
    "applicationName": "DotNetKinesisSample",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "processingLanguage": "C#",
    "initialPositionInStream": "TRIM_HORIZON",
    "regionName": "us-east-1",
}
JAVA = {
    "executableName": "sample_kclpy_app.py",
    "streamArn": "arn:aws:kinesis:us-east-5:000000000000:stream/kclpysample",
    "streamName": "kclpysample",
    "applicationName": "MultiLangTest",
    "AwsCredentialsProvider": "DefaultCredentialsProvider",
    "processingLanguage": "python/3.8",
    "initialPositionInStream": "TRIM_HORIZON",
    "regionName": "us-east-1",
    "failoverTimeMillis": "10000",
    "workerId": '"workerId"',
    "shardSyncIntervalMillis": "60000",
    "maxRecords": "10000",
    "idleTimeBetweenReadsInMillis": "1000",
    "callProcessRecordsEvenForEmptyRecordList": "false",
    "parentShardPollIntervalMillis": "10000",
    "cleanupLeasesUponShardCompletion": "true",
    "taskBackoffTimeMillis": "500",
    "metricsBufferTimeMillis": "10000",
    "metricsMaxQueueSize": "10000",
    "validateSequenceNumberBeforeCheckpointing": "true",
    "maxActiveThreads": "-1",
    "clientVersionConfig": "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2x",
    "coordinatorStateBillingMode": "PROVISIONED",
    "coordinatorStateReadCapacity": "1000",
    "coordinatorStatePointInTimeRecoveryEnabled": "true",
    "coordinatorStateTags": "csTagK1=csTagV1,csTagK2=csTagV2",
    "gracefulLeaseHandoffTimeoutMillis": "10000",
    "isGracefulLeaseHandoffEnabled": "false",
    "maxThroughputPerHostKBps": "10000",
    "workerMetricsEMAAlpha": "0.18",
    "staleWorkerMetricsEntryCleanupDuration": "PT12H",
    "leaseAssignmentIntervalMillis": "20000",
}


@pytest.mark.parametrize(
    ("kcl", "sample"), [("1", NODE), ("3", RUBY), ("3", DOTNET), ("3", JAVA)], ids=["node", "ruby", "net", "java"]
)
def test_the_samples_of_other_wrappers_have_no_fault(
    run: Run, tmp_path: Path, make_executable: MakeExecutable, kcl: str, sample: dict[str, str]
) -> None:
    """Their keys and values, with a program of the name that each of them starts on the PATH."""
    make_executable(tmp_path / "bin" / sample["executableName"].split()[0], "")
    path = tmp_path / "sample.properties"
    path.write_text("".join(f"{key} = {value}\n" for key, value in sample.items()))
    done = run("check", "--kcl-version", kcl, path, env={"PATH": str(tmp_path / "bin")})
    assert done.returncode == 0, done.stdout
    assert "fault" not in done.stdout


def test_the_sample_passes_without_a_warning(run: Run) -> None:
    """The unedited sample.properties; nothing on stdout, and a line for people on stderr."""
    done = run("check", properties.sample())
    assert (done.returncode, done.stdout) == (0, "")
    assert f"{properties.sample()}, for KCL {kclpy_jars.KCL_VERSION}: nothing to find fault with." in done.stderr


FOUR_FAULTS = """\
executableName = nowhere
streamName = words
applicationName = words-app
regionName = us-east-1
AwsCredentialsProvider = DefaultCredentialsProvider
shutdownGraceMillis = 15000
failovrTimeMillis = 5000
retrievalMode = POLLED
shardSyncIntervalMillis = 10s
"""


def test_each_fault_has_its_line_and_its_remedy(run: Run, tmp_path: Path) -> None:
    """A misspelt key, a bad value, a bad number and a missing program: exit code 1, two lines for each."""
    path = tmp_path / "app.properties"
    path.write_text(FOUR_FAULTS)
    done = run("check", path)
    places = [line.partition(": ")[0] for line in done.stdout.splitlines()[::2]]
    remedies = [line.strip() for line in done.stdout.splitlines()[1::2]]
    assert done.returncode == 1
    assert places == [f"{path}:{line}" for line in (1, 7, 8, 9)]
    assert remedies == [
        "install it, put its folder on the PATH, or write its absolute path",
        "write failoverTimeMillis, if you mean that",
        "write FANOUT, POLLING or DEFAULT",
        "write a whole number of milliseconds, without spaces or units, or remove the line",
    ]
    assert "4 faults and 0 warnings." in done.stderr


def test_machines_get_json(run: Run, tmp_path: Path) -> None:
    """The same findings, and the same exit code."""
    path = tmp_path / "app.properties"
    path.write_text(FOUR_FAULTS)
    done = run("check", "--json", path)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (document["file"], document["kcl_version"]) == (str(path), kclpy_jars.KCL_VERSION)
    assert [(finding["line"], finding["key"], finding["severity"]) for finding in document["findings"]] == [
        (1, "executableName", "fault"),
        (7, "failovrTimeMillis", "fault"),
        (8, "retrievalMode", "fault"),
        (9, "shardSyncIntervalMillis", "fault"),
    ]
    assert all(finding["effect"] and finding["remedy"] for finding in document["findings"])


def test_without_the_jars_the_newest_kcl_is_meant(
    without: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Check needs neither jars nor Java."""
    done = without(["kclpy_jars"], "check", properties.sample())
    assert done.returncode == 0
    assert f"for KCL {keys.lines()[3]}" in done.stderr


def test_without_boto3_names_and_regions_are_checked_all_the_same(
    without: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """What AWS takes for a name is in the package."""
    path = tmp_path / "app.properties"
    path.write_text(
        "".join(f"{key} = {value}\n" for key, value in {**SOUND, "streamName": "{x}", "regionName": "y"}.items())
    )
    done = without(["boto3", "botocore"], "check", path)
    assert "streamName: AWS refuses '{x}'" in done.stdout
    assert "'y' is not a region" in done.stdout
    assert done.returncode == 1


def test_a_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    """As everywhere in kclpy-helper."""
    done = run("check", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path}/nowhere" in done.stderr
    assert run("check").returncode == 2


def test_a_key_is_explained(run: Run) -> None:
    """What it is, its type and unit, its default by KCL, and what to beware of."""
    done = run("check", "--explain", "ShutdownGraceMillis")
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("told to end", "In: KCL 1, 2 and 3", "Type: long, in milliseconds", "Default in KCL 1: 5000"):
        assert text in done.stdout
    assert "Beware in KCL 2 and 3: " in done.stdout


@pytest.mark.parametrize("name", ["kinesisClient.overrideConfiguration.apiCallTimeout", "pollingConfig.maxRecords"])
def test_what_is_below_a_key_is_explained_with_it(run: Run, name: str) -> None:
    """Also where only the daemon can tell what there is."""
    assert run("check", "--explain", name).returncode == 0


def test_a_key_that_no_kcl_has_is_not_explained(run: Run) -> None:
    """With what was probably meant."""
    done = run("check", "--explain", "failovrTimeMillis")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Did you mean failoverTimeMillis?" in done.stderr
    assert "docs/properties.md" in run("check", "--explain", "xyzzy").stderr
