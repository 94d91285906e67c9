"""The region, the endpoint and the credentials that a client takes from the properties."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kclpy_helper import aws
from kclpy_helper.errors import RefusedError
from kclpy_helper.properties import Properties
from kclpy_samples.local import LocalAws, local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator


def app(**values: str) -> Properties:
    return Properties(Path("app.properties"), values)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS configuration of its own: no variables, and two profiles."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config"
    path.write_text(
        "[default]\naws_access_key_id = of-default\naws_secret_access_key = s\nregion = eu-west-1\n"
        "[profile other]\naws_access_key_id = of-other\naws_secret_access_key = s\nregion = eu-west-2\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def key_of(properties: Properties, service: aws.Service = "kinesis") -> tuple[str, str] | None:
    """The access key and boto3's name of where it was found."""
    found = aws.session(properties, service).get_credentials()
    return found and (found.access_key, found.method)


def test_the_region_is_the_properties_then_the_environments_then_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the AWS SDK for Java, which takes no notice of AWS_DEFAULT_REGION."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    assert aws.region(app()) == ("eu-west-1", "AWS profile default")
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert aws.region(app()) == ("eu-west-2", "AWS profile other")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert aws.region(app()) == ("us-west-2", "AWS_REGION")
    assert aws.region(app(regionName="sa-east-1")) == ("sa-east-1", "regionName")
    assert aws.session(app(regionName="sa-east-1")).region_name == "sa-east-1"


def test_where_nothing_says_a_region_there_is_none(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the daemon, which does not start then."""
    config.write_text("")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    assert aws.region(app()) is None


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ("of-environment", "env")),
        ("DefaultCredentialsProvider", ("of-environment", "env")),
        ("software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider", ("of-environment", "env")),
        ("EnvironmentVariableCredentialsProvider", ("of-environment", "env")),
        ("ProfileCredentialsProvider", ("of-default", "config-file")),
        ("ProfileCredentialsProvider|other", ("of-other", "config-file")),
        ("InstanceProfileCredentialsProvider", None),
        ("InstanceProfileCredentialsProvider, ProfileCredentialsProvider|other", ("of-other", "config-file")),
        ("ContainerCredentialsProvider,EnvironmentVariableCredentialsProvider", ("of-environment", "env")),
        ("WebIdentityTokenFileCredentialsProvider", None),
        ("com.example.OwnProvider", ("of-environment", "env")),
    ],
)
def test_each_java_provider_looks_where_its_namesake_does(value: str, found: tuple[str, str] | None) -> None:
    """And nowhere else; a list is tried in its order; one that boto3 does not know gives way to the default chain."""
    assert key_of(app(AwsCredentialsProvider=value)) == found


@pytest.mark.usefixtures("keys")
def test_a_service_may_have_credentials_of_its_own() -> None:
    """AwsCredentialsProviderDynamoDB and AwsCredentialsProviderCloudWatch, in any case."""
    properties = app(
        AwsCredentialsProvider="EnvironmentVariableCredentialsProvider",
        AWSCredentialsProviderDynamoDB="ProfileCredentialsProvider|other",
        AwsCredentialsProviderCloudWatch="ProfileCredentialsProvider",
    )
    found = {service: key_of(properties, service) for service in ("kinesis", "dynamodb", "cloudwatch")}
    assert found == {
        "kinesis": ("of-environment", "env"),
        "dynamodb": ("of-other", "config-file"),
        "cloudwatch": ("of-default", "config-file"),
    }


@pytest.fixture(scope="module")
def running_aws() -> Iterator[LocalAws]:
    """One local AWS for this module."""
    with local_aws() as running:
        yield running


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["StsAssumeRoleCredentialsProvider", "KclStsAssumeRoleCredentialsProvider"])
def test_a_role_is_assumed(running_aws: LocalAws, name: str) -> None:
    """With the default chain's credentials, at the nested endpoint; the session is the one that was named."""
    provider = (
        f"{name}|arn:aws:iam::111122223333:role/reader|kcl|endpoint={running_aws.url}^us-east-1|externalId=of-kcl"
    )
    session = aws.session(app(AwsCredentialsProvider=provider))
    found = session.get_credentials()
    assert found is not None
    assert found.method == "assume-role"
    assert found.get_frozen_credentials().access_key != "of-environment"
    sts: Any = session.client("sts", endpoint_url=running_aws.url)
    try:
        assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::111122223333:assumed-role/reader/kcl"
    finally:
        sts.close()


def test_endpoints_are_those_of_the_properties() -> None:
    """Of kinesisEndpoint and dynamoDBEndpoint; CloudWatch has no such key."""
    properties = app(
        regionName="us-east-1", kinesisEndpoint="http://127.0.0.1:1", dynamoDBEndpoint="http://127.0.0.1:2"
    )
    services: tuple[aws.Service, ...] = ("kinesis", "dynamodb", "cloudwatch")
    assert [aws.client(properties, service).meta.endpoint_url for service in services] == [
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        "https://monitoring.us-east-1.amazonaws.com",
    ]


@pytest.mark.parametrize(
    ("values", "fan_out"),
    [
        ({}, True),
        ({"retrievalMode": "DEFAULT"}, True),
        ({"retrievalMode": "fanout", "maxRecords": "10"}, True),
        ({"retrievalMode": "Polling"}, False),
        ({"maxRecords": "10"}, False),
        ({"maxRecords": "0"}, True),
        ({"pollingConfig.maxRecords": "10"}, False),
        ({"idleTimeBetweenReadsInMillis": "200"}, False),
    ],
)
def test_fan_out_is_the_default_until_a_polling_key_is_set(values: dict[str, str], fan_out: bool) -> None:
    """As RetrievalMode decides; KCL 1 knows no fan-out."""
    assert aws.reads_with_fan_out(app(**values), "3.1.3") is fan_out
    assert not aws.reads_with_fan_out(app(**values), "1.15.3")


def test_an_endpoint_is_the_one_that_the_daemon_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its own key, from the client's, from the environment, or AWS's own; KCL 1 names a host alone."""
    assert aws.endpoint(app(regionName="eu-west-3"), "kinesis") == "https://kinesis.eu-west-3.amazonaws.com"
    assert aws.endpoint(app(kinesisEndpoint="http://here:1"), "kinesis") == "http://here:1"
    assert aws.endpoint(app(**{"dynamoDbClient.endpointOverride": "http://here:2"}), "dynamodb") == "http://here:2"
    assert aws.endpoint(app(kinesisEndpoint="here"), "kinesis") == "https://here"
    assert not aws.is_in_aws(app(kinesisEndpoint="http://here:1"))
    assert aws.is_in_aws(app(regionName="cn-north-1"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://there:3")
    assert aws.endpoint(app(), "cloudwatch") == "http://there:3"
    assert not aws.is_in_aws(app())


def test_an_endpoint_that_is_not_a_url_is_refused_without_its_password() -> None:
    """By whoever asks for a client."""
    with pytest.raises(RefusedError, match=r"Invalid endpoint: http://\*\*\*@") as refused:
        aws.client(app(kinesisEndpoint="http://user:pa55word@"), "kinesis")
    assert "pa55word" not in str(refused.value)
