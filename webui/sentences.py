"""What an error of the control plane means to a person, in words that say what to do."""

from __future__ import annotations

from webui import server_words
from webui.values import ApiError, CommandResult
from webui.words import N_, _


def of_error(error: ApiError) -> str:
    """A sentence for any error; an unknown one is told in the control plane's own words."""
    known = _REASONS.get(error.reason)
    if known is not None:
        return _(known)
    if error.away:
        return _("The control plane does not answer at the moment. Nothing is lost; try again shortly.")
    if error.code in _CODES and not error.message:
        return _(_CODES[error.code])
    return server_words.told(error.message) or _("Something went wrong. Try again.")


def of_command(error: ApiError) -> str:
    """Why a command got no answer, and whether it may have happened."""
    known = _COMMAND.get(error.reason)
    return _(known) if known is not None else of_error(error)


def of_result(result: CommandResult) -> str:
    """What a station's answer means; its own word is shown beside it."""
    if result.error_code:
        return _("The station answered with an error.")
    return _(_ANSWERS.get(result.status, "The station agreed." if result.accepted else "The station refused."))


_REASONS = {
    "PERMISSION_DENIED": N_("Your role may not do this. Ask an administrator."),
    "WRONG_CREDENTIALS": N_("E-mail or password is wrong."),
    "TOO_MANY_ATTEMPTS": N_("Too many attempts. Wait a minute, then try again."),
    "WRONG_CODE": N_("This code is not right. Wait until your app shows the next one, and enter that."),
    "BLOCKED": N_("This account is blocked. Ask an administrator."),
    "LINK_EXPIRED": N_("This link was used already or is too old. Ask for a new one."),
    "SAME_PASSWORD": N_("Choose another password than the one that you were given."),
    "PASSWORD_CHANGE_REQUIRED": N_("Choose a password of your own: this one was set by an administrator."),
    "WEAK_PASSWORD": N_("The password needs at least 8 characters, with letters and digits."),
    "SINGLE_SIGN_ON_FAILED": N_("The identity provider did not confirm who you are. Begin again."),
    "NO_ROLE": N_("The identity provider knows you, but you have no role here. Ask an administrator."),
    "EMAIL_NOT_VERIFIED": N_("The identity provider does not vouch for your e-mail address. Have it confirmed there."),
    "SUBJECT_DIFFERS": N_(
        "This e-mail address belongs to another account of the identity provider. Ask an administrator."
    ),
    "IDENTITY_PROVIDER": N_("The identity provider does not answer at the moment. Try again shortly."),
    "EMAIL_DIFFERS": N_("This is not your e-mail address. Type it exactly as it stands in your account."),
    "LAST_ADMINISTRATOR": N_("Nobody would be left who may administer. Make somebody else an administrator first."),
    "GROUP_NOT_FOUND": N_("This group does not exist any more. Leave it and go on."),
    "BACKUP_RUNNING": N_("A backup is being made already. Wait until it is done."),
    "STALE_VERSION": N_("Somebody else changed this in the meantime. Look at the newest values, then save again."),
    "ETAG_STALE": N_("Somebody else changed this in the meantime. Look at the newest values, then save again."),
    "DRAINING": N_("The server is stopping. Try again in a moment."),
}
_CODES = {
    "PERMISSION_DENIED": N_("Your role may not do this. Ask an administrator."),
    "NOT_FOUND": N_("There is no such thing (any more)."),
    "ALREADY_EXISTS": N_("It exists already."),
    "ABORTED": N_("Somebody else changed this in the meantime. Look at the newest values, then save again."),
    "INVALID_ARGUMENT": N_("Something in the form is not right."),
}
_COMMAND = {
    "STATION_OFFLINE": N_("The station is offline, so nothing was sent. It connects again by itself; try then."),
    "NOT_SENT": N_("Time was up before it could be sent. It has not happened."),
    "NO_ANSWER": N_("It was sent, but the station did not answer in time. It may have happened; look at the station."),
    "MAILBOX_FULL": N_("Too many commands wait for this station already. Nothing was sent; try again shortly."),
    "DRAINING": N_("The server is stopping, so nothing was sent. Try again in a moment."),
}
_ANSWERS = {
    "Accepted": N_("The station agreed."),
    "Rejected": N_("The station refused."),
    "Scheduled": N_("The station will do it after the session under way."),
    "RebootRequired": N_("The station took it; it counts after a restart."),
    "Unlocked": N_("The connector is unlocked."),
    "UnlockFailed": N_("The station could not unlock the connector."),
    "NotSupported": N_("The station cannot do this."),
    "NotImplemented": N_("The station does not know this message."),
    "UnknownMessageId": N_("The station does not know this message."),
    "UnknownVendorId": N_("The station does not know this vendor."),
    "UnknownVendor": N_("The station does not know this vendor."),
}
