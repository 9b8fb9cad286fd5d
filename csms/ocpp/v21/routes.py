"""OCPP 2.1: the table of contents, one chapter per functional block."""

from __future__ import annotations

from typing import Final

from csms.ocpp import faults
from csms.ocpp.routing import IncomingRow, OutgoingRow, RoutedDialect
from csms.ocpp.v21 import (
    b_boot,
    c_authorization,
    c_payment,
    d_local_list,
    e_transactions,
    f_remote_control,
    h_reservation,
    i_tariff_cost,
    k_smart_charging,
    l_firmware,
    m_certificates,
    n_diagnostics,
    o_display,
    q_bidirectional,
    r_der_control,
    s_battery_swap,
)
from csms.ocpp.v201 import routes as v201

INCOMING: Final[tuple[IncomingRow, ...]] = (
    *v201.INCOMING,
    *c_authorization.INCOMING,
    *c_payment.INCOMING,
    *e_transactions.INCOMING,
    *i_tariff_cost.INCOMING,
    *k_smart_charging.INCOMING,
    *l_firmware.INCOMING,
    *m_certificates.INCOMING,
    *n_diagnostics.INCOMING,
    *q_bidirectional.INCOMING,
    *r_der_control.INCOMING,
    *s_battery_swap.INCOMING,
)

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    *v201.OUTGOING,
    *b_boot.OUTGOING,
    *c_authorization.OUTGOING,
    *c_payment.OUTGOING,
    *d_local_list.OUTGOING,
    *e_transactions.OUTGOING,
    *f_remote_control.OUTGOING,
    *h_reservation.OUTGOING,
    *i_tariff_cost.OUTGOING,
    *k_smart_charging.OUTGOING,
    *l_firmware.OUTGOING,
    *m_certificates.OUTGOING,
    *n_diagnostics.OUTGOING,
    *o_display.OUTGOING,
    *q_bidirectional.OUTGOING,
    *r_der_control.OUTGOING,
    *s_battery_swap.OUTGOING,
)


class Dialect21(RoutedDialect):
    """OCPP 2.1."""

    def __init__(self) -> None:
        super().__init__(faults.V21, INCOMING, OUTGOING)
