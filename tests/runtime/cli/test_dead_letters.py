from __future__ import annotations

import io
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import typer

from worker_runtime.cli.shown_letters import tell_redriven
from worker_runtime.dead_letters import REASON_ATTRIBUTE
from worker_runtime.local.commands.reporting import Output
from worker_runtime.local.dead_letters.redriving import Redriven
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.testing import change, kinesis_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_sqs import SQSClient

    from command import Done, Workers
    from installed import Site
    from worker_runtime.local.stage.parts.emulator import Emulator

    DeadLetters = Callable[..., Done]

REASON = {
    "version": 1,
    "worker": "shop.work",
    "source": "sqs",
    "code": "UNWANTED",
    "error": "UNWANTED: not by fan@example.com",
    "recordId": "order-7",
    "correlationId": "c",
    "attempts": 1,
    "at": "2026-01-01T00:00:00.000Z",
}
NOTHING = {"sent": 0, "kept": [], "rejected": [], "missed": 0}
AUDIT_WORKER = '''
    """Accounts in, a trail out."""

    from __future__ import annotations

    import os
    from pathlib import Path

    from msgspec import Struct
    from worker_runtime import Change, Reject, Stack, TableStream, worker


    class Account(Struct):
        """An account."""

        id: str


    @worker(TableStream("accounts", dead_letters="audit-dlq"), stack=Stack("audit"))
    def work(change: Change[Account]) -> None:
        """Note a changed account."""
        if change.new.id == "bad":
            raise ValueError("still bad")
        if change.new.id == "hopeless":
            raise Reject("HOPELESS", "nobody can use it")
        Path(os.environ["TRAIL"]).write_text(change.new.id)
'''


METER_WORKER = """
    import os
    from pathlib import Path

    from msgspec import Struct
    from worker_runtime import Kinesis, Stack, worker


    class Reading(Struct):
        meter: str
        phone: str


    @worker(Kinesis("readings", dead_letters="meter-dlq"), stack=Stack("meter"))
    def work(reading: Reading) -> None:
        "Note a reading."
        with Path(os.environ["TRAIL"]).open("a") as trail:
            trail.write(reading.meter)
"""


@pytest.fixture(scope="module")
def sqs(emulator: Emulator) -> Iterator[SQSClient]:
    made = boto3.client(
        "sqs",
        endpoint_url=emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    with closing(made):
        yield made


@pytest.fixture
def queues(emulator: Emulator, sqs: SQSClient) -> dict[str, str]:
    """Make the queues as a stage names them, empty; URLs by logical name."""
    emulator.reset()
    names = ("orders", "orders-dlq", "audit-dlq", "meter-dlq")
    return {name: sqs.create_queue(QueueName=f"local-{name}")["QueueUrl"] for name in names}


@pytest.fixture
def letters(sqs: SQSClient, queues: dict[str, str]) -> None:
    """Put two dead letters: one that the worker rejected, one that SQS gave up."""
    body = json.dumps({"id": "unwanted", "email": "fan@example.com", "phone": "+15550001234"})
    reason = {"DataType": "String", "StringValue": json.dumps(REASON)}
    own = {"DataType": "String", "StringValue": "kept"}
    attributes: Any = {REASON_ATTRIBUTE: reason, "own": own}
    sqs.send_message(QueueUrl=queues["orders-dlq"], MessageBody=body, MessageAttributes=attributes)
    sqs.send_message(QueueUrl=queues["orders-dlq"], MessageBody="call +15550001234")


def waiting(sqs: SQSClient, url: str) -> list[Any]:
    found = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    return list(found.get("Messages", []))


@pytest.fixture
def dead_letters(workers: Workers, shop: Site, emulator: Emulator) -> DeadLetters:
    """Run ``workers dead-letters`` against the emulator."""

    def run(*arguments: str, site: Site = shop, **given: Any) -> Done:
        return workers(
            "dead-letters", *arguments, "--endpoint-url", emulator.endpoint_url, site=site, **given
        )

    return run


@pytest.mark.usefixtures("letters")
def test_letters_are_listed_with_their_reason_and_without_personal_data(dead_letters: DeadLetters) -> None:
    done = dead_letters("list", "orders-dlq", "--json")

    found = {each["code"]: each for each in done.json["letters"]}
    assert done.code == 0
    assert found["UNWANTED"]["worker"] == "shop.work"
    assert found["UNWANTED"]["recordId"] == "order-7"
    assert found["UNWANTED"]["body"]["id"] == "unwanted"
    assert found["MAX_RECEIVES"]["body"] == "call +*******1234"
    assert "fan@example.com" not in done.out
    assert "5550001" not in done.out


@pytest.mark.usefixtures("letters")
def test_a_stacks_letters_are_those_of_all_its_queues_and_stay_there(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str]
) -> None:
    done = dead_letters("list", "--stack", "shop")

    assert done.code == 0
    assert done.out.count("orders-dlq") == 2
    assert len(waiting(sqs, queues["orders-dlq"])) == 2


