"""Valkey servers that listen on TCP: alone, under Sentinels, and as a cluster."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError
from tests.ports import free_port
from tests.waiting import until

from adjudge.stack import valkey
from adjudge.stack.folders import laid_out
from adjudge.stack.server import Program, Server
from adjudge.stack.valkey import valkey_program

SLOTS = 16384


class Node:
    """One server, and a client that looks at it from outside."""

    def __init__(self, server: Server, port: int) -> None:
        self.port, self.server = port, server
        self.bus = 0
        self.url = f"redis://127.0.0.1:{port}"
        self.redis = Redis(port=port, socket_timeout=5, socket_connect_timeout=5)

    async def kill(self) -> None:
        await self.server.kill()

    async def start(self) -> None:
        await self.server.start()

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        os.kill(self.server.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.server.pid, signal.SIGCONT)


class Nodes:
    """Starts nodes and takes them down again."""

    def __init__(self, folder: Path, exits: AsyncExitStack) -> None:
        self._folder, self._exits = folder, exits

    async def start(self, *settings: str) -> Node:
        """A server with these settings: `--name`, value, ..."""
        port = free_port()
        home = self._home(port)
        program = valkey_program(laid_out(home))
        listen = ["--bind", "127.0.0.1", "--port", str(port), "--protected-mode", "no"]
        listen += ["--repl-diskless-sync-delay", "0"]
        program = replace(program, command=[*program.command, *listen, *settings])
        return await self._run(program, port)

    async def watch(self, master: Node, count: int = 3) -> list[Node]:
        """Sentinels of `master`, as the service `orders`; back once they know each other and its replicas."""
        sentinels = [await self._sentinel(master.port, count // 2 + 1) for _ in range(count)]
        for sentinel in sentinels:
            await until(lambda sentinel=sentinel: _knows(sentinel, count))
        return sentinels

    async def cluster(self, count: int = 3) -> "Cluster":
        """Masters that share the slots evenly; back once all know it."""
        nodes = [await self.cluster_node() for _ in range(count)]
        return await Cluster(nodes).joined()

    async def cluster_node(self) -> Node:
        """A node that knows no other yet."""
        bus = free_port()
        node = await self.start(
            *("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1500"),
            *("--cluster-config-file", "nodes.conf", "--cluster-announce-ip", "127.0.0.1"),
        )
        node.bus = bus
        return node

    async def _sentinel(self, master_port: int, quorum: int) -> Node:
        port = free_port()
        home = self._home(port)
        file = home / "sentinel.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {home}\n"
            f"sentinel monitor orders 127.0.0.1 {master_port} {quorum}\n"
            "sentinel down-after-milliseconds orders 500\nsentinel failover-timeout orders 3000\n"
        )
        program = Program(
            name="Sentinel",
            command=[str(valkey.valkey_binary()), str(file), "--sentinel"],
            home=home,
            pid_files=(),
            log=home / "sentinel.log",
            url=f"redis://127.0.0.1:{port}",
            stop_signal=signal.SIGTERM,
            identity="same",
            env=dict(os.environ),
            version_of=lambda _: _answers(port),
        )
        return await self._run(program, port)

    async def _run(self, program: Program, port: int) -> Node:
        node = Node(Server(program, stop_timeout=5), port)
        self._exits.push_async_callback(node.redis.aclose)
        self._exits.push_async_callback(node.server.kill)
        await node.start()
        return node

    def _home(self, port: int) -> Path:
        home = self._folder / str(port)
        home.mkdir()
        return home


class Cluster:
    """Several masters, and what an operator does with them."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)

    async def joined(self) -> "Cluster":
        share = -(-SLOTS // len(self.nodes))
        for i, node in enumerate(self.nodes):
            last = min(SLOTS, (i + 1) * share) - 1
            await node.redis.execute_command("CLUSTER", "ADDSLOTSRANGE", i * share, last)
            await node.redis.execute_command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for node in self.nodes[1:]:
            first = self.nodes[0]
            await node.redis.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus)
        for node in self.nodes:
            await until(lambda node=node: _is_whole(node, len(self.nodes)))
        return self

    async def replica_of(self, master: Node, nodes: Nodes) -> Node:
        """One more node, which follows `master`; back once it has its data and all know it."""
        replica = await nodes.cluster_node()
        await _cluster(replica, "MEET", "127.0.0.1", master.port, master.bus)
        await until(lambda: _is_whole(replica, len(self.nodes) + 1))
        await _cluster(replica, "REPLICATE", await _cluster(master, "MYID"))
        await until(lambda: follows(replica))
        for node in self.nodes:
            await until(lambda node=node: _is_whole(node, len(self.nodes) + 1))
        return replica

    async def owner(self, key: str) -> Node:
        """Who has the slot of a key."""
        slot = key_slot(key.encode())
        for first, last, (_, port, *_), *_ in await self.nodes[0].redis.execute_command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(f"nobody has slot {slot}")

    async def move(self, key: str, pause_seconds: float = 0.0) -> Node:
        """Move a key's slot to another node, key by key, as resharding does; return its new owner."""
        slot, source, target = await self.begin_to_move(key, pause_seconds)
        for node in (target, source, *self.nodes):
            await _cluster(node, "SETSLOT", slot, "NODE", await _cluster(target, "MYID"))
        return target

    async def begin_to_move(self, key: str, pause_seconds: float = 0.0) -> tuple[int, Node, Node]:
        """Move the keys of a key's slot, but not yet the slot; return it, its owner, and who has the keys."""
        slot, source = key_slot(key.encode()), await self.owner(key)
        target = next(node for node in self.nodes if node is not source)
        await _cluster(target, "SETSLOT", slot, "IMPORTING", await _cluster(source, "MYID"))
        await _cluster(source, "SETSLOT", slot, "MIGRATING", await _cluster(target, "MYID"))
        while keys := await _cluster(source, "GETKEYSINSLOT", slot, 1):
            await source.redis.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
            await asyncio.sleep(pause_seconds)
        return slot, source, target


async def _cluster(node: Node, *words: object) -> object:
    return await node.redis.execute_command("CLUSTER", *words)


async def _answers(port: int) -> str | None:
    async with Redis(port=port, socket_timeout=2, socket_connect_timeout=2) as redis:
        try:
            await redis.ping()
        except (RedisError, OSError):
            return None
    return "of the test"


async def _knows(sentinel: Node, count: int) -> bool:
    [master] = (await sentinel.redis.sentinel_masters()).values()
    return master["num-other-sentinels"] >= count - 1 and master["num-slaves"] >= 1


async def _is_whole(node: Node, count: int) -> bool:
    info = await node.redis.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:%d\r\n" % count in info


async def follows(replica: Node) -> bool:
    """Whether it is a replica that has its master's data."""
    info = await replica.redis.info("replication")
    return info["role"] == "slave" and info["master_link_status"] == "up"
