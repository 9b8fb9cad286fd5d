"""OCPP 2.0.1: the table of contents, one chapter per functional block."""

from __future__ import annotations

from typing import Final

from csms.ocpp import faults
from csms.ocpp.routing import IncomingRow, OutgoingRow, RoutedDialect
from csms.ocpp.v201 import (
    a_security,
    b_boot,
    b_provisioning,
    c_authorization,
    d_local_list,
    e_transactions,
    f_remote_control,
    g_availability,
    h_reservation,
    i_tariff_cost,
    j_metering,
    k_smart_charging,
    l_firmware,
    m_certificates,
    n_diagnostics,
    n_logs,
    o_display,
    p_data_transfer,
)

INCOMING: Final[tuple[IncomingRow, ...]] = (
    *a_security.INCOMING,
    *b_boot.INCOMING,
    *b_provisioning.INCOMING,
    *c_authorization.INCOMING,
    *d_local_list.INCOMING,
    *e_transactions.INCOMING,
    *f_remote_control.INCOMING,
    *g_availability.INCOMING,
    *h_reservation.INCOMING,
    *i_tariff_cost.INCOMING,
    *j_metering.INCOMING,
    *k_smart_charging.INCOMING,
    *l_firmware.INCOMING,
    *m_certificates.INCOMING,
    *n_diagnostics.INCOMING,
    *n_logs.INCOMING,
    *o_display.INCOMING,
    *p_data_transfer.INCOMING,
)

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    *a_security.OUTGOING,
    *b_boot.OUTGOING,
    *b_provisioning.OUTGOING,
    *c_authorization.OUTGOING,
    *d_local_list.OUTGOING,
    *e_transactions.OUTGOING,
    *f_remote_control.OUTGOING,
    *g_availability.OUTGOING,
    *h_reservation.OUTGOING,
    *i_tariff_cost.OUTGOING,
    *j_metering.OUTGOING,
    *k_smart_charging.OUTGOING,
    *l_firmware.OUTGOING,
    *m_certificates.OUTGOING,
    *n_diagnostics.OUTGOING,
    *n_logs.OUTGOING,
    *o_display.OUTGOING,
    *p_data_transfer.OUTGOING,
)


class Dialect201(RoutedDialect):
    """OCPP 2.0.1."""

    def __init__(self) -> None:
        super().__init__(faults.V201, INCOMING, OUTGOING)