@pytest.mark.usefixtures("letters")
def test_where_nothing_is_said_the_queues_are_meant_that_the_variables_name(
    dead_letters: DeadLetters, queues: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "stage.env"
    file.write_text(f"ORDERS_DLQ_QUEUE_URL={queues['orders-dlq']}\n")

    done = dead_letters("list", "--env-file", str(file), "--json")

    assert done.code == 0
    assert {each["queue"] for each in done.json["letters"]} == {"orders-dlq"}


@pytest.mark.usefixtures("letters")
def test_on_a_stage_it_is_plain_that_letters_are_stamped_by_the_machine_s_clock(
    dead_letters: DeadLetters,
) -> None:
    on_a_stage = {"WORKER_CLOCK": "20@4000000000.0"}

    listed = dead_letters("list", "orders-dlq", env=on_a_stage)
    shown = dead_letters("show", "orders-dlq", "order-7", env=on_a_stage)
    elsewhere = dead_letters("show", "orders-dlq", "order-7")

    assert listed.out.splitlines()[0].endswith("sent (machine's clock)")
    assert "+00:00 (machine's clock)\n" in shown.out
    assert "clock" not in elsewhere.out


@pytest.mark.usefixtures("queues")
def test_an_empty_queue_says_so(dead_letters: DeadLetters) -> None:
    done = dead_letters("list", "orders-dlq")

    assert (done.code, done.out) == (0, "No dead letters.\n")


@pytest.mark.usefixtures("letters")
def test_a_letter_is_shown_with_all_that_it_holds_and_stays_there(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str]
) -> None:
    done = dead_letters("show", "orders-dlq", "order-7")

    assert done.code == 0, done.err
    assert "UNWANTED" in done.out
    assert "shop.work" in done.out
    assert '"id": "unwanted"' in done.out
    assert "fan@example.com" not in done.out
    assert len(waiting(sqs, queues["orders-dlq"])) == 2


@pytest.mark.usefixtures("letters")
def test_a_letter_that_is_not_there_is_not_shown(dead_letters: DeadLetters) -> None:
    done = dead_letters("show", "orders-dlq", "nothing")

    assert done.code == 1
    assert "no dead letter in orders-dlq begins with 'nothing'" in done.err


def test_records_that_lambda_only_named_are_shown_from_their_stream(
    dead_letters: DeadLetters,
    emulator: Emulator,
    sqs: SQSClient,
    queues: dict[str, str],
    installed_plugin: Site,
) -> None:
    installed_plugin.install_plugin("meter", worker=METER_WORKER)
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as aws:
        kinesis = aws("kinesis")
        kinesis.create_stream(StreamName="local-readings", ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName="local-readings", WaiterConfig={"Delay": 1})
        arn = kinesis.describe_stream_summary(StreamName="local-readings")["StreamDescriptionSummary"][
            "StreamARN"
        ]
        put = kinesis.put_record(
            StreamName="local-readings", Data=b'{"meter": "m-1", "phone": "+15550001234"}', PartitionKey="m"
        )
    info = {
        "shardId": put["ShardId"],
        "startSequenceNumber": put["SequenceNumber"],
        "endSequenceNumber": put["SequenceNumber"],
        "batchSize": 1,
        "streamArn": arn,
    }
    gone = {**info, "startSequenceNumber": "1", "endSequenceNumber": "1"}
    for each in (info, gone):
        body = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "KinesisBatchInfo": each}
        sqs.send_message(QueueUrl=queues["meter-dlq"], MessageBody=json.dumps(body))

    done = dead_letters("show", "meter-dlq", "--json", site=installed_plugin)

    opened = {each["letter"]["recordId"]: each for each in done.json["letters"]}
    (record,) = opened[put["SequenceNumber"]]["records"]
    assert record["kinesis"]["data"] == {"meter": "m-1", "phone": "+*******1234"}
    assert "forgotten the records" in opened["1"]["problem"]


