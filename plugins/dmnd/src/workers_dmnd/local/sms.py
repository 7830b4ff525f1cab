"""The SMS service on loopback: each sending taken once, and what became of it told in our status stream."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.stage.names import NotStaged
from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.stand_in import StandIn
from workers_dmnd.local.numbers import Numbers
from workers_dmnd.local.postman import Postman
from workers_dmnd.local.receipts import HOUR_S, Plan, Receipt, reports, stray_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.offers import Reach
    from workers_dmnd.local.postman import Deliver
    from workers_dmnd.local.receipts import Report

PATH: Final = "/v1/messages"
STATUS_STREAM: Final = "sms-status-stream"
EARLY_BY_S: Final = 2.0  # of the stage's clock: how long before its answer a message's first receipts go out

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/[a-z0-9-]+/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]*\bhost\b[a-z0-9;-]*, Signature=[0-9a-f]{64}"
)


class Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the service is asked to send."""

    client_message_id: str
    to: str
    body: str
    locale: str = "en-US"


class Taken(Struct, frozen=True, kw_only=True):
    """A message that the service took, once, however often it was asked."""

    message_id: str
    client_message_id: str
    to: str
    body: str
    locale: str
    at: float


class SmsStandIn(StandIn):
    """Takes each sending once, told by its clientMessageId, and reports what became of it.

    ``numbers`` scripts how single phone numbers fare.
    """

    def __init__(self, *, clock: Clock | None = None, seed: int = 0) -> None:
        """Prepare; until ``connect`` or ``deliver_to`` nobody hears of receipts."""
        super().__init__(clock=clock, seed=seed)
        self.numbers = Numbers()
        self._taken: dict[str, Taken] = {}
        self._sendings: Counter[str] = Counter()
        self._state = threading.Lock()
        self._postman = Postman(clock=self.clock)

    @property
    def messages(self) -> tuple[Taken, ...]:
        """The distinct messages taken so far, oldest first; ``count`` tells the requests."""
        with self._state:
            return tuple(self._taken.values())

    @property
    def receipts_to_come(self) -> int:
        """How many receipts are planned and not delivered yet."""
        return self._postman.to_come

    def start(self) -> Self:
        """Serve, and deliver receipts."""
        self._postman.start(self.threads)
        return super().start()

    def stop(self) -> None:
        """Serve and deliver no more."""
        super().stop()
        self._postman.stop()

    def connect(self, reach: Reach) -> None:
        """Put receipts into the stage's status stream, where a worker reads it."""
        with suppress(NotStaged):
            stream_arn = reach.named("stream", STATUS_STREAM)
            self.deliver_to(_into(reach.aws("kinesis"), stream_arn=stream_arn))

    def recall(self) -> None:
        """Read what was taken, and how numbers fare."""
        self.numbers.recall(self.memory)
        with self._state:
            for _, value in self.memory.read("message"):
                taken = msgspec.json.decode(value, type=Taken)
                self._taken[taken.client_message_id] = taken
                self._sendings[taken.to] += 1

    def deliver_to(self, deliver: Deliver) -> None:
        """Hand receipts that are due to ``deliver``, and again those with which it failed."""
        self._postman.deliver = deliver
        self._postman.recall(self.memory)  # not before: who delivers to nobody loses what is remembered

    def report_stray(self, *, age_s: float = HOUR_S) -> str:
        """Report the delivery, ``age_s`` ago, of a message that nobody sent; return its made-up id."""
        now = self.clock.now()
        message_id = stray_id(f"{now} {self.receipts_to_come}")
        delivered = Plan((Receipt(status="delivered", after_s=0, since_s=-age_s),), names_sending=False)
        self._postman.post(reports(delivered, message_id=message_id, client_message_id="", taken_at=now))
        return message_id

    def handle(self, request: Request) -> Response | None:
        """Answer as the service does, unless the answer is to get lost."""
        if (request.method, request.path) != ("POST", PATH):
            return Response.json({"message": f"no route for {request.method} {request.path}"}, status=404)
        if not _is_signed(request):
            return Response.json({"message": "Missing Authentication Token"}, status=403)
        try:
            asked = msgspec.json.decode(request.body, type=Asked)
        except msgspec.MsgspecError as error:
            return _refused("BAD_REQUEST", str(error), status=400)
        return self.numbers.trouble(asked.to) or self._send(asked)

    def _send(self, asked: Asked) -> Response | None:
        if _E164.fullmatch(asked.to) is None:
            return _refused("INVALID_NUMBER", "the number is not E.164", status=422)
        taken, is_news = self._take(asked)
        if self.numbers.loses_answer(asked.to):
            return None
        answer = {"messageId": taken.message_id, "status": "queued"}
        return Response.json(answer, status=202 if is_news else 200)

    def _take(self, asked: Asked) -> tuple[Taken, bool]:
        """Take a message, or find it taken; say whether it is news."""
        with self._state:
            known = self._taken.get(asked.client_message_id)
            if known is not None:
                return known, False
            nth = self._sendings[asked.to]
            self._sendings[asked.to] += 1
            taken = Taken(
                message_id=message_id_for(asked.client_message_id),
                client_message_id=asked.client_message_id,
                to=asked.to,
                body=asked.body,
                locale=asked.locale,
                at=self.clock.now(),
            )
            self._taken[asked.client_message_id] = taken
            plan = self.numbers.plan_of(asked.to, nth=nth)
            with self.memory.together():
                self.memory.put("message", taken.client_message_id, msgspec.json.encode(taken))
                self._post(taken, plan)
        if any(receipt.first for receipt in plan.receipts):
            self.clock.sleep(EARLY_BY_S)  # a receipt is faster than the answer
        return taken, True

    def _post(self, taken: Taken, plan: Plan) -> None:
        said_of = {"message_id": taken.message_id, "client_message_id": taken.client_message_id}
        self._postman.post(reports(plan, **said_of, taken_at=taken.at))


def message_id_for(client_message_id: str) -> str:
    """Return the id that the service gives a sending, whenever it is asked."""
    return f"SM{sha256(client_message_id.encode()).hexdigest()[:32]}"


def _is_signed(request: Request) -> bool:
    signature = request.headers.get("authorization", "")
    return _SIGNED.fullmatch(signature) is not None and "x-amz-date" in request.headers


def _refused(code: str, message: str, *, status: int) -> Response:
    return Response.json({"code": code, "message": message}, status=status)


def _into(kinesis: Any, *, stream_arn: str) -> Deliver:
    """Return what puts receipts into a stream, by their messages."""

    def put(due: Sequence[Report]) -> None:
        records = [{"Data": msgspec.json.encode(each.body), "PartitionKey": each.message_id} for each in due]
        failed = kinesis.put_records(StreamARN=stream_arn, Records=records)["FailedRecordCount"]
        if failed:
            raise RuntimeError(f"{failed} of {len(records)} receipts were not taken")

    return put
