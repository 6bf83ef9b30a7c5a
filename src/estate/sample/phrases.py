"""What agents and clients of the sample world say: terms with their true effect, and lines around them."""

from dataclasses import dataclass

__all__ = [
    "AGENT_FILLERS",
    "CLIENT_FILLERS",
    "FOLLOW_UPS",
    "FRAMES",
    "GREETINGS",
    "REPLIES",
    "REQUESTS",
    "TERMS",
    "Term",
]


@dataclass(frozen=True, slots=True)
class Term:
    """One term that may be said, and what saying it truly does.

    Parameters
    ----------
    text : str
        The term, as it stands in `behavior_events.trigger_word`.
    speaker : str
        ``"agent"`` or ``"client"``.
    say : str
        The words put into a frame; they contain `text`.
    log_odds : float
        True effect on the log-odds of winning the deal; 0 for a neutral term.
    rate : float
        Mean number of times the term comes up in ten turns.
    follows : str or None
        A term with an effect that this neutral one travels along with.
    skill_slope : float
        How the log of the rate grows with the agent's skill.
    clause : bool
        Whether `say` is a clause ("I am just looking") and not a thing ("the site visit").
    """

    text: str
    speaker: str
    say: str
    log_odds: float
    rate: float
    follows: str | None = None
    skill_slope: float = 0.0
    clause: bool = False


TERMS = (
    Term("payment plan", "agent", "the payment plan", 1.3, 0.50),
    Term("site visit", "agent", "the site visit", 1.0, 0.40),
    Term("rental yield", "agent", "the rental yield", 0.5, 0.25),
    Term("escrow account", "agent", "the escrow account", 0.4, 0.20),
    Term("handover date", "agent", "the handover date", 0.3, 0.25),
    Term("guaranteed profit", "agent", "the guaranteed profit", -0.5, 0.15),
    Term("last unit", "agent", "this is the last unit", -0.7, 0.22, clause=True),
    Term("decide today", "agent", "you should decide today", -1.2, 0.30, clause=True),
    Term("down payment", "agent", "the down payment", 0.0, 0.08, follows="payment plan"),
    Term("show apartment", "agent", "the show apartment", 0.0, 0.06, follows="site visit"),
    Term("sea view", "agent", "the sea view", 0.0, 0.20),
    Term("community pool", "agent", "the community pool", 0.0, 0.18),
    Term("good question", "agent", "that is a good question", 0.0, 0.22, clause=True),
    Term("trusted name", "agent", "this developer is a trusted name", 0.0, 0.20, skill_slope=0.8, clause=True),
    Term("reservation form", "client", "the reservation form", 1.4, 0.30),
    Term("ask my family", "client", "I must ask my family", 0.5, 0.22, clause=True),
    Term("monthly instalment", "client", "the monthly instalment", 0.4, 0.22),
    Term("other agency", "client", "I also spoke with the other agency", -0.5, 0.15, clause=True),
    Term("too expensive", "client", "this is too expensive", -0.8, 0.25, clause=True),
    Term("just looking", "client", "I am just looking", -1.3, 0.28, clause=True),
    Term("bank transfer", "client", "the bank transfer", 0.0, 0.06, follows="reservation form"),
    Term("parking space", "client", "the parking space", 0.0, 0.20),
    Term("service charge", "client", "the service charge", 0.0, 0.18),
    Term("next week", "client", "I am free next week", 0.0, 0.20, clause=True),
)

# Frames are shared by all terms of a speaker, so that the words around a term carry no effect of their own.
FRAMES: dict[tuple[str, bool], tuple[str, ...]] = {
    ("agent", False): (
        "Let me walk you through {}.",
        "Many buyers ask me about {}.",
        "I will send you a note on {}.",
        "You will want to hear about {}.",
        "Have a look at {} first.",
        "We can talk about {} now.",
    ),
    ("agent", True): (
        "I would say {}.",
        "Between us, {}.",
        "As I see it, {}.",
        "You know, {}.",
    ),
    ("client", False): (
        "Can you tell me more about {}?",
        "I was thinking about {}.",
        "What about {}?",
        "Please explain {} again.",
        "My partner keeps asking about {}.",
    ),
    ("client", True): (
        "To be frank, {}.",
        "Well, {}.",
        "I think {}.",
        "For now {}.",
    ),
}

GREETINGS: tuple[str, ...] = (
    "Hello {client}, this is {agent}. How can I help?",
    "Good morning {client}, {agent} speaking.",
    "Hi {client}, {agent} here, thank you for your message.",
)
FOLLOW_UPS: tuple[str, ...] = (
    "Hello {client}, {agent} again about {project}.",
    "Hi {client}, I wanted to follow up on {project}.",
)
REQUESTS: tuple[str, ...] = (
    "Hello, I saw the {home} at {project} in {area}.",
    "Do you have a {home} in {area}?",
    "Is the {home} at {project} still free?",
)
REPLIES: tuple[str, ...] = (
    "Yes, I remember the {home} in {area}.",
    "Thank you for calling back about {project}.",
)

AGENT_FILLERS: tuple[str, ...] = (
    "Yes, certainly.",
    "I understand.",
    "Thank you for telling me.",
    "That is a fair point.",
    "Let me note that down.",
    "I will check with the developer.",
    "Take your time.",
    "Shall I call you in the evening?",
    "It is a quiet street.",
    "The school is ten minutes away.",
    "I can send you the drawings.",
    "Which floor would you prefer?",
)
CLIENT_FILLERS: tuple[str, ...] = (
    "I see.",
    "Okay.",
    "That sounds fine.",
    "Could you repeat that?",
    "I need a moment.",
    "Thank you.",
    "How far is the school?",
    "Is it noisy there?",
    "We have two children.",
    "Let me write it down.",
    "Please send it to me.",
    "A higher floor would be nice.",
)
