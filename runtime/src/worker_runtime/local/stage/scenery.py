"""All that the workers of a stage talk to: AWS and the gateway before it, Redis, outside services.

It is started and provisioned before any worker is; ``around`` is what workers get to know of it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from worker_runtime.local.endpoint import asked_of
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.delayed_messages import DelayedMessages, sender_to
from worker_runtime.local.stage.door.door import Door
from worker_runtime.local.stage.door.rest_calls import InvokeCalls
from worker_runtime.local.stage.dynamodb_calls import UnprocessedWrites
from worker_runtime.local.stage.gateway import Gateway, first_of, first_response_of
from worker_runtime.local.stage.kafka.cluster import KafkaCluster, cluster_for
from worker_runtime.local.stage.keeping.kept import VISIBILITY
from worker_runtime.local.stage.keeping.memory import NO_MEMORIES
from worker_runtime.local.stage.keeping.ports import kept_port
from worker_runtime.local.stage.lineage.call_watch import CallWatch, keys_of
from worker_runtime.local.stage.lineage.journal import NO_JOURNAL
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.local.stage.polling.visibility import VisibilityBook
from worker_runtime.local.stage.provisioning import Outside, provision
from worker_runtime.local.stage.relays.routes import lead_events
from worker_runtime.local.stage.sqs_calls import SqsCalls
from worker_runtime.local.stage.staged_outages import Fragile
from worker_runtime.local.stage.staged_workers import Surroundings, offers_of, plugins_of, write_settings
from worker_runtime.local.stage.threads.jumping_clock import JumpingClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.stage.accidents import Accidents
    from worker_runtime.local.stage.keeping.kept import Kept
    from worker_runtime.local.stage.keeping.memory import Memories
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.options import StageOptions
    from worker_runtime.local.stage.parts.stand_in import StandIn
    from worker_runtime.local.stage.polling.stage_time import StageClock
    from worker_runtime.local.stage.staged_workers import Offers
    from worker_runtime.local.stage.threads.threads import Threads
    from worker_runtime.workers import Declaration

REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is staged: which workers, from where, on which clock; ``folder`` keeps what is written."""

    options: StageOptions
    declarations: Mapping[str, Declaration]
    catalogue: Catalogue
    clock: StageClock
    threads: Threads
    folder: Path
    kept: Kept | None = None
    journal: Journal = NO_JOURNAL

    @property
    def memories(self) -> Memories:
        """What its parts remember, of a stage that is to go on."""
        return NO_MEMORIES if self.kept is None else self.kept.memories


@dataclass(frozen=True, slots=True)
class _Reach:
    aws: Callable[[str], Any]
    named: Callable[[str, str], str]


