"""What was found in a file, what is to be answered, and its columns: each may be said otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import htpy
from htpy import (
    Node,
    caption,
    details,
    div,
    fieldset,
    label,
    legend,
    li,
    option,
    select,
    span,
    summary,
    table,
    tbody,
    td,
    th,
    thead,
    tr,
)
from htpy import input as field

from estate.console import text
from estate.console.pages import import_words as words
from estate.console.pages.import_actions import NO_FIELD
from estate.console.parts import action, badge, card, choice, entry, facts, note, submit
from estate.sdk.models.agent import Agent
from estate.sdk.models.imports import Column, Import, Question

__all__ = ["columns", "found_out", "questions", "whose"]


def questions(found: Import) -> Node:
    """Ask what the file leaves open."""
    if not found.questions:
        return None
    n = len(found.questions)
    return card(
        f"{n} {'question' if n == 1 else 'questions'} to answer first",
        action(
            "import_mapping",
            [_question(found, one) for one in found.questions],
            _kept(found),
            div(".row")[submit("Answer", kind="primary")],
            import_id=found.import_id,
            was_kind=found.kind,
        ),
        id="questions",
    )


def _question(found: Import, one: Question) -> Node:
    of_file = one.column is None
    name = one.question if of_file else f"{one.question}_{one.column}"
    about = None if of_file else ["Column ", span(dir="auto")[one.header], f" ({_target(found, one.target)}). "]
    asked = words.QUESTIONS.get(one.question, text.words(one.question))
    rows = f"{words.rows(one.rows)} {'hangs' if one.rows == 1 else 'hang'} on it."
    if not one.options:
        kind = "date" if one.question == "observed_on" else "text"
        return div[entry(name, asked, type=kind, required=True), note(about, rows)]
    meanings: dict[str, Node] = dict(words.KINDS) if one.question == "kind" else {}
    if one.question == "region":
        meanings = {way.value: words.country(way.value) for way in one.options}
    drawn = [
        label(".check")[
            field(type="radio", name=name, value=way.value, required=True),
            span(dir="auto")[meanings.get(way.value, way.meaning)],
        ]
        for way in one.options
    ]
    return fieldset[legend[asked], note(about, rows), drawn]


def _kept(found: Import) -> Iterable[Node]:
    """Send along what was said before of the columns that are asked about: the API takes a column as a whole."""
    asked = _asked(found)
    for column in found.columns:
        if column.column not in {at for at, _ in asked}:
            continue
        for name, value in _said(column).items():
            if (column.column, name) not in asked:
                yield field(type="hidden", name=f"{name}_{column.column}", value=value)


def _asked(found: Import) -> set[tuple[int | None, str]]:
    """Return what is asked of which column."""
    return {(one.column, one.question) for one in found.questions}


def _said(column: Column) -> Mapping[str, str]:
    """Return what a person said of a column."""
    target = {"target": column.target or NO_FIELD} if column.why == words.STATED else {}
    return {**target, "bad_values": column.bad_values, **words.stated_answers(column)}


def found_out(found: Import, agents: Sequence[Agent]) -> Node:
    """Tell how the file was read, and let it be read in another way."""
    encoding, dialect = found.encoding, found.dialect
    known: dict[str, Node] = {"Records": words.kind_words(found.kind)}
    if encoding is not None:
        sure = None if encoding.get("sure", True) else badge("not sure", "warn")
        name = str(encoding.get("name"))
        known["Encoding"] = [words.ENCODINGS.get(name, name), " ", sure, _why(encoding)]
    if dialect is not None:
        mark = str(dialect.get("delimiter"))
        known["Cells are told apart by"] = [words.DELIMITERS.get(mark, mark), _why(dialect)]
    if found.sheet is not None:
        known["Sheet"] = [span(dir="auto")[found.sheet], note(f"One of {len(found.sheets)}.")]
    header = f"Line {found.header_line}" if found.header_line else "None"
    known |= {
        "Header": [header, note(found.header_why)],
        "Size": f"{text.number(found.size_bytes / 1024, 1)} kB",
        "Currency of amounts that name none": found.currency,
        "Codes are ids within": found.source,
    }
    if found.observed_on is not None:
        known["Day of the snapshots"] = text.day(found.observed_on)
    remembered = (
        note("What was said of an earlier file with the same header was taken over.") if found.remembered else None
    )
    change = _reading(found, agents) if found.state == "read" else None
    return card("What was found in the file", remembered, facts(known), change, id="found")


def _why(found: Mapping[str, Any]) -> Node:
    return note(str(found["why"])) if found.get("why") else None


def _reading(found: Import, agents: Sequence[Agent]) -> Node:
    """Draw the form that has the file read in another way."""
    fields: list[Node] = [choice("kind", "Records", {"": "Find out by itself"} | words.KINDS, found.kind)]
    if found.encoding is not None:
        ways = _find_out(words.ENCODINGS)
        fields.append(choice("encoding", "Encoding", ways, _stated(found.encoding, "name")))
    if found.dialect is not None:
        ways = _find_out(words.DELIMITERS)
        fields.append(choice("delimiter", "Cells are told apart by", ways, _stated(found.dialect, "delimiter")))
    if len(found.sheets) > 1:
        fields.append(choice("sheet", "Sheet", {name: name for name in found.sheets}, found.sheet))
    is_said = found.header_why == words.STATED
    line = str(found.header_line) if is_said else None
    fields += [
        entry("header_line", "Line of the header (0: none; empty: find it)", line, type="number", min="0"),
        entry("currency", "Currency of amounts that name none", found.currency, maxlength="3", pattern="[A-Za-z]{3}"),
        entry("source", "Codes are ids within (one name a system)", found.source),
    ]
    if found.kind == "market":
        day = found.observed_on.isoformat() if found.observed_on else None
        fields.append(entry("observed_on", "Day of snapshots without one", day, type="date"))
    if agents:
        fields.append(_owner("Agent of new clients without one", found, agents))
    return details[
        summary["Read it in another way"],
        action(
            "import_mapping",
            div(".form-grid")[fields],
            div(".row")[submit("Read it again")],
            import_id=found.import_id,
            was_kind=found.kind or "",
        ),
    ]


def whose(found: Import, agents: Sequence[Agent]) -> Node:
    """Ask a manager whose the new clients are: without an agent of the team they would be nobody's to see."""
    if not agents:
        return None
    return card(
        "Whose clients are they?",
        note("No column names an agent. A manager may take new clients for an agent of the team only."),
        action(
            "import_mapping",
            div(".form-grid")[_owner("Agent of new clients", found, agents)],
            div(".row")[submit("Give them to this agent", kind="primary")],
            import_id=found.import_id,
        ),
        id="whose",
    )


