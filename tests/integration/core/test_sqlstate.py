"""What a database error is to the caller: a real one of each kind, told with its status."""

import time

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from estate.core.sqlstate import estate_error_of


def failed(engine: Engine, *statements: str, pause_s: float = 0) -> DBAPIError:
    """Return the error of the last statement; those before it may fail, too."""
    with engine.connect() as connection:
        for statement in statements[:-1]:
            try:
                connection.exec_driver_sql(statement)
            except DBAPIError:
                continue
        time.sleep(pause_s)
        with pytest.raises(DBAPIError) as error:
            connection.execute(text(statements[-1]))
        connection.invalidate()
    return error.value


def test_a_transaction_that_idled_for_too_long_is_worth_another_try(engine: Engine) -> None:
    error = failed(engine, "SET LOCAL idle_in_transaction_session_timeout = '50ms'", "SELECT 1", pause_s=0.5)
    told = estate_error_of(error)
    assert (told.status, told.retry_after_seconds) == (503, 1)


def test_going_on_in_a_failed_transaction_is_an_error_of_ours(engine: Engine) -> None:
    assert estate_error_of(failed(engine, "SELECT 1 / 0", "SELECT 1")).status == 500
