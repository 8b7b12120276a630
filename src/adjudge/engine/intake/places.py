"""Places: a question type at a location, under the configuration in force. Every question belongs to one."""

from dataclasses import dataclass, field

from adjudge.config import NoPlan, Request, Site, Way
from adjudge.core.accepting import Rates, stakes
from adjudge.core.audits import proportional
from adjudge.core.errors import AdjudgeError
from adjudge.core.money import Stake
from adjudge.core.specifications import Location, QuestionType
from adjudge.engine.clocks import Clock
from adjudge.engine.coins import AuditRates
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.engine.intake.beginning import Beginnings
from adjudge.store.intake import Terms
from adjudge.store.scope import Scope


class UnknownHere(AdjudgeError):
    """The caller's key does not reach this location: as if it did not exist."""

    kind = "unknown-location"

    def __init__(self, location: str) -> None:
        super().__init__(f"no location {location!r} is known to this key", pointer="#/location")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A question type at a location, under the configuration in force."""

    location: Location
    kind: QuestionType
    site: Site
    only: Way | None
    """The route of all its questions; None: it depends on each."""
    revision: int
    terms: dict[tuple[str, bool, str, str, float], Terms]
    """By principal, whether it is limited, lane, the plan's hash and the rate of audits."""
    audit_rate: float
    """Probability with which the audit coin falls on audit here, before it is proportioned to a stake."""
    beginnings: Beginnings = field(default_factory=Beginnings)

    @property
    def per_stake(self) -> Stake | None:
        """The stake that is audited at `audit_rate`, others in proportion; None: all are audited at that rate."""
        return self.kind.audits.per_stake if self.kind.audits is not None else None

    def rate_of(self, stake: Stake | None, rates: Rates) -> float:
        """Return the probability of the audit coin for a stake; where nobody can compare it, that of all."""
        per = self.per_stake
        known = stakes(stake, rates).get(per.currency) if stake is not None and per is not None else None
        return self.audit_rate if known is None or per is None else proportional(self.audit_rate, known, per.major)

    def way(self, request: Request) -> Way:
        """Return the route that a question takes. Raises NoPlan."""
        found = self.only or self.site.way(self.kind.name, request)
        if found is None:
            raise NoPlan(self.kind.name, self.location.name)
        return found


class Places:
    """The places of what is in force, each looked up once; all anew when a revision or a rate of audits changes."""

    def __init__(self, revisions: Revisions, controls: ControlsInForce, *, now: Clock, audit_rate: float) -> None:
        """`audit_rate`: of types that declare no audits of their own."""
        self._revisions = revisions
        self._controls = controls
        self._now = now
        self._audit_rate = audit_rate
        self._in_force: InForce | None = None
        self._rates_seen: AuditRates | None = None
        self._found: dict[tuple[str, str, str | None], Place] = {}
        """By location, type and schedule."""

    def find(self, scope: Scope, location: str, question_type: str) -> Place:
        """Return where a question belongs; a bound key learns nothing of other locations, not even their names.

        Raises UnknownHere, UnknownLocation, UnknownType, NoPlan.
        """
        in_force = self._revisions.in_force
        if self._in_force is not in_force or self._rates_seen is not self._controls.rates:
            self._in_force, self._found, self._rates_seen = in_force, {}, self._controls.rates
        configuration = in_force.at(location)
        if not scope.sees(location) or (scope.locations is not None and location not in configuration.sites):
            raise UnknownHere(location)
        site = configuration.site(location)
        if site.scheduled:
            site = site.standing(self._now())
        found = self._found.get((location, question_type, site.schedule))
        if found is None:
            ways = site.ways.get(question_type)
            if ways is None:
                configuration.plan(location, question_type)  # says what is missing
            found = self._found[location, question_type, site.schedule] = Place(
                site.location,
                site.types[question_type],
                site,
                ways[0] if ways and ways[0].when is None else None,
                configuration.revision,
                {},
                self._rate(site.location, site.types[question_type]),
            )
        return found

    def _rate(self, location: Location, kind: QuestionType) -> float:
        """Return the probability of the audit coin here: of the slice where its rate has been set, else configured."""
        if kind.audits is None:
            return self._audit_rate
        return self._controls.rates.of(kind.name, location.slice_by(kind.audits.slices), kind.audits.rate)
