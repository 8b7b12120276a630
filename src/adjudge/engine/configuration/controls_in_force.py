"""The controls and the rates of the audit coin, as this process last read them."""

from adjudge.core.controls import Controls
from adjudge.engine.coins import AuditRates


class ControlsInForce:
    """The controls as last read: good enough to ask by; the settle statement checks again."""

    def __init__(self) -> None:
        self.value = Controls()
        self.rates = AuditRates()
        """Of the audit coin, by slice."""

    def now(self) -> Controls:
        return self.value
