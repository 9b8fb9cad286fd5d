"""Settings of stations, templates, drift."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import configuration_pb2 as pb
from csms.domain.configuration import DesiredState, Planned, Setting, Template, TemplateVariable
from csms.domain.errors import InvalidArgument
from csms.ports.configuration import DriftFilter, DriftRow
from csms.services.configuration import SettingFilter

TEMPLATES: Final = "configurationTemplates"
FIELDS: Final = {
    "display_name": "display_name",
    "vendor": "vendor",
    "model": "model",
    "firmware_version": "firmware",
    "family": "family",
    "priority": "priority",
    "enabled": "enabled",
    "variables": "variables",
}
"""Paths of an update mask → fields of a Template."""

_STATES: Final = {state: pb.DesiredState.Value(f"DESIRED_STATE_{state.name}") for state in DesiredState}
_FAMILIES: Final = {
    "": pb.TEMPLATE_FAMILY_UNSPECIFIED,
    "1.6": pb.TEMPLATE_FAMILY_1_6,
    "2": pb.TEMPLATE_FAMILY_2,
}


def setting(known: Setting) -> pb.Setting:
    """All of it, but no secret."""
    told, wish = known.reported, known.desired
    shown = told is not None and told.value is not None and not (known.secret or known.write_only)
    message = pb.Setting(
        name=known.name,
        component=known.place.component,
        reported_value=told.value if told is not None and shown else None,
        read_only=known.read_only,
        write_only=known.write_only,
        secret=known.secret,
        data_type=known.data_type,
        reboot_required=known.reboot_required,
        warning=known.known.warning,
        differs=known.differs,
    )
    if told is not None:
        message.report_time.FromDatetime(told.at)
        message.unit = told.unit
        message.allowed_values.extend(told.values)
        if told.min_limit is not None:
            message.min_limit = told.min_limit
        if told.max_limit is not None:
            message.max_limit = told.max_limit
    if wish is not None:
        message.MergeFrom(
            pb.Setting(
                desired_value=wish.value,
                state=_STATES[wish.state],
                answer=wish.answer,
                detail=wish.detail,
                set_by=wish.set_by,
                set_time=timestamp(wish.set_at),
                send_time=timestamp(wish.sent_at),
                answer_time=timestamp(wish.answered_at),
                drift_time=timestamp(wish.drifted_at),
            )
        )
    return message


def setting_filter(message: pb.SettingFilter) -> SettingFilter:
    """Which settings."""
    return SettingFilter(message.query, message.only_differences, message.only_desired)


def read_values(messages: Iterable[pb.SettingValue]) -> list[tuple[str, str]]:
    """Names with values."""
    return [(message.name, message.value) for message in messages]


def drift_filter(message: pb.DriftFilter) -> DriftFilter:
    """Without place and group."""
    return DriftFilter(message.drifted_only, message.query)


def drift(row: DriftRow) -> pb.StationDrift:
    """A line."""
    return pb.StationDrift(
        station=print_name("stations", row.station_id),
        identity=row.identity,
        display_name=row.display_name,
        online=row.online,
        drifted_count=row.drifted,
        unsent_count=row.unsent,
        refused_count=row.refused,
        reboot_count=row.reboot,
        drifted_names=row.names,
        drift_time=timestamp(row.since),
    )


def template(kept: Template) -> pb.ConfigurationTemplate:
    """All of it."""
    return pb.ConfigurationTemplate(
        name=print_name(TEMPLATES, kept.id),
        display_name=kept.display_name,
        vendor=kept.vendor,
        model=kept.model,
        firmware_version=kept.firmware,
        family=_FAMILIES[kept.family],
        priority=kept.priority,
        enabled=kept.enabled,
        variables=[pb.SettingValue(name=each.name, value=each.value) for each in kept.variables],
        update_time=timestamp(kept.updated_at),
        etag=str(kept.version),
    )


def read_template(message: pb.ConfigurationTemplate, *, new: bool = False) -> Template:
    """What people may write of it; a new one has no name yet. Raises InvalidArgument."""
    family = next((word for word, number in _FAMILIES.items() if number == message.family), None)
    if family is None:
        raise InvalidArgument(f"There is no family with the number {message.family}.", reason="INVALID_FAMILY")
    return Template(
        0 if new else read_name(message.name, TEMPLATES),
        message.display_name,
        message.vendor,
        message.model,
        message.firmware_version,
        family,
        message.priority,
        message.enabled,
        tuple(TemplateVariable(each.name, each.value) for each in message.variables),
    )


def planned(plan: Planned) -> pb.PlannedSetting:
    """A line of a preview."""
    told = plan.setting.reported
    wish = plan.setting.desired
    return pb.PlannedSetting(
        setting=setting(plan.setting),
        value=plan.value,
        template=print_name(TEMPLATES, plan.template.id),
        problem=plan.problem,
        unchanged=told is not None and told.value == plan.value and (wish is None or wish.value == plan.value),
    )
