"""Makes the whole organisation from a seed."""

from __future__ import annotations

from datetime import date, datetime

from samples.ecd.agenda import fill_agenda
from samples.ecd.care_plans import fill_care_plans
from samples.ecd.links import fill_links
from samples.ecd.organisation import fill_employees
from samples.ecd.people import fill_people
from samples.ecd.records import World
from samples.ecd.reports import fill_reports
from samples.ecd.times import AMSTERDAM, MORNING


def generate(*, clients: int, days: int, seed: int, today: date) -> World:
    """Return the organisation on the morning of ``today``, with reports of the ``days`` before it."""
    world = World(seed=seed, days=days, today=today, now=datetime.combine(today, MORNING, tzinfo=AMSTERDAM))
    fill_employees(world, clients)
    profiles = fill_people(world, clients)
    fill_reports(world, profiles)
    fill_care_plans(world, profiles)
    fill_agenda(world, profiles)
    fill_links(world)
    return world
