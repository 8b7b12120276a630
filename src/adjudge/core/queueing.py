"""Where a question stands in the queue of its pool: by when it is due, and by what is at stake."""

from datetime import datetime

from adjudge.core.accepting import Rates, stake_in
from adjudge.core.money import Stake
from adjudge.core.specifications import PoolSpec


def priority(pool: PoolSpec, due: datetime, stake: Stake | None, rates: Rates) -> float:
    """Return its place; higher is sooner. Minus the second when it is due, less what is at stake brings it forward.

    Never by more than the pool says, so that nothing waits for ever. A stake that is unknown, or that cannot be
    compared, brings it forward by all of that: unknown may be much.
    """
    if pool.sooner is None:
        return -due.timestamp()
    share = min(1.0, stake_in(pool.sooner.at.currency, stake, rates) / pool.sooner.at.major)
    return -(due - share * pool.sooner.by).timestamp()
