"""The roles of PostgreSQL that the platform works under: two that log in, and those that a transaction takes on."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql
from sqlalchemy import Connection, text

from estate.core.errors import Unavailable

__all__ = [
    "ADMIN",
    "BACKUP",
    "ERASER",
    "GATE",
    "GROUPS",
    "INGEST",
    "LOGINS",
    "MEMBER",
    "READER",
    "SEARCH",
    "SYSTEM",
    "ensure_roles",
    "login_problem",
]

ADMIN = "estate_admin"
READER = "estate_reader"
MEMBER = "estate_member"
INGEST = "estate_ingest"
SYSTEM = "estate_system"
GATE = "estate_gate"
BACKUP = "estate_backup"
SEARCH = "estate_search"
ERASER = "estate_eraser"
GROUPS = (ADMIN, READER, MEMBER, INGEST, GATE, SYSTEM, BACKUP, SEARCH, ERASER)
"""None of them logs in, owns a table or passes by a row policy; a transaction takes one on, see `core.db.act_as`."""

LOGINS: Mapping[str, tuple[str, ...]] = {
    "estate_api": (ADMIN, READER, MEMBER, INGEST, GATE, ERASER),
    "estate_worker": (SYSTEM, READER, ADMIN, MEMBER, INGEST),
}
"""Who logs in, with the roles that its transactions may take on. By itself a login may do nothing.

The worker writes what somebody imported in that person's role, which may less than its own."""

_MISSING = text("SELECT name FROM unnest(CAST(:names AS text[])) AS name EXCEPT SELECT rolname FROM pg_roles")
_MEMBERSHIPS = text("""
SELECT member.rolname, taken.rolname FROM pg_auth_members m
JOIN pg_roles member ON member.oid = m.member JOIN pg_roles taken ON taken.oid = m.roleid
WHERE m.set_option
""")


_LOGIN = text("""
SELECT rolname, rolsuper, rolbypassrls,
    EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relnamespace = 'public'::regnamespace)
FROM pg_roles r WHERE rolname = session_user
""")
LOGIN_NAMES = " or ".join(LOGINS)


def ensure_roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Create the roles that are missing, and let the current role, which migrates, take on each of them.

    Parameters
    ----------
    connection : Connection
        Of a role that may create roles; it needs to only when one is missing.
    passwords : mapping
        Login to the password that it shall have; a login that is not named keeps its own, or cannot log in.

    Raises
    ------
    Unavailable
        When roles are missing and this role may not create them.
    """
    names = (*GROUPS, *LOGINS)
    missing = sorted(connection.scalars(_MISSING, {"names": list(names)}))
    if missing and not connection.scalar(text("SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user")):
        raise Unavailable(
            f"The roles {', '.join(missing)} are missing and this role may not create them: "
            "run ALTER ROLE ... CREATEROLE for the role of ESTATE_DATABASE_URL as a superuser."
        )
    for name in missing:
        _run(connection, "CREATE ROLE {name} NOINHERIT", name=sql.Identifier(name))
    _grant(connection)
    for name, password in passwords.items():
        parts = {"name": sql.Identifier(name), "password": sql.Literal(password)}
        _run(connection, "ALTER ROLE {name} LOGIN PASSWORD {password}", **parts)


def login_problem(connection: Connection) -> str | None:
    """Say what is wrong with the role that this connection logged in with; None when it may see nothing by itself."""
    name, is_super, bypasses, owns = connection.execute(_LOGIN).one()
    faults = {"is a superuser": is_super, "bypasses row policies": bypasses, "owns the tables": owns}
    found = [fault for fault, there in faults.items() if there]
    return f"The role {name} of ESTATE_DATABASE_URL {' and '.join(found)}; log in as {LOGIN_NAMES}." if found else None


def _grant(connection: Connection) -> None:
    """Let logins and the owner take on roles, without having their rights before they do."""
    taken = {(member, role) for member, role in connection.execute(_MEMBERSHIPS)}
    owner = connection.scalars(text("SELECT current_user")).one()
    wanted = [(login, role) for login, roles in LOGINS.items() for role in roles] + [(owner, role) for role in GROUPS]
    for member, role in wanted:
        if (member, role) not in taken:
            names = {"role": sql.Identifier(role), "member": sql.Identifier(member)}
            _run(connection, "GRANT {role} TO {member} WITH INHERIT FALSE, SET TRUE", **names)


def _run(connection: Connection, statement: LiteralString, **parts: sql.Composable) -> None:
    """Run a statement about roles: PostgreSQL takes no parameters there, so names and values are quoted into it."""
    connection.exec_driver_sql(sql.SQL(statement).format(**parts).as_string().replace("%", "%%"))