@pytest.mark.usefixtures("letters")
def test_messages_go_back_to_their_queue_as_they_were(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str]
) -> None:
    done = dead_letters("redrive", "orders-dlq", "--yes", "--json")

    told = done.json
    went = {each["things"][0]: each["worker"] for each in told.pop("went")}
    assert (done.code, told) == (0, {"sent": 2, "kept": [], "rejected": [], "missed": 0})
    assert waiting(sqs, queues["orders-dlq"]) == []
    assert went == {each["MessageId"]: "shop.work" for each in waiting(sqs, queues["orders"])}
    sent = {each["Body"][:4]: each for each in waiting(sqs, queues["orders"])}
    assert sent.keys() == {'{"id', "call"}
    assert sent['{"id']["MessageAttributes"].keys() == {"own"}


@pytest.mark.usefixtures("letters")
def test_one_letter_goes_back_by_itself_and_says_what_it_is_now(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "local.env"
    file.touch()

    done = dead_letters("redrive", "orders-dlq", "order-7", "--yes", "--env-file", str(file))

    (sent,) = waiting(sqs, queues["orders"])
    assert (done.code, done.out) == (
        0,
        f"1 sent back, 0 kept\n  order-7 to shop.work as {sent['MessageId']}\n",
    )
    assert f"`workers dead-letters list orders-dlq --env-file {file}` whether they did" in done.err
    assert [each["Body"] for each in waiting(sqs, queues["orders-dlq"])] == ["call +15550001234"]


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("wanted", "refused"),
    [("nothing", (1, "no dead letter in orders-dlq begins with 'nothing'")), ("", (2, "say more of one"))],
)
def test_a_letter_that_is_none_or_several_does_not_go(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str], wanted: str, refused: tuple[int, str]
) -> None:
    code, told = refused

    done = dead_letters("redrive", "orders-dlq", wanted, "--yes")

    assert done.code == code
    assert told in done.err
    assert len(waiting(sqs, queues["orders-dlq"])) == 2


@pytest.mark.usefixtures("letters")
def test_a_dry_run_says_the_way_and_sends_nothing(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str]
) -> None:
    done = dead_letters("redrive", "orders-dlq", "--dry-run")

    assert done.code == 0
    assert done.out.count(queues["orders"]) == 2
    assert len(waiting(sqs, queues["orders-dlq"])) == 2


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"typed": "y\n"}, (0, 2)),
        ({"typed": "n\n"}, (1, 0)),
        ({"stdin": ""}, (2, 0)),
        ({"stdin": "y\n"}, (2, 0)),  # it may be meant for somebody else
    ],
)
def test_nothing_is_sent_before_somebody_agrees(
    dead_letters: DeadLetters,
    sqs: SQSClient,
    queues: dict[str, str],
    answer: dict[str, str],
    left: tuple[int, int],
) -> None:
    done = dead_letters("redrive", "orders-dlq", **answer)

    assert "Send back what waits in orders-dlq (dead letters: 2)?" in done.err
    assert (done.code, len(waiting(sqs, queues["orders"]))) == left


@pytest.mark.usefixtures("queues")
def test_nobody_is_asked_about_an_empty_queue(dead_letters: DeadLetters) -> None:
    done = dead_letters("redrive", "orders-dlq")
    encoded = dead_letters("redrive", "orders-dlq", "--json")

    assert (done.code, done.out) == (0, "Nothing waits in orders-dlq.\n")
    assert "?" not in done.err
    assert (encoded.code, encoded.json) == (0, {**NOTHING, "went": []})


def test_a_change_is_handed_to_its_worker_and_one_that_it_does_not_take_stays(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str], installed_plugin: Site
) -> None:
    installed_plugin.install_plugin("audit", worker=AUDIT_WORKER)
    for at, name in enumerate(("good", "bad"), start=1):
        record = change(new={"PK": name, "SK": "A", "id": name}, table="accounts", at=at)
        head = {**REASON, "worker": "audit.work", "source": "table_stream", "recordId": name}
        sqs.send_message(QueueUrl=queues["audit-dlq"], MessageBody=json.dumps({**head, "record": record}))
    trail = installed_plugin.folder / "trail"

    done = dead_letters(
        "redrive", "audit-dlq", "--yes", "--json", site=installed_plugin, env={"TRAIL": str(trail)}
    )

    assert done.code == 1
    assert done.json["sent"] == 1
    (why,) = done.json["kept"]
    assert why.startswith("bad: ")
    assert trail.read_text(encoding="utf-8") == "good"
    (left,) = waiting(sqs, queues["audit-dlq"])
    assert json.loads(left["Body"])["recordId"] == "bad"


