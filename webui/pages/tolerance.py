"""Tolerance rules: which stations that deviate from the specification are read by which rules."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, redirect, show, signed_in, text, with_query
from webui.values import ApiError

FIELDS: Final = ("title", "vendor_pattern", "model_pattern", "firmware_pattern", "time_zone", "note")
MASK: Final = (*FIELDS, "rule_ids", "enabled")
BESIDE: Final = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION"})


class Rule(msgspec.Struct, frozen=True):
    """A way in which stations deviate, and how it is read."""

    rule_id: str
    description: str
    always: bool = False


class Rules(msgspec.Struct, frozen=True):
    """All of them."""

    rules: tuple[Rule, ...] = ()


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules for one kind of station. Patterns: `*` is anything; empty fits all."""

    name: str = ""
    title: str = ""
    vendor_pattern: str = ""
    model_pattern: str = ""
    firmware_pattern: str = ""
    rule_ids: tuple[str, ...] = ()
    time_zone: str = ""
    enabled: bool = True
    note: str = ""
    etag: str = ""

    @property
    def key(self) -> str:
        """The number of ``ruleSets/{id}``."""
        return self.name.partition("/")[2]


class RuleSets(msgspec.Struct, frozen=True):
    """A page, in the order of titles."""

    rule_sets: tuple[RuleSet, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


@signed_in
async def overview(request: Request) -> Response:
    """All rule sets, each with its form, and one for a new one."""
    return await _overview(request)


async def _overview(
    request: Request, typed: RuleSet | None = None, problem: str = "", status_code: int = 200
) -> Response:
    desk, after = client_of(request).desk, request.query_params.get("after", "")[:200]
    rules, page = await asyncio.gather(
        desk.ask("ToleranceService/ListRules", Rules),
        desk.ask("ToleranceService/ListRuleSets", RuleSets, page_token=after),
    )
    shown = [typed if typed is not None and typed.name == one.name else one for one in page.rule_sets]
    return await show(
        request,
        "settings/tolerance.html",
        status_code,
        rules=rules.rules,
        sets=shown,
        total=page.total_size,
        new=typed if typed is not None and not typed.name else RuleSet(),
        problem=problem,
        troubled=None if typed is None else typed.name,
        next_url=with_query("/settings/tolerance", {"after": page.next_page_token}) if page.next_page_token else "",
    )


@signed_in
async def save(request: Request) -> Response:
    """Add a rule set, or change one."""
    form, key = await request.form(), request.path_params.get("key")
    values = {name: text(form, name)[:1000] for name in FIELDS}
    typed = RuleSet(
        name=f"ruleSets/{key}" if key else "",
        rule_ids=tuple(value for value in form.getlist("rule_ids") if isinstance(value, str)),
        enabled=text(form, "enabled") == "1",
        etag=text(form, "etag"),
        **values,
    )
    desk = client_of(request).desk
    try:
        if key:
            await desk.do("ToleranceService/UpdateRuleSet", rule_set=typed, update_mask=MASK)
        else:
            await desk.do("ToleranceService/CreateRuleSet", rule_set=typed)
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _overview(request, typed, sentences.of_error(error), 422)
    return redirect("/settings/tolerance", "rules-saved")


@signed_in
async def delete(request: Request) -> Response:
    """Remove a rule set: its stations are read strictly again."""
    key = request.path_params["key"]
    await client_of(request).desk.do("ToleranceService/DeleteRuleSet", name=f"ruleSets/{key}")
    return redirect("/settings/tolerance", "rules-deleted")


ROUTES = [
    Route("/settings/tolerance", overview),
    Route("/settings/tolerance", save, methods=["POST"]),
    Route("/settings/tolerance/{key:int}", save, methods=["POST"]),
    Route("/settings/tolerance/{key:int}/delete", delete, methods=["POST"]),
]
