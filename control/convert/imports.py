"""Imports."""

from __future__ import annotations

from control.convert.names import print_name
from control.v1 import imports_pb2 as pb
from csms.domain.installation import Installation
from csms.domain.people import Person
from csms.services.imports import ImportReport, RowFault, StationRow, UserRow


def station_row(message: pb.StationImportRow) -> StationRow:
    """As it was written; what is wrong with it is said by the use case."""
    return StationRow(
        message.identity,
        message.display_name,
        message.description,
        message.address,
        message.place,
        message.installation_date,
        message.warranty_date,
        Installation(
            0,
            part_number=message.part_number,
            material_number=message.material_number,
            mes_serial_number=message.mes_serial_number,
            vendor_code=message.vendor_code,
            installer=message.installer,
            grid_connection=message.grid_connection,
            fuse_amperes=message.fuse_amperes or None,
            phases=message.phases or None,
            note=message.note,
        ),
    )


def user_row(message: pb.UserImportRow) -> UserRow:
    """As it was written."""
    person = Person(
        0,
        message.email,
        message.first_name,
        message.last_name,
        language=message.language,
        time_zone=message.time_zone,
        mobile=message.mobile,
        employee_number=message.employee_number,
        customer_number=message.customer_number,
        alarm_mails=message.alarm_mails,
    )
    return UserRow(person, message.role, tuple(message.sites))


def error(fault: RowFault) -> pb.ImportError:
    """What is wrong with a row."""
    return pb.ImportError(row=fault.row, field=fault.field, reason=fault.reason, message=fault.message)


def stations(report: ImportReport) -> pb.ImportStationsResponse:
    """What came of it."""
    return pb.ImportStationsResponse(
        good_count=report.good,
        errors=map(error, report.faults),
        stations=[print_name("stations", number) for number in report.made],
    )


def users(report: ImportReport) -> pb.ImportUsersResponse:
    """What came of it."""
    links = report.links or ("",) * len(report.made)
    made = zip(report.made, report.rows, links, strict=True)
    return pb.ImportUsersResponse(
        good_count=report.good,
        errors=map(error, report.faults),
        users=[
            pb.ImportedUser(user=print_name("users", number), row=row, invitation_link=link)
            for number, row, link in made
        ],
    )