def test_a_change_that_its_worker_rejects_again_is_told_and_waits_anew(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str], installed_plugin: Site
) -> None:
    installed_plugin.install_plugin("audit", worker=AUDIT_WORKER)
    for at, name in enumerate(("good", "hopeless"), start=1):
        record = change(new={"PK": name, "SK": "A", "id": name}, table="accounts", at=at)
        head = {**REASON, "worker": "audit.work", "source": "table_stream", "recordId": name}
        sqs.send_message(QueueUrl=queues["audit-dlq"], MessageBody=json.dumps({**head, "record": record}))
    env = {"TRAIL": str(installed_plugin.folder / "trail"), "AUDIT_DLQ_QUEUE_URL": queues["audit-dlq"]}

    done = dead_letters("redrive", "audit-dlq", "--yes", site=installed_plugin, env=env)

    assert done.code == 1
    told, good, bad, why = done.out.splitlines()
    assert good.startswith("  good to audit.work as ")
    assert bad.startswith("  hopeless to audit.work as ")
    assert told == "2 sent back, 1 of them rejected again, 0 kept"
    assert why.endswith(": HOPELESS: nobody can use it")
    assert why.count("HOPELESS") == 1
    (left,) = waiting(sqs, queues["audit-dlq"])
    assert json.loads(left["Body"])["code"] == "HOPELESS"


@pytest.fixture
def readings(
    emulator: Emulator, sqs: SQSClient, queues: dict[str, str], installed_plugin: Site
) -> Iterator[None]:
    """Put two dead letters of a stream, as a stage names it: our envelope, and Lambda's metadata."""
    installed_plugin.install_plugin("meter", worker=METER_WORKER)
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as aws:
        kinesis = aws("kinesis")
        kinesis.create_stream(StreamName="local-readings", ShardCount=1)
        data = json.dumps({"meter": "b", "phone": "+15550001234"}).encode()
        put = kinesis.put_record(StreamName="local-readings", Data=data, PartitionKey="b")
        arn = kinesis.describe_stream_summary(StreamName="local-readings")["StreamDescriptionSummary"]
        envelope = {
            **REASON,
            "worker": "meter.work",
            "source": "kinesis",
            "record": kinesis_record({"meter": "a", "phone": "+15550001234"}),
        }
        metadata = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "KinesisBatchInfo": {
                "shardId": put["ShardId"],
                "startSequenceNumber": put["SequenceNumber"],
                "endSequenceNumber": put["SequenceNumber"],
                "streamArn": arn["StreamARN"],
            },
        }
        for letter in (envelope, metadata):
            sqs.send_message(QueueUrl=queues["meter-dlq"], MessageBody=json.dumps(letter))
        yield


@pytest.mark.usefixtures("readings")
def test_letters_of_a_kinesis_source_are_listed_and_handed_to_its_worker(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str], installed_plugin: Site
) -> None:
    trail = installed_plugin.folder / "trail"

    listed = dead_letters("list", "--stack", "meter", "--json", site=installed_plugin)
    read = dead_letters("list", "--stack", "meter", site=installed_plugin)
    way = dead_letters("redrive", "meter-dlq", "--dry-run", site=installed_plugin)
    done = dead_letters(
        "redrive", "meter-dlq", "--yes", "--json", site=installed_plugin, env={"TRAIL": str(trail)}
    )

    forms = {each["form"]: each for each in listed.json["letters"]}
    opened = {"meter": "a", "phone": "+*******1234"}
    assert forms["envelope"]["body"]["record"]["kinesis"]["data"] == opened
    assert forms["metadata"]["code"] == "RetryAttemptsExhausted"
    assert forms["envelope"]["shard"] == "shardId-000000000000"
    assert "shardId-000000000000:order-7 " in read.out
    assert way.out.count("meter.work, in this process") == 2
    assert (done.code, done.json["sent"]) == (0, 2)
    assert {each["worker"] for each in done.json["went"]} == {"meter.work"}
    assert sorted(trail.read_text(encoding="utf-8")) == ["a", "b"]
    assert waiting(sqs, queues["meter-dlq"]) == []


def test_an_odd_letter_is_listed_and_stays_and_keeps_no_other(
    dead_letters: DeadLetters, sqs: SQSClient, queues: dict[str, str]
) -> None:
    odd: Any = {REASON_ATTRIBUTE: {"DataType": "String", "StringValue": "no JSON"}}
    sqs.send_message(QueueUrl=queues["orders-dlq"], MessageBody="odd", MessageAttributes=odd)
    sqs.send_message(QueueUrl=queues["orders-dlq"], MessageBody="ours")

    listed = dead_letters("list", "orders-dlq")
    way = dead_letters("redrive", "orders-dlq", "--dry-run")
    done = dead_letters("redrive", "orders-dlq", "--yes")

    assert "UNREADABLE" in listed.out
    assert "nowhere: it fits no form of dead letter" in way.out
    assert done.code == 1
    assert "1 sent back, 1 kept" in done.out
    assert "delete it by hand" in done.out
    assert [each["Body"] for each in waiting(sqs, queues["orders-dlq"])] == ["odd"]


