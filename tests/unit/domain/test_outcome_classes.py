"""What a system's answer means: the vendor's own code first, the HTTP status second."""

import pytest

from sync_system.domain.outcomes import OutcomeClass, classify

CODES = {"DUPLICATE": OutcomeClass.CONFLICT, "ROW_LOCKED": OutcomeClass.RETRY, "LIMIT": OutcomeClass.UNAVAILABLE}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, OutcomeClass.OK),
        (201, OutcomeClass.OK),
        (204, OutcomeClass.OK),
        (400, OutcomeClass.REJECTED),  # about what was asked: it would be refused again
        (401, OutcomeClass.UNAVAILABLE),
        (403, OutcomeClass.UNAVAILABLE),
        (404, OutcomeClass.REJECTED),
        (408, OutcomeClass.UNCERTAIN),
        (409, OutcomeClass.CONFLICT),
        (412, OutcomeClass.CONFLICT),
        (422, OutcomeClass.REJECTED),
        (423, OutcomeClass.RETRY),
        (425, OutcomeClass.UNAVAILABLE),
        (429, OutcomeClass.UNAVAILABLE),
        (500, OutcomeClass.RETRY),
        (501, OutcomeClass.RETRY),
        (502, OutcomeClass.UNCERTAIN),
        (503, OutcomeClass.UNAVAILABLE),
        (504, OutcomeClass.UNCERTAIN),
    ],
)
def test_status_decides_where_no_code_does(status, expected):
    assert classify(status) is expected
    assert classify(status, "UNHEARD_OF", CODES) is expected


@pytest.mark.parametrize(("code", "expected"), CODES.items())
@pytest.mark.parametrize("status", [200, 400, 409, 500, 503])
def test_code_of_the_vendor_comes_first(status, code, expected):
    assert classify(status, code, CODES) is expected


@pytest.mark.parametrize(
    ("alone", "body", "expected"),
    [
        (False, True, OutcomeClass.RETRY),
        (False, False, OutcomeClass.UNCERTAIN),  # nobody says what was done before it broke
        (True, True, OutcomeClass.RETRY),
        (True, False, OutcomeClass.RETRY),  # a row's own answer inside one that was read
    ],
)
def test_silent_server_error_leaves_the_write_open(alone, body, expected):
    assert classify(500, alone=alone, body=body) is expected
