"""What tells the skeletons of workers apart: how each source is declared, what it brings, what is said back.

The templates are the same for all; ``$names`` in these texts are the worker's, see ``names``.
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Mapping

SourceKind = Literal[
    "sqs",
    "sqs-fifo",
    "table-stream",
    "kinesis",
    "kafka",
    "s3",
    "sns",
    "event-bridge",
    "schedule",
    "api-gateway",
    "appsync",
    "invoke",
    "firehose",
]
"""All that ``--source`` may say."""

_ITEM_FAILURES: Final = '== {"batchItemFailures": []}'


class Skeleton(Struct, frozen=True, kw_only=True):
    """A worker of one source. Without a ``model`` it takes what ``taken`` says, a type of the source's own.

    ``test`` names the template of its test, which makes its ``event`` with ``builders``; ``poison`` and
    ``reply`` are for those that have dead letters, ``answered`` and ``answer`` for those that answer.
    """

    arrives: str
    it: str = "them"
    imported: str
    declared: str
    settings: str = ""
    model: str = ""
    carries: str = ""
    parameter: str = "record"
    taken: str = "$parameter: $Model"
    returned: str = "None"
    body: str = ""
    letters: str = "$kebab_worker-dlq"
    test: str = "letters"
    builders: str = ""
    poison: str = ""
    reply: str = _ITEM_FAILURES
    event: str = ""
    answered: str = "reply"
    answer: str = '{"id": "42"}'


def _with_letters(*, builders: str, model: str, **told: str) -> Skeleton:
    needed = ", ".join(["RecordingSender", *sorted([*builders.split(), "run_on"])])
    return Skeleton(model=f"${{Name}}{model}", parameter=model.lower(), builders=needed, **told)


def _answering(*, builders: str, model: str, **told: str) -> Skeleton:
    return Skeleton(
        model=f"${{Name}}{model}",
        parameter=(parameter := model.lower()),
        returned="dict[str, str]",
        body=f'\n    return {{"id": {parameter}.id}}',
        test="answers",
        builders=", ".join(sorted([*builders.split(), "run_on"])),
        **told,
    )


_TAKES_SECONDS: Final = "\n    timeout_s=10,"  # callers wait half a minute at most

SKELETONS: Final[dict[SourceKind, Skeleton]] = {
    "sqs": _with_letters(
        arrives="Messages of ``$kebab_worker``",
        imported="Sqs, worker",
        declared='Sqs("$kebab_worker", dead_letters="$letters")',
        model="Message",
        carries="What the queue ``$kebab_worker`` carries",
        builders="sqs_event",
        poison='sqs_event({"id": "42"}, "no JSON", queue="$kebab_worker")',
    ),
    "sqs-fifo": _with_letters(
        arrives="Messages of ``$kebab_worker.fifo``, in order,",
        imported="Sqs, worker",
        declared="""Sqs(
        "$kebab_worker.fifo",
        max_receives=10,  # what waits behind a failed message of its group spends receives too
        dead_letters="$letters",
    )""",
        model="Message",
        carries="What the queue ``$kebab_worker.fifo`` carries",
        letters="$kebab_worker-dlq.fifo",
        builders="sqs_event",
        poison='sqs_event({"id": "42"}, "no JSON", queue="$kebab_worker.fifo", group="42")',
    ),
    "table-stream": Skeleton(
        arrives="Changes of ``$kebab-table``",
        imported="Change, Skip, TableStream, worker",
        declared="""TableStream(
        "$kebab-table",
        retries=-1,  # what fails is tried again for half a day, time to mend its cause
        max_age_s=43_200,
        dead_letters="$letters",
    )""",
        model="${Name}Item",
        carries="An item of ``$kebab-table``",
        taken="change: Change[$Model]",
        body='\n    if change.new is None:\n        raise Skip("the item is gone")',
        test="table_stream",
    ),
    "kinesis": _with_letters(
        arrives="Records of the stream ``$kebab-stream``",
        imported="Kinesis, worker",
        declared="""Kinesis(
        "$kebab-stream",
        retries=-1,  # what fails is tried again for half a day, time to mend its cause
        max_age_s=43_200,
        dead_letters="$letters",
    )""",
        model="Record",
        carries="What the stream ``$kebab-stream`` carries",
        builders="kinesis_event",
        poison='kinesis_event({"id": "42"}, "no JSON", stream="$kebab-stream")',
    ),
    "kafka": _with_letters(
        arrives="Records of the topic ``$kebab-topic``",
        imported="Kafka, worker",
        declared='Kafka("$kebab-topic", dead_letters="$letters")',
        model="Record",
        carries="What the topic ``$kebab-topic`` carries",
        builders="kafka_event kafka_record",
        poison='kafka_event(kafka_record({"id": "42"}), kafka_record(b"no JSON", offset=1))',
    ),
    "s3": Skeleton(
        arrives="New objects of ``$kebab-bucket``",
        imported="S3, S3Object, worker",
        declared='S3("$kebab-bucket", dead_letters="$letters")',
        taken="created: S3Object",
        test="s3",
    ),
    "sns": _with_letters(
        arrives="Messages of the topic ``$kebab-topic``",
        imported="Sns, worker",
        declared='Sns("$kebab-topic", dead_letters="$letters")',
        model="Message",
        carries="What the topic ``$kebab-topic`` carries",
        builders="sns_event",
        poison='sns_event("no JSON", topic="$kebab-topic")',
        reply="is None",
    ),
    "event-bridge": _with_letters(
        arrives="Events of ``$kebab``",
        imported="EventBridge, worker",
        declared="""EventBridge(
        "$kebab_worker",
        pattern={"source": ["$kebab"]},
        dead_letters="$letters",
    )""",
        model="Detail",
        carries="What the events of ``$kebab`` tell",
        builders="event_bridge_event",
        poison='event_bridge_event({"no": "id"}, source="$kebab")',
        reply="is None",
    ),
    "schedule": Skeleton(
        arrives="A tick an hour",
        it="it",
        imported="Schedule, worker",
        declared='Schedule("rate(1 hour)")',
        taken="",
        test="schedule",
    ),
    "api-gateway": _answering(
        arrives="Requests of ``POST /$kebab_worker``",
        imported="ApiGateway, worker",
        declared='ApiGateway("POST /$kebab_worker")',
        settings=_TAKES_SECONDS,
        model="Request",
        carries="What is posted to ``/$kebab_worker``",
        builders="http_event",
        event='http_event({"id": "42"}, route="POST /$kebab_worker")',
        answered='(reply["statusCode"], reply["body"])',
        answer="""(200, '{"id":"42"}')""",
    ),
    "appsync": _answering(
        arrives="Requests of the field ``Query.$bare``",
        imported="AppSync, worker",
        declared="""AppSync(
        # answered {data, error}, which a response template takes apart; without one, say form="direct"
        "Query.$bare",
    )""",
        settings=_TAKES_SECONDS,
        model="Arguments",
        carries="The arguments of ``Query.$bare``",
        builders="field_event",
        event='field_event({"id": "42"}, field="Query.$bare")',
        answer='{"data": {"id": "42"}, "error": None}',
    ),
    "invoke": _answering(
        arrives="Whatever a caller asks",
        it="it",
        imported="Invoke, worker",
        declared="Invoke()",
        model="Request",
        carries="What callers ask",
        builders="",
        event='{"id": "42"}',
    ),
    "firehose": _answering(
        arrives="Records of the delivery stream ``$kebab-stream``",
        imported="Firehose, worker",
        declared='Firehose("$kebab-stream")',
        model="Record",
        carries="What the delivery stream ``$kebab-stream`` carries",
        builders="firehose_event",
        event='firehose_event({"id": "42"}, b"no JSON", stream="$kebab-stream")',
        answered='[each["result"] for each in reply["records"]]',
        answer='["Ok", "ProcessingFailed"]',
    ),
}
"""In the order of ``workers new worker --help``."""


def told(source: SourceKind, names: Mapping[str, str]) -> dict[str, str]:
    """Say all that a source's templates ask for: its own texts, filled in with the worker's names."""
    skeleton = SKELETONS[source]
    known = {**names, "parameter": skeleton.parameter}
    known["Model"] = Template(skeleton.model).substitute(known)
    known["letters"] = Template(skeleton.letters).substitute(known)
    texts = {name: Template(text).substitute(known) for name, text in asdict(skeleton).items()}
    brought = f"from {names['package']}.models import {known['Model']}\n" if skeleton.model else ""
    return {**known, **texts, "model_import": brought}