def test_letters_that_are_not_met_are_told_in_one_line_and_exit_code_1() -> None:
    out, lines = io.StringIO(), ("2 sent back, 0 kept", "  3 of 5 not met: ")

    with pytest.raises(typer.Exit) as ended:
        tell_redriven(Redriven(sent=2, kept=(), missed=3), Output(out, as_json=False))

    assert ended.value.exit_code == 1
    assert all(
        line.startswith(wanted) for line, wanted in zip(out.getvalue().splitlines(), lines, strict=True)
    )


@pytest.mark.usefixtures("queues")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list",), "say a QUEUE or a --stack, or name the file of a stage's variables with --env-file."),
        (("list", "orders-dlq", "--stack", "shop"), "say a QUEUE or a --stack, not both."),
        (("list", "--stack", "nosuch"), "no installed worker is of the stack 'nosuch'; there are: "),
        (("list", "nothing-dlq"), "there is no queue 'nothing-dlq'; set NOTHING_DLQ_QUEUE_URL"),
        (("redrive", "orders", "--yes"), "no installed worker sends its dead letters to orders"),
    ],
)
def test_what_it_cannot_use_is_one_line_and_exit_code_2(
    dead_letters: DeadLetters, arguments: tuple[str, ...], told: str
) -> None:
    done = dead_letters(*arguments)

    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if line.startswith("workers:")]
    assert told in line


def test_no_region_is_one_line_and_exit_code_2(workers: Workers) -> None:
    done = workers("dead-letters", "list", "orders-dlq")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("workers: no region is set; set AWS_REGION")


NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("options", "env"),
    [(("--endpoint-url", NOWHERE), {}), ((), {"AWS_ENDPOINT_URL": NOWHERE, "AWS_REGION": "us-east-1"})],
)
def test_an_endpoint_that_is_not_there_is_one_line_and_exit_code_1(
    workers: Workers, options: tuple[str, ...], env: dict[str, str]
) -> None:
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

    done = workers("dead-letters", "list", "orders-dlq", *options, "--json", env={**credentials, **env})

    assert (done.code, done.out) == (1, "")
    assert done.error["kind"] == "AwsRefused"
    assert done.error["message"].startswith(f"{NOWHERE}: ")


def test_variables_that_are_not_there_are_told_with_what_writes_them(workers: Workers) -> None:
    done = workers("dead-letters", "list", "orders-dlq", "--env-file", "local.env")

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "workers: there is no local.env; a stage's is there while it is up"
        " (`workers stage up`, `workers demo --keep`).\n"
    )


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("list", "--stack", "shop"), "nonsense"),
        (("list", "orders-dlq"), "127.0.0.1:4566"),
        (("list", "orders-dlq"), "http://host:port"),
        (("redrive", "orders-dlq", "--yes"), "http://"),
    ],
)
def test_an_endpoint_that_is_no_url_is_one_line_and_exit_code_2(
    workers: Workers, shop: Site, arguments: tuple[str, ...], url: str
) -> None:
    done = workers("dead-letters", *arguments, "--endpoint-url", url, "--json", site=shop)

    assert (done.code, done.out, done.error["kind"]) == (2, "", "SettingsError")
    assert done.error["message"].startswith(
        f"--endpoint-url is {url!r}, and it is no URL; say http://HOST:PORT"
    )


def test_a_variable_that_names_no_url_is_one_line_and_exit_code_2(workers: Workers, tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    file.write_text("AWS_REGION=us-east-1\nAWS_ENDPOINT_URL_SQS=nonsense\n", encoding="utf-8")

    done = workers("dead-letters", "list", "orders-dlq", "--env-file", str(file))

    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("workers: AWS_ENDPOINT_URL_SQS is 'nonsense', and it is no URL")


def test_a_profile_that_is_not_configured_is_one_line_and_exit_code_2(workers: Workers) -> None:
    env = {"AWS_PROFILE": "nosuch", "AWS_REGION": "us-east-1"}

    done = workers("dead-letters", "list", "orders-dlq", env=env)

    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("workers: The config profile (nosuch) could not be found; set AWS_PROFILE to")
