"""Errors that a server answers to a command."""

from adjudge.streams.connections.addresses import Address

READ_ONLY = "READONLY"
MASTER_DOWN = "MASTERDOWN"
CLUSTER_DOWN = "CLUSTERDOWN"
NO_SCRIPT = "NOSCRIPT"
TRY_AGAIN = "TRYAGAIN"
DENIED = ("NOAUTH", "WRONGPASS", "NOPERM")
"""We are not who may do this; to wait is of no use."""


class Refusal(Exception):
    """An error that the server answered; `code` is the word it begins with. It stands in the answer's place."""

    def __init__(self, said: str) -> None:
        super().__init__(said.removeprefix("ERR "))
        self.code = said.partition(" ")[0]


def has_code(answer: object, *codes: str) -> bool:
    """Whether the server refused, and with one of these words."""
    return isinstance(answer, Refusal) and answer.code in codes


def redirected_to(refusal: Refusal, asked: Address) -> Address:
    """The node that MOVED and ASK name; without a host it is the host that was asked."""
    host, _, port = str(refusal).rpartition(" ")[2].rpartition(":")
    return Address(host or asked.host, int(port))