def _owner(title: str, found: Import, agents: Sequence[Agent]) -> Node:
    names = {"": "Nobody"} | {str(one.agent_id): one.name or str(one.agent_id) for one in agents}
    return choice("owner_agent_id", title, names, str(found.owner_agent_id or ""))


def _find_out(ways: Mapping[str, str]) -> Mapping[str, str]:
    return {"": "Find out by itself"} | dict(ways)


def _stated(found: Mapping[str, Any], name: str) -> str | None:
    return str(found.get(name)) if found.get("why") == words.STATED else None


def columns(found: Import) -> Node:
    """List the columns with the fields that they go to."""
    if not found.columns:
        return card("Columns", note("The file has no columns."), id="columns")
    may_change = found.state == "read" and found.kind is not None
    heads = ("Column", "Field", "Why", "How its values are read")
    drawn = table(".wide")[
        caption(".unseen")["Columns"],
        thead[tr[[th(scope="col")[head] for head in heads]]],
        tbody[[_column(found, one, may_change=may_change) for one in found.columns]],
    ]
    held = div(".scroll", tabindex="0", role="region", aria_label="Columns")[drawn]
    kept = len(found.unknown_columns)
    unknown = note(f"{kept} {'column goes' if kept == 1 else 'columns go'} to no field; kept with the rows.")
    if not may_change:
        return card("Columns", unknown if kept else None, held, id="columns")
    save = div(".row")[submit("Check with these columns")]
    form = action("import_mapping", held, save, import_id=found.import_id)
    return card("Columns", unknown if kept else None, form, id="columns")


def _column(found: Import, one: Column, *, may_change: bool) -> Node:
    target = _target_choice(found, one) if may_change else _target(found, one.target)
    said = [li[way] for way in words.read_as(one)]
    if one.bad_values == "empty":
        said.append(li["A cell that cannot be read is left empty."])
    return tr[
        th(scope="row")[span(dir="auto")[one.header or f"Column {one.column + 1}"], _filled(one)],
        td[target],
        td(".words")[_sure(one)],
        td(".words")[htpy.ul(".plain")[said] if said else text.DASH, _ways(found, one) if may_change else None],
    ]


def _filled(one: Column) -> Node:
    return note(f"{text.number(one.filled)} filled")


def _sure(one: Column) -> Node:
    if one.target is None:
        return [badge("choose", "warn") if one.why.endswith("choose.") else badge("no field"), note(one.why)]
    return [f"{text.percent(one.confidence)} sure", note(text.spaced(one.why))]


def _target(found: Import, target: str | None) -> str:
    return words.target_words(found.kind, target)


def _target_choice(found: Import, one: Column) -> Node:
    """Draw the choice of a field; its first option leaves it to what is found."""
    is_said = one.why == words.STATED
    by_itself = "Find out by itself" if is_said else f"Found: {_target(found, one.target)}"
    names = {name: known.name for name, known in words.FIELDS.get(found.kind or "", {}).items()}
    ways = {"": by_itself, NO_FIELD: "No field", **names}
    chosen = (one.target or NO_FIELD) if is_said else ""
    drawn = [option(value=key, selected=key == chosen)[said] for key, said in ways.items()]
    return select(name=f"target_{one.column}", aria_label=f"Field of {one.header}")[drawn]


def _ways(found: Import, one: Column) -> Node:
    """Draw what may be said of how the values of a column are read."""
    if one.target is None:
        return None
    said = words.stated_answers(one)
    asks = next((known[one.target].asks for known in words.FIELDS.values() if one.target in known), ())
    bad = {"refuse": "Its row is rejected", "empty": "The field stays empty"}
    name = f"bad_values_{one.column}"
    is_asked = (one.column, "bad_values") in _asked(found)
    return details[
        summary["Change"],
        [_way(one, name, said.get(name)) for name in asks],
        None if is_asked else choice(name, "A cell that cannot be read", bad, one.bad_values),
    ]


def _way(one: Column, name: str, said: str | None) -> Node:
    field_name, title = f"{name}_{one.column}", words.ASKED[name]
    if name == "region":
        return entry(field_name, title, said, maxlength="2", pattern="[A-Za-z]{2}")
    return choice(field_name, title, {"": "By its values"} | dict(words.answers_of(name, one.target)), said)
