"""Settings and templates on the wire."""

from __future__ import annotations

import msgspec
import pytest

from control.convert.configuration import FIELDS, read_template, setting, template
from control.v1 import configuration_pb2 as pb
from csms.domain.configuration import Desired, DesiredState, Reported, Setting, Template, TemplateVariable
from csms.domain.errors import InvalidArgument
from csms.domain.known_variables import known_variable
from csms.domain.variable_names import VariablePlace
from csms.services.configuration_templates import EDITABLE
from tests.kit.service_world import NOW

PLACE = VariablePlace("OCPPCommCtrlr", "HeartbeatInterval")
TOLD = Reported(PLACE, "900", NOW, "ReadOnly", "integer", "s", 1.0, 9.0, ("a",))
WISH = Desired(PLACE, "300", NOW, "users/1", DesiredState.ACCEPTED, "Accepted", "well", NOW, NOW, NOW, 7)
KEPT = Template(3, "N", "V", "M", "F", "2", 4, True, (TemplateVariable("A.B", "1"),), 2, NOW)


def test_all_of_a_setting_is_told() -> None:
    message = setting(Setting(PLACE, known_variable(PLACE), TOLD, WISH))
    left_out = {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}
    assert left_out == {"write_only", "secret", "reboot_required"}
    assert (message.reported_value, message.desired_value, message.differs) == ("900", "300", True)


def test_what_nobody_may_read_is_not_told() -> None:
    secret = VariablePlace("", "WifiPassword")
    for hidden in (
        Setting(secret, known_variable(secret), Reported(secret, "s3cret", NOW)),
        Setting(PLACE, known_variable(PLACE), msgspec.structs.replace(TOLD, mutability="WriteOnly", value="s3cret")),
    ):
        assert not setting(hidden).HasField("reported_value")


def test_all_of_a_template_comes_and_goes() -> None:
    message = template(KEPT)
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    assert all(getattr(read_template(message), name) == getattr(KEPT, name) for name in EDITABLE)
    assert tuple(FIELDS.values()) == EDITABLE
    with pytest.raises(InvalidArgument):
        read_template(pb.ConfigurationTemplate(family=9), new=True)  # type: ignore[arg-type]
