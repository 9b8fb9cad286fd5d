"""Users: the list, invitations, one user with their tags and sign-ins, blocking and deleting."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences, words
from webui.api import Client
from webui.navigator import trail_to
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.pages import users_tags
from webui.pages.places import all_places
from webui.pages.tags import TYPES
from webui.person import place_of
from webui.values import ApiError, Caller, Role
from webui.values_people import Invited, Made, SignIns, User, UserAnswer, UserPage
from webui.values_places import Place, PlaceKind
from webui.values_tags import Tag, type_word
from webui.words import _

FIELDS = (
    "email",
    "first_name",
    "last_name",
    "role",
    "sites",
    "language",
    "time_zone",
    "mobile",
    "employee_number",
    "customer_number",
    "alarm_mails",
    "blocked",
)
ROLES = (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR, Role.SUPPORT, Role.EV_USER)
GIVEN_BY_SITE_ADMINISTRATORS = (Role.SITE_ADMINISTRATOR, Role.EV_USER)
SIZE = 50
WAYS = ("invite", "password", "none")


class Typed(msgspec.Struct, frozen=True):
    """What is asked of a new user beside their fields: how they get in, and their tags."""

    way: str = "invite"
    password: str = ""
    tags: str = ""
    tag_type: str = ""

    @classmethod
    def read(cls, form: FormData) -> Typed:
        """From the form."""
        way, password = text(form, "way"), form.get("password", "")
        return cls(
            way if way in WAYS else "none",
            password if isinstance(password, str) else "",
            text(form, "tags"),
            text(form, "tag_type"),
        )

    @property
    def first_password(self) -> str:
        """Empty where none was wanted."""
        return self.password if self.way == "password" else ""


@signed_in
async def table(request: Request) -> Response:
    """Users that match."""
    client, params = client_of(request), request.query_params
    q, role, site = params.get("q", "").strip()[:100], params.get("role", ""), params.get("site", "")
    role = role if role in ROLES else ""
    if "site" not in params and (picked := await trail_to(client, place_of(request))):
        site = picked[0].name
    wanted = {"q": q, "role": role, "site": site}
    page, places = await asyncio.gather(
        client.desk.ask(
            "UserService/ListUsers",
            UserPage,
            filter={"query": q, "role": role or None, "site": site},
            page_size=SIZE,
            page_token=params.get("after", ""),
        ),
        all_places(client),
    )
    sites = _sites(places)
    return await show(
        request,
        "people/users.html",
        page=page,
        wanted=wanted,
        after=params.get("after", ""),
        sites=sites,
        site_names={each.name: each.display_name for each in sites},
        roles=ROLES,
        first_url=with_query("/users", wanted),
        next_url=with_query("/users", wanted | {"after": page.next_page_token}),
    )


def _sites(places: tuple[Place, ...]) -> tuple[Place, ...]:
    return tuple(place for place in places if place.kind is PlaceKind.SITE)


@signed_in
async def add(request: Request) -> Response:
    """A new user, with tags; the link of the invitation is shown where no mail carries it."""
    client = client_of(request)
    if request.method != "POST":
        return await _form(request, User())
    form = await request.form()
    user, typed = _from(form, User()), Typed.read(form)
    try:
        demand(user.email, _("Enter an e-mail address."))
        demand(typed.password or typed.way != "password", _("Enter the password to begin with."))
        tags = await users_tags.free(client, users_tags.lines(typed.tags, typed.tag_type))
        made = await client.desk.ask(
            "UserService/CreateUser",
            Made,
            user=_sent(user),
            invite=typed.way == "invite",
            password=typed.first_password,
        )
    except ApiError as error:
        return await _form(request, user, typed=typed, problem=_problem(error))
    refused = " ".join(await users_tags.give(client, made.user, tags))
    wrong = _("The user is added, but not every tag: %(why)s") % {"why": refused} if refused else ""
    if made.invitation_link:
        return await show(request, "people/invited.html", user=made.user, link=made.invitation_link, problem=wrong)
    if wrong:
        fresh = await client.desk.ask("UserService/GetUser", UserAnswer, name=made.user.name)
        return await _form(request, fresh.user, problem=wrong)
    return redirect(f"/users/{made.user.key}", "user-invited" if typed.way == "invite" else "user-created")


@signed_in
async def one(request: Request) -> Response:
    """One user; with a POST their fields are saved."""
    return await _one(request)


async def _one(request: Request, problem: str = "") -> Response:
    client, name = client_of(request), _name(request)
    user = (await client.desk.ask("UserService/GetUser", UserAnswer, name=name)).user
    if request.method != "POST" or problem:
        return await _form(request, user, problem=problem)
    changed = _from(await request.form(), user)
    try:
        await client.desk.do("UserService/UpdateUser", user=_sent(changed), update_mask=FIELDS)
    except ApiError as error:
        return await _form(request, msgspec.structs.replace(changed, etag=user.etag), problem=_problem(error))
    return redirect(f"/users/{user.key}", "user-saved")


async def _form(request: Request, user: User, *, typed: Typed | None = None, problem: str = "") -> Response:
    client = client_of(request)
    caller, places = await asyncio.gather(client.caller(), all_places(client))
    sign_ins = SignIns(())
    tags: tuple[Tag, ...] = ()
    if user.name:
        sign_ins, tags = await asyncio.gather(_sign_ins(client, user), _tags(client, caller, user))
    return await show(
        request,
        "people/user.html",
        422 if problem else 200,
        user=user,
        new=not user.name,
        typed=typed or Typed(),
        problem=problem,
        sites=_sites(places),
        roles=ROLES if caller.role is Role.ADMINISTRATOR else GIVEN_BY_SITE_ADMINISTRATORS,
        languages={key: words.NAMES.get(key, key) for key in words.NAMES},
        sign_ins=sign_ins.sign_ins,
        tags=tags,
        types=TYPES,
        type_word=type_word,
        myself=user.name == caller.name,
    )


async def _tags(client: Client, caller: Caller, user: User) -> tuple[Tag, ...]:
    """With their names where the reader keeps tags; else only what they are."""
    if caller.role is not Role.ADMINISTRATOR:
        return tuple(Tag(id_token=each) for each in user.id_tokens)
    return await users_tags.of_user(client, user)


async def _sign_ins(client: Client, user: User) -> SignIns:
    try:
        return await client.desk.ask("AuthService/ListSignIns", SignIns, user=user.name)
    except ApiError as error:
        if error.code not in ("PERMISSION_DENIED", "NOT_FOUND"):
            raise
        return SignIns(())


def _name(request: Request) -> str:
    return f"users/{request.path_params['key']}"


def _problem(error: ApiError) -> str:
    if error.code not in ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION") and (
        error.reason not in ("ROLE_NOT_ALLOWED", "SITES_NOT_ALLOWED")
    ):
        raise error
    return sentences.of_error(error)


def _from(form: FormData, base: User) -> User:
    role = text(form, "role")
    return msgspec.structs.replace(
        base,
        email=text(form, "email"),
        first_name=text(form, "first_name"),
        last_name=text(form, "last_name"),
        role=Role(role) if role in ROLES else base.role,
        sites=tuple(each for each in form.getlist("sites") if isinstance(each, str)),
        language=text(form, "language"),
        time_zone=text(form, "time_zone"),
        mobile=text(form, "mobile"),
        employee_number=text(form, "employee_number"),
        customer_number=text(form, "customer_number"),
        alarm_mails=text(form, "alarm_mails") == "1",
        blocked=text(form, "blocked") == "1",
        etag=text(form, "etag"),
    )


def _sent(user: User) -> dict[str, object]:
    """The fields that people edit."""
    return {name: getattr(user, name) for name in ("name", "etag", *FIELDS)}


@signed_in
async def invite(request: Request) -> Response:
    """Send an invitation once more, or a link to choose a new password."""
    client = client_of(request)
    sent = await client.desk.ask("UserService/InviteUser", Invited, name=_name(request))
    if not sent.invitation_link:
        return redirect(f"/{_name(request)}", "user-invited")
    user = (await client.desk.ask("UserService/GetUser", UserAnswer, name=_name(request))).user
    return await show(request, "people/invited.html", user=user, link=sent.invitation_link)


@signed_in
async def add_tags(request: Request) -> Response:
    """Several tags for a user whom there is."""
    client = client_of(request)
    typed = Typed.read(await request.form())
    user = (await client.desk.ask("UserService/GetUser", UserAnswer, name=_name(request))).user
    try:
        wanted = users_tags.lines(typed.tags, typed.tag_type)
        demand(wanted, _("Enter at least one tag."))
        tags = await users_tags.free(client, wanted)
    except ApiError as error:
        return await _form(request, user, typed=typed, problem=_problem(error))
    wrong = await users_tags.give(client, user, tags)
    if wrong:
        return await _form(request, user, typed=typed, problem=" ".join(wrong))
    return redirect(f"/users/{user.key}", "tags-added")


@signed_in
async def set_password(request: Request) -> Response:
    """One to begin with, for who has no mail: they choose another when they sign in."""
    password = (await request.form()).get("password", "")
    try:
        demand(password, _("Enter the password to begin with."))
        await client_of(request).desk.do("UserService/SetUserPassword", name=_name(request), password=str(password))
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect(f"/{_name(request)}", "user-saved")


@signed_in
async def block(request: Request) -> Response:
    """Block or unblock."""
    blocked = text(await request.form(), "blocked") == "1"
    try:
        fields = {"name": _name(request), "blocked": blocked}
        await client_of(request).desk.do("UserService/UpdateUser", user=fields, update_mask=("blocked",))
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect("/users", "user-blocked" if blocked else "user-unblocked")


@signed_in
async def reset_second_factor(request: Request) -> Response:
    """For the day they lost it."""
    await client_of(request).desk.do("UserService/ResetSecondFactor", name=_name(request))
    return redirect(f"/{_name(request)}", "second-factor-reset")


@signed_in
async def end_sign_in(request: Request) -> Response:
    """Sign them out somewhere."""
    name = f"{_name(request)}/signIns/{request.path_params['sign_in']}"
    await client_of(request).desk.do("AuthService/DeleteSignIn", name=name)
    return redirect(f"/{_name(request)}", "sign-in-ended")


@signed_in
async def delete(request: Request) -> Response:
    """Delete a user; their sessions stay, and are nobody's."""
    try:
        await client_of(request).desk.do("UserService/DeleteUser", name=_name(request))
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect("/users", "user-deleted")


ROUTES = [
    Route("/users", table),
    Route("/users/add", add, methods=["GET", "POST"]),
    Route("/users/{key}", one, methods=["GET", "POST"]),
    Route("/users/{key}/invite", invite, methods=["POST"]),
    Route("/users/{key}/tags", add_tags, methods=["POST"]),
    Route("/users/{key}/password", set_password, methods=["POST"]),
    Route("/users/{key}/block", block, methods=["POST"]),
    Route("/users/{key}/second-factor", reset_second_factor, methods=["POST"]),
    Route("/users/{key}/sign-ins/{sign_in}/delete", end_sign_in, methods=["POST"]),
    Route("/users/{key}/delete", delete, methods=["POST"]),
]
