"""What a person can do about the errors that HubSpot has codes for."""

from collections.abc import Mapping

NUMBER = "Its property takes a number only. Correct the value, or map the field to a text property, then retry."
ADVICE: Mapping[str, str] = {
    "INVALID_EMAIL": (
        "HubSpot takes this for no email address. Correct it on the lead: that edit starts it anew. HubSpot is stricter "
        "than most: no local domains, no spaces, no unknown endings."
    ),
    "INVALID_OPTION": (
        "The property has no such option. Add it in HubSpot (Settings, Properties), or map the value with `values`, then "
        "retry."
    ),
    "PROPERTY_DOESNT_EXIST": (
        "The account has no property of that name. Create it in HubSpot or correct `fields`, then retry; "
        "`sync-system check` finds all of them."
    ),
    "REQUIRED_FIELD_MISSING": (
        "HubSpot wants a property that the lead lacks. Fill it in on the lead, or give its field a `default`, then retry."
    ),
    "READ_ONLY_VALUE": "HubSpot computes this property itself. Set `rule: in_only` for the field, then retry.",
    "INVALID_INTEGER": NUMBER,
    "INVALID_LONG": NUMBER,
    "INVALID_FLOAT": NUMBER,
    "INVALID_DATE": "A date property takes a day alone. Give the field `type: date`, then retry.",
    "VALIDATION_ERROR": (
        "HubSpot refuses a value; the message names its property. Correct it on the lead, or change the property in "
        "HubSpot, then retry."
    ),
    "OBJECT_NOT_FOUND": (
        "The contact was deleted or merged in HubSpot since. Retry: the row is looked up first; a deleted one is left "
        "alone."
    ),
    "MISSING_SCOPES": "The token lacks a scope; the message names it. Add it to the private app, renew the token, retry.",
    "INVALID_AUTHENTICATION": "The token is wrong or was revoked. Put a new one into the configuration, then retry.",
    "EXPIRED_AUTHENTICATION": "The token is over. Renew it; with `oauth` it renews itself while the app is installed.",
    "RATE_LIMITS": "The account's calls are used up for now. Lower `rate`, or find who else calls; it is tried again.",
    "RATE_LIMIT": "The account's calls are used up for now. Lower `rate`, or find who else calls; it is tried again.",
    "MIGRATION_IN_PROGRESS": "HubSpot moves the account to another data centre, for up to a day. It is tried again.",
    "NO_KEY_PROPERTY": (
        "The property for our key is missing, or its values need not be unique. Create it with unique values, as the "
        "documentation of the connector says, then retry."
    ),
    "CONFLICT": (
        "Another contact has the same email or key. Merge the two in HubSpot, or correct the email on one of them, then "
        "retry."
    ),
}
