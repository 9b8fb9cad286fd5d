"""What the operator does before the stations come: places, people, stations, tags, tariffs, news. Over control.v1."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from loadtest.demo.desk import DemoError, Desk, Reply
from loadtest.demo.drawing import draw_plan
from loadtest.demo.prices import assignments, drafts
from loadtest.demo.world import DOMAIN, FLEET, SITES, PersonPlan, StationPlan, World

SIGN_INS: Final = ("ROLE_ADMINISTRATOR", "ROLE_SITE_ADMINISTRATOR", "ROLE_SUPPORT", "ROLE_EV_USER")


@dataclass(slots=True)
class Names:
    """What the server calls things."""

    sites: list[str] = field(default_factory=list)
    floors: dict[tuple[int, int], str] = field(default_factory=dict)
    stations: dict[str, str] = field(default_factory=dict)
    """By identity."""
    users: dict[str, str] = field(default_factory=dict)
    """By e-mail."""
    tariffs: dict[str, str] = field(default_factory=dict)
    """By display name."""
    sign_ins: list[tuple[str, str]] = field(default_factory=list)
    """(role, e-mail) of those who have got the password of the run."""


class Office:
    """Fills a system that is empty. `now` is the time to which everything refers. All raise DemoError."""

    def __init__(self, desk: Desk, world: World, now: datetime) -> None:
        self._desk = desk
        self._world = world
        self._now = now
        self.names = Names()

    def refuse_when_full(self) -> None:
        """Raises DemoError when the system has stations already."""
        there = self._desk.call("stations.ListStations", {"page_size": 1}).number("total_size")
        if there:
            raise DemoError(
                f"this system has {there:.0f} stations already, and what the demonstration makes cannot easily be told "
                "apart from them: use an empty system (chargehouse serve --data-dir another-folder), or give --force"
            )

    # -- places and stations -----------------------------------------------------------------------------------------

    def make_places(self) -> None:
        """Sites, floors and their plans."""
        held = {(place.text("parent"), place.text("display_name")): place.text("name") for place in self._all_places()}
        for number, site in enumerate(self._sites()):
            name = held.get(("places/1", str(site["display_name"]))) or self._made("places.CreatePlace", "place", site)
            self.names.sites.append(name)
            for floor_number, floor in enumerate(SITES[number].floors):
                wanted: dict[str, object] = {"kind": "PLACE_KIND_FLOOR", "parent": name, "display_name": floor.name}
                made = held.get((name, floor.name)) or self._made("places.CreatePlace", "place", wanted)
                self.names.floors[number, floor_number] = made
        self._desk.each(self._upload_plan, list(self.names.floors))

    def _all_places(self) -> list[Reply]:
        return self._desk.call("places.ListPlaces").rows("places")

    def _sites(self) -> list[dict[str, object]]:
        return [
            {
                "kind": "PLACE_KIND_SITE",
                "display_name": site.name,
                "description": "A site of the demonstration.",
                "static_id": site.code,
                "address": site.address,
                "position": {"latitude": site.latitude, "longitude": site.longitude},
                "time_zone": site.time_zone,
            }
            for site in SITES
        ]

    def _upload_plan(self, key: tuple[int, int]) -> None:
        site, floor = key
        stations = sum((plan.site, plan.floor) == key for plan in self._world.stations)
        plan = draw_plan(SITES[site].floors[floor], max(1, stations))
        self._desk.call("pictures.UploadFloorPlan", {"place": self.names.floors[key], "content": _base64(plan)})

    def make_stations(self, passwords: dict[str, str]) -> None:
        """Known and accepted before they connect, with what people know of them."""
        held = {row.text("identity"): row.text("name") for row in self._desk.pages("stations.ListStations", "stations")}

        def make(plan: StationPlan) -> str:
            name = held.get(plan.identity) or self._made("stations.CreateStation", "station", self._station(plan))
            self._desk.call("stations.SetStationPassword", {"name": name, "password": passwords[plan.identity]})
            self._desk.call("pictures.SetStationPosition", {"position": {"station": name, "x": plan.x, "y": plan.y}})
            self._desk.call(
                "installations.UpdateInstallation",
                {"installation": {"station": name, **self._installation(plan)}, "update_mask": "*"},
            )
            return name

        made = self._desk.each(make, self._world.stations)
        self.names.stations = {plan.identity: name for plan, name in zip(self._world.stations, made, strict=True)}

    def _station(self, plan: StationPlan) -> dict[str, object]:
        site = SITES[plan.site]
        return {
            "identity": plan.identity,
            "display_name": plan.name,
            "description": f"{plan.model.vendor} {plan.model.name} on {site.floors[plan.floor].name}",
            "address": site.address,
            "place": self.names.floors[plan.site, plan.floor],
        }

    def _installation(self, plan: StationPlan) -> dict[str, object]:
        random = Random(f"{self._world.seed}/{plan.identity}/label")  # noqa: S311 - repeatable on purpose
        made = self._now - timedelta(days=random.randrange(500, 1500))
        put_up = made + timedelta(days=random.randrange(30, 200))
        direct = plan.model.direct_current
        return {
            "manufacture_time": _time(made),
            "part_number": f"{plan.model.name[:3].upper()}-{plan.model.power_w // 1000}-{plan.model.outlets}",
            "material_number": f"40{random.randrange(10**6):06d}",
            "mes_serial_number": plan.serial,
            "vendor_code": plan.model.vendor[:3].upper(),
            "installation_date": put_up.date().isoformat(),
            "installer": random.choice(("Elteknik Väst AB", "Stroom en Zoon BV", "Elektro Münster GmbH")),
            "warranty_date": (put_up + timedelta(days=1095)).date().isoformat(),
            "grid_connection": f"{SITES[plan.site].code}-DB{plan.floor + 1}",
            "fuse_amperes": 250 if direct else 63 if plan.model.outlets > 1 else 20,
            "phases": 3,
        }

    # -- people and tags ---------------------------------------------------------------------------------------------

    def make_people(self, password: str) -> None:
        """Users of all roles; the first of each role get `password`, where no mail server takes their invitation."""
        held = {row.text("email"): row.text("name") for row in self._desk.pages("users.ListUsers", "users")}
        invited: dict[str, int] = {}
        for person in self._world.people:
            if person.email in held:
                self.names.users[person.email] = held[person.email]
                continue
            seen = invited[person.role] = invited.get(person.role, 0) + 1
            self._make_person(person, password if seen <= 2 else "")

    def _make_person(self, person: PersonPlan, password: str) -> None:
        number = len(self.names.users) + 1
        user: dict[str, object] = {
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "role": person.role,
            "language": person.language,
            "time_zone": person.time_zone,
            "customer_number": f"C{10_000 + number}",
            "alarm_mails": person.role == "ROLE_SUPPORT",
        }
        if person.role in ("ROLE_SITE_ADMINISTRATOR", "ROLE_EV_USER"):
            user["sites"] = [self.names.sites[person.site]]
        made = self._desk.call("users.CreateUser", {"user": user, "invite": bool(password)})
        self.names.users[person.email] = made.text("user", "name")
        _, mark, token = made.text("invitation_link").partition("#token=")
        if mark:
            self._desk.call("auth.SetPassword", {"token": token, "new_password": password})
            self.names.sign_ins.append((person.role.removeprefix("ROLE_").replace("_", " ").lower(), person.email))

    def make_tags(self) -> None:
        """All in one import. Until `settle_tags` they may be in several sessions at once: three months are told within
        minutes, and not in the order of time."""
        held = {row.text("id_token") for row in self._desk.pages("id_tokens.ListIdTokens", "id_tokens")}
        rows: list[dict[str, object]] = []
        for tag in self._world.tags:
            if tag.id_token in held:
                continue
            row: dict[str, object] = {
                "id_token": tag.id_token,
                "alias": tag.alias,
                "kind": f"ID_TOKEN_KIND_{tag.kind}",
                "type": f"ID_TOKEN_TYPE_{tag.type}",
                "blocked": tag.blocked,
                "parent_id_token": tag.parent,
                "allow_concurrent": True,
                "note": "Reported lost" if tag.blocked else "",
            }
            if tag.person is not None:
                row["user_email"] = self._world.people[tag.person].email
            rows.append(row)
        if not rows:
            return
        done = self._desk.call("id_tokens.ImportIdTokens", {"id_tokens": rows})
        wrong = done.rows("errors")
        if wrong:
            raise DemoError(f"the tags were not taken: {wrong[0].text('message')}")

    def settle_tags(self) -> None:
        """From now on each is in one session at a time, and some have a limit in time or place."""
        rows = self._desk.pages("id_tokens.ListIdTokens", "id_tokens")
        ours = {tag.id_token: tag for tag in self._world.tags}

        def settle(row: Reply) -> None:
            tag = ours[row.text("id_token")]
            wanted: dict[str, object] = {"name": row.text("name"), "allow_concurrent": False}
            mask = ["allow_concurrent"]
            if tag.alias.startswith("Guest card") and tag.alias.endswith("1"):
                wanted["expire_time"] = _time(self._now - timedelta(days=3))
                mask.append("expire_time")
            if tag.parent and tag.alias.endswith("5"):
                wanted["valid_places"] = [self.names.sites[tag.site]]
                mask.append("valid_places")
            self._desk.call("id_tokens.UpdateIdToken", {"id_token": wanted, "update_mask": ",".join(_camel(mask))})

        self._desk.each(settle, [row for row in rows if row.text("id_token") in ours])

    # -- money -------------------------------------------------------------------------------------------------------

    def make_tariffs(self) -> None:
        """Tariffs, and where each of them holds from now on: places, a station, an outlet, a group, a user."""
        held = {
            row.text("display_name"): row.text("name") for row in self._desk.pages("tariffs.ListTariffs", "tariffs")
        }
        for draft in drafts():
            title = str(draft["display_name"])
            self.names.tariffs[title] = held.get(title) or self._made("tariffs.CreateTariff", "tariff", draft)
        targets = {
            "system": "places/1",
            "user": self.names.users[self._world.people[-1].email],
            "group": f"tagGroups/{FLEET}",
            **{site.code: name for site, name in zip(SITES, self.names.sites, strict=True)},
            **{f"{SITES[s].code}/{SITES[s].floors[f].code}": name for (s, f), name in self.names.floors.items()},
            **self.names.stations,
        }
        for where, evse, title in assignments():
            target = targets.get(where)
            if target is not None:
                target += f"/evses/{evse}" if evse else ""
                self._desk.call("tariffs.AssignTariff", {"target": target, "tariff": self.names.tariffs[title]})

    # -- the rest ----------------------------------------------------------------------------------------------------

    def make_notices(self) -> None:
        """News, a webhook that is switched off, a limit, who issues the reports."""
        soon, past = _time(self._now + timedelta(days=14)), _time(self._now - timedelta(days=9))
        news: list[dict[str, object]] = [
            {
                "title": "New fast chargers in the yard",
                "text": "Four new stations of 150 kW are open to everybody.",
                "places": [self.names.sites[0]],
                "valid_from_time": past,
            },
            {
                "title": "Maintenance on Thursday night",
                "text": "Between 01:00 and 03:00 stations restart one after the other. Sessions go on.",
                "priority": "NEWS_PRIORITY_IMPORTANT",
                "valid_until_time": soon,
            },
            {
                "title": "Please acknowledge alarms",
                "text": "Whoever drives out to a station acknowledges its alarm first.",
                "roles": ["administrator", "site-administrator", "support"],
            },
        ]
        for each in news:
            self._desk.call("news.CreateNews", {"news": each})
        hook = {"display_name": "Facility management", "url": f"https://hooks.{DOMAIN}/chargehouse", "enabled": False}
        self._desk.call("webhooks.CreateWebhook", {"webhook": hook})
        limits: list[dict[str, object]] = [
            {"target": f"tagGroups/{FLEET}", "energy_wh": 20_000_000.0},
            {"target": self.names.users[self._world.people[-2].email], "amount": "150.00", "currency": "EUR"},
        ]
        for limit in limits:
            self._desk.call("outlets.SetChargeLimit", {"limit": limit})
        seller = {
            "display_name": "Chargehouse Demonstration Ltd",
            "address": "1 Example Street\n411 04 Göteborg",
            "email": f"billing@{DOMAIN}",
            "number_prefix": "DEMO-",
        }
        mask = "displayName,address,email,numberPrefix"
        self._desk.call("cost_reports.UpdateSeller", {"seller": seller, "update_mask": mask})

    def make_rules(self, password: str) -> None:
        """What holds by itself: settings for new stations, a vendor's code, a weekly order, the imprint."""
        template = {
            "display_name": "Voltaris: a heartbeat each four minutes",
            "vendor": "Voltaris",
            "family": "TEMPLATE_FAMILY_2",
            "variables": [{"name": "OCPPCommCtrlr.HeartbeatInterval", "value": "240"}],
        }
        self._unless_there("configuration.CreateConfigurationTemplate", {"template": template})
        rule = {
            "source": "ALARM_SOURCE_STATUS",
            "vendor": "Nordlys",
            "code": "E77",
            "kind": "ALARM_KIND_TEMPERATURE",
            "severity": "ALARM_SEVERITY_MINOR",
            "text": "The fan is due for a change. {info}",
        }
        self._unless_there("alarms.CreateAlarmRule", {"rule": rule})
        schedule = {
            "title": "Empty the authorisation caches on Sundays",
            "draft": {"order": {"clear_cache": {}}, "filter": {"place": self.names.sites[0]}},
            "minute_of_day": 210,
            "days_of_week": [7],
            "time_zone": SITES[0].time_zone,
            "enabled": True,
        }
        administrator = next((email for role, email in self.names.sign_ins if role == "administrator"), "")
        if administrator:  # who made it may change it
            wanted = {"email": administrator, "password": password}
            token = self._desk.call("auth.SignIn", wanted).text("token")
            self._desk.call("operations.CreateSchedule", {"schedule": schedule}, token=token)
            self._desk.call("auth.SignOut", token=token)
        settings = {
            "imprint": "Chargehouse Demonstration Ltd\n1 Example Street, 411 04 Göteborg\n\nAn invention.",
            "privacy": "Names and sessions of this demonstration are made up.\n\nNothing of it is about anybody.",
        }
        self._desk.call("system.UpdateSystemSettings", {"settings": settings, "update_mask": "imprint,privacy"})

    def share_stations(self, password: str) -> None:
        """Owners, shares, and groups of those who can sign in."""
        stations = list(self.names.stations.values())
        users = [person.email for person in self._world.people if person.role == "ROLE_EV_USER"]
        homes = [self.names.stations[plan.identity] for plan in self._world.stations if "-B-" in plan.identity][:3]
        for station, owner, guest in zip(homes, users, users[3:], strict=False):
            self._desk.call("sharing.SetOwner", {"station": station, "email": owner})
            level = "SHARE_LEVEL_OPERATE"
            self._desk.call("sharing.ShareStation", {"station": station, "email": guest, "level": level})
        for number, (role, email) in enumerate(self.names.sign_ins):
            if role not in ("administrator", "support"):
                continue
            token = self._desk.call("auth.SignIn", {"email": email, "password": password}).text("token")
            group = {"display_name": "My round", "description": "Seen on Tuesdays."}
            made = self._desk.call("groups.CreateGroup", {"group": group}, token=token)
            chosen = stations[number::7][:8] or stations[:1]
            wanted = {"name": made.text("group", "name"), "stations": chosen}
            self._desk.call("groups.AddStations", wanted, token=token)
            self._desk.call("auth.SignOut", token=token)

    def _unless_there(self, method: str, fields: dict[str, object]) -> None:
        """There can be one of these in a system: with `--force` it may be of an earlier demonstration."""
        try:
            self._desk.call(method, fields)
        except DemoError as error:
            if not error.taken:
                raise

    def _made(self, method: str, noun: str, fields: dict[str, object]) -> str:
        return self._desk.call(method, {noun: fields}).text(noun, "name")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _camel(fields: list[str]) -> list[str]:
    """Field masks in JSON are written like this."""
    return [head + "".join(word.title() for word in rest) for head, *rest in (name.split("_") for name in fields)]
