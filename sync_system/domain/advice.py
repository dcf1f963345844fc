"""What a person can do about a cause of failure: by the system's own code first, by our codes and classes second."""

from collections.abc import Mapping

BY_HAND = "by_hand"  # the code of what a person parked

# Codes that we give ourselves, whatever the system is.
BY_CODE: Mapping[str, str] = {
    "mapping": (
        "The mapping lets this value not pass. Map it (`values`, `too_long`, `default`) in the configuration, or correct "
        "it on the lead; an edit starts it anew, after a change of the configuration retry it."
    ),
    "duplicate": (
        "A row of another record has the same key or unique value. Merge the two rows in that system, or correct the "
        "value that they share, then retry."
    ),
    "unreadable": (
        "The row holds a value that its field cannot hold. Correct it there, or map it with `inbound`, then retry."
    ),
    "authentication": "Our proof of identity is refused. Renew the token or secret in the configuration, then retry.",
    "expired": (
        "Its worker was killed, or its calls take longer than `delivery.lease`. See the log of that time; retry it alone "
        "to see whether it is this record."
    ),
    "governor": "More deletes than `deletes_per_hour` allows. If they are meant, retry them; an hour later at the latest.",
    "no_writes": "This system only tells. Nothing can be written to it.",
    BY_HAND: "A person parked it, for the reason shown. Retry it when that is over.",
}
BY_CLASS: Mapping[str, str] = {
    "rejected": (
        "The system refuses this record as it is. Correct the value on either side (that starts it anew), or let the "
        "system accept it and retry."
    ),
    "conflict": "The row changes faster than it can be written. It is tried again by itself; look for what edits it.",
    "retry": (
        "The system failed on this record alone, by a lock or a fault of its own. It is tried again by itself; once the "
        "attempts are spent, ask the system's support, then retry."
    ),
    "unavailable": (
        "The system was away or refused everybody, which costs no attempts. It is tried again by itself; "
        "`sync-system check` tells whether the system answers now."
    ),
    "uncertain": (
        "The call broke off, so nobody knows whether it was done. The row is looked at before it is written again, by "
        "itself; a `timeout` that is too short shows like this."
    ),
    "expired": BY_CODE["expired"],
}
OTHERWISE = "Look at its calls: `sync-system show ID --calls`."


def advise(outcome: str, code: str, own: Mapping[str, str]) -> str:
    """Return what to do next about a cause; `own`: the advice of the system's connector, by code."""
    return own.get(code) or BY_CODE.get(code) or BY_CLASS.get(outcome) or OTHERWISE
