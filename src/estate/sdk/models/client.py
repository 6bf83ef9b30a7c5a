"""What the API tells of clients."""

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Contribution, MissingField, Model, Open, Page, Reason, Status


class Client(Model):
    """One client: wishes, means, contact rights and the current qualification score."""

    client_id: UUID
    name: str | None
    interest: Any
    budget: Decimal | None
    location_targets: Any
    objections: Any
    decision_speed: str | None
    emotional_type: str | None
    qualification_score: float | None
    response_history: Any
    updated_at: AwareDatetime
    currency: str
    stated_score: float | None
    owner_agent_id: UUID | None
    phone: str | None
    email: str | None
    contact_consent: bool | None
    do_not_contact: bool
    country: str | None
    qualification_lower: float | None
    qualification_upper: float | None
    qualification_n: int | None


class ScoreInHistory(Model):
    """A score as it was stored, or as somebody stated it."""

    scored_at: AwareDatetime
    kind: Open[Literal["model", "stated"]]
    score: float | None
    lower: float | None
    upper: float | None
    n: int | None
    model_id: UUID | None
    reason: str | None
    stated_by: str | None


class Explained(Model):
    """A score in (0, 1) with its interval; base_logit and the contributions sum to its logit."""

    score: float
    lower: float
    upper: float
    level: float
    status: Status
    n: int
    base_logit: float
    contributions: tuple[Contribution, ...]
    missing: tuple[MissingField, ...]
    like_cases: int
    like_won: int
    as_of: AwareDatetime
    why: str


class Qualification(Explained):
    """How likely a deal with this client is won."""

    client_id: UUID
    band: Open[Literal["hot", "warm", "cold"]]
    band_cuts: dict[str, float]
    stated_score: float | None
    history: tuple[ScoreInHistory, ...]


class Closing(Explained):
    """How likely this agent sells this unit to this client."""

    agent_id: UUID
    client_id: UUID
    property_id: str | None
    reasons: tuple[Reason, ...]


class Chance(Model):
    """The chance of one triple."""

    agent_id: UUID
    client_id: UUID
    property_id: str | None
    score: float
    lower: float
    upper: float
    n: int
    status: Status
    as_of: AwareDatetime


class NextCall(Model):
    """A client to call next."""

    client_id: UUID
    name: str | None
    priority: float
    at_stake: Decimal | None
    currency: str
    phone: str | None
    callback_at: AwareDatetime | None
    waiting_hours: float | None
    score: float
    lower: float
    upper: float
    n: int
    status: Status
    reasons: tuple[Reason, ...]


class HeldBack(Model):
    """Clients who may not be called, for one reason."""

    reason: str
    n: int
    from_when: AwareDatetime | None
    why: str


class CallQueue(Page[NextCall]):
    """Whom to call, and who is held back."""

    at: AwareDatetime
    callable: int
    held: tuple[HeldBack, ...]
    next_free_at: AwareDatetime | None


class MayCall(Model):
    """Whether a client may be called."""

    client_id: UUID
    allowed: bool
    reason: str | None
    why: str
    from_when: AwareDatetime | None


class Contact(Model):
    """A contact as it is kept."""

    contact_id: UUID
    client_id: UUID
    agent_id: UUID
    contacted_at: AwareDatetime
    channel: str
    outcome: str
    phone: str | None
    note: str | None
    next_at: AwareDatetime | None


class ContactLogged(Model):
    """A contact that was kept, and what follows from it."""

    contact: Contact
    consent_withdrawn: bool
    may_call: MayCall


class Skip(Model):
    """A skip as it is kept."""

    skip_id: UUID
    client_id: UUID
    agent_id: UUID
    skipped_at: AwareDatetime
    reason: str
    note: str | None


class SkipNoted(Model):
    """A skip that was kept, and what follows from it."""

    skip: Skip
    may_call: MayCall


class SkipReason(Model):
    """A reason to skip a client, and what followed when it was given."""

    reason: str
    cool_down_hours: float
    times: int
    n: int
    reached_rate: float
    lower: float
    upper: float
    status: Status
    why: str


class TimelineItem(Model):
    """One thing that happened with a client."""

    kind: Open[Literal["event", "conversation", "deal_opened", "deal_stage", "contact", "skip"]]
    id: str
    at: AwareDatetime
    agent_id: UUID | None
    unit: str | None
    what: str
    note: str | None
    fields: dict[str, Any]


class DuplicateClient(Model):
    """One of two clients that look like one person."""

    client_id: UUID
    name: str | None
    n_history: int
    first_at: AwareDatetime | None


class Duplicate(Model):
    """Two clients that look like one person."""

    keep: DuplicateClient
    merge: DuplicateClient
    agree: tuple[Open[Literal["phone", "email", "name", "owner_agent_id", "budget", "location_targets"]], ...]
    confidence: Open[Literal["certain", "possible"]]
    why: str


class Merge(Model):
    """The record of a merge."""

    merged_id: UUID
    merged_into: UUID
    kept_id: UUID
    merged_by: str
    merged_at: AwareDatetime
    moved: dict[str, int]
    filled: tuple[str, ...]


class Export(Model):
    """All that is held about a client, row by row."""

    client_id: UUID
    tables: dict[str, tuple[dict[str, Any], ...]]


class Erasure(Model):
    """What was erased; the second time there is nothing, and the answer is 404."""

    client_id: UUID
    erased: dict[str, int]


class Foretold(Model):
    """How well scores foretold outcomes."""

    n: int
    share_won: float | None
    auc: float | None
    brier: float | None
    log_loss: float | None
    base_log_loss: float | None


class BandQuality(Model):
    """What became of the deals of one score band."""

    band: Open[Literal["hot", "warm", "cold"]]
    n: int
    won: int
    mean_score: float | None
    share_won: float | None
    lower: float | None
    upper: float | None


class Training(Model):
    """One training of a model, judged on folds that it had not seen; on none where it learned from too few deals."""

    model_id: UUID
    kind: str
    active: bool
    verdict: str
    trained_at: AwareDatetime
    window_from: AwareDatetime
    window_to: AwareDatetime
    n: int
    foretold: Foretold
    folds: tuple[Foretold, ...]
    bands: tuple[BandQuality, ...]


class Quality(Model):
    """Live quality of the qualification score, and the latest trainings."""

    window_days: int
    n: int
    unscored: int
    status: Status
    foretold: Foretold
    bands: tuple[BandQuality, ...]
    trainings: tuple[Training, ...]
    as_of: AwareDatetime
    why: str