class Scenery(Part):
    """The surroundings of the workers of a play; its attributes are there once it is started."""

    aws: AwsClients
    redis: RedisServer | None
    names: Names
    book: VisibilityBook
    door: Door
    front: Gateway
    delayed: DelayedMessages | None
    kafka: KafkaCluster
    around: Surroundings

    def __init__(self, play: Play, *, accidents: Accidents) -> None:
        """Prepare; ``accidents`` hears of the workers' calls and makes parts of this fail."""
        self.stand_ins: dict[str, StandIn] = {}
        self.lost = play.threads.flag()
        """Set where the emulator ends though nobody stopped it."""
        self.unprocessed = UnprocessedWrites(seed=play.options.seed)
        self._play = play
        self._accidents = accidents
        self._parts = ExitStack()

    def start(self) -> Self:
        """Start everything and make what the workers need; raises AwsRefused."""
        with ExitStack() as parts:
            with asked_of(self._play.options.endpoint_url or "the stage's emulator"):
                self._set_up(parts)
            self._parts = parts.pop_all()
        return self

    def stop(self) -> None:
        """Stop everything; hidden messages become visible before."""
        self._parts.close()

    def _set_up(self, parts: ExitStack) -> None:
        play, own = self._play, credentials(self._play.options.endpoint_url)
        endpoint_url = play.options.endpoint_url
        if endpoint_url is None:
            endpoint_url = parts.enter_context(self._emulator()).endpoint_url
        self.aws = parts.enter_context(AwsClients(endpoint_url, region=REGION, credentials=own))
        self.redis = redis = self._redis(parts)
        offers = offers_of(plugins_of(play.declarations), play.catalogue)
        settings_file = self._stand_in(parts, offers)
        redis_url = None if redis is None else redis.url
        outside = Outside(tables=offers.tables, secrets=offers.secrets, redis_url=redis_url)
        self.names = provision(play.declarations.values(), outside=outside, aws=self.aws, region=REGION)
        self.kafka = parts.enter_context(
            cluster_for(
                play.declarations,
                servers=play.options.kafka_servers,
                kept=play.kept,
            )
        )
        self.kafka.provision(self.names, region=REGION)
        lead_events(play.declarations, names=self.names, aws=self.aws)
        self._connect(offers)
        self.door = parts.enter_context(Door())
        self.book = parts.enter_context(
            VisibilityBook(
                self.aws("sqs"),
                clock=play.clock,
                threads=play.threads,
                memory=None if play.kept is None else play.memories.of(VISIBILITY),
            )
        )
        self.delayed = self._hold_back(parts, endpoint_url)
        calls = first_of(SqsCalls(self.book, clock=play.clock, delayed=self.delayed), self.unprocessed)
        gateway = parts.enter_context(
            Gateway(
                endpoint_url,
                answer=calls,
                called=self._accidents.called,
                rest=first_response_of(InvokeCalls(self.door), self.kafka.calls),
                seen=CallWatch(play.journal, keys=keys_of(offers.tables, names=self.names)),
            )
        )
        port = kept_port(play.memories.of("ports"), "endpoint")
        self.front = parts.enter_context(Gateway.front(endpoint_url, rest=InvokeCalls(self.door), port=port))
        fragile = Fragile(
            gateway=gateway, stand_ins=self.stand_ins, redis=redis, clock=play.clock, journal=play.journal
        )
        self._accidents.plan_once("outage", fragile.outages(seed=play.options.seed))
        self._accidents.plan_once("latency", fragile.slowness(seed=play.options.seed))
        self.around = Surroundings(
            names=self.names,
            endpoint_url=gateway.url,
            settings_file=settings_file,
            clock=play.clock,
            credentials=own,
            region=REGION,
        )

    def _hold_back(self, parts: ExitStack, endpoint_url: str) -> DelayedMessages | None:
        """Hold delayed messages back where the emulator's own time is not the stage's at any speed."""
        play = self._play
        if not isinstance(play.clock, JumpingClock):
            return None
        send = sender_to(endpoint_url)
        return parts.enter_context(
            DelayedMessages(
                clock=play.clock,
                threads=play.threads,
                send=send,
                journal=play.journal,
                memory=None if play.kept is None else play.memories.of("delayed"),
            )
        )

    def _connect(self, offers: Offers) -> None:
        """Let the stand-ins reach what the services themselves write into."""
        reach = _Reach(aws=self.aws, named=self.names.named)
        for _, service in offers.services:
            if service.connect is not None:
                service.connect(self.stand_ins[service.name], reach)

    def _emulator(self) -> Emulator:
        folder, kept, speed = self._play.folder, self._play.kept, self._play.options.speed
        if kept is None:
            return Emulator(folder / "emulator", speed=speed, lost=self.lost.set)
        return kept.emulator(speed=speed, lost=self.lost.set)

    def _redis(self, parts: ExitStack) -> RedisServer | None:
        """Start a Redis where a worker is granted one."""
        grants = (grant for declared in self._play.declarations.values() for grant in declared.all_grants)
        if not any(grant.kind == "redis" for grant in grants):
            return None
        kept = self._play.kept
        return parts.enter_context(RedisServer() if kept is None else kept.redis())

    def _stand_in(self, parts: ExitStack, offers: Offers) -> Path:
        """Start the stand-ins and write the settings file that leads the workers to them."""
        play = self._play
        urls: dict[str, dict[str, str]] = {}
        for plugin, service in offers.services:
            stand_in = service.make(play.clock, play.options.seed)
            stand_in.threads = play.threads
            stand_in.memory = play.memories.of(f"stand-in {service.name}")
            parts.enter_context(stand_in)
            self.stand_ins[service.name] = stand_in
            stand_in.on_answer(partial(self._accidents.called, service.name))
            urls.setdefault(plugin, {})[service.setting] = stand_in.url
        file = play.folder / "settings.json"
        write_settings(file, plugins=plugins_of(play.declarations), catalogue=play.catalogue, urls=urls)
        return file
