"""From the names in a configuration to what they stand for: panes, keys, probes; and what there is none of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from leaktop.model.settings import Complaint, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from leaktop.model.sample import Probe
    from leaktop.view.pane import PaneView


def names() -> dict[str, list[str]]:
    """What may stand in each table of a configuration, in lines of any length."""
    from leaktop.sources.probes import PROBES
    from leaktop.view.keys import EVERYWHERE, IN_PANES
    from leaktop.view.panes import PANES

    return {
        "probes": [", ".join(probe.name for probe in PROBES if probe.cadence is not None)],
        "keys": [", ".join(key.name for key in (*EVERYWHERE, *IN_PANES) if not key.is_fixed)],
        "columns": [f"{pane.name}: {', '.join(column.name for column in pane.columns)}" for pane in PANES],
        "sort": ["the same names"],
    }


def doubts(settings: Settings) -> list[Complaint]:
    """What the settings name and there is none of, and keys that clash."""
    return [*_probes(settings), *granted_panes(settings)[1], *granted_keys(settings)[1]]


def _probes(settings: Settings) -> Iterator[Complaint]:
    if settings.probes:
        from leaktop.sources.probes import PROBES

        known = [probe.name for probe in PROBES if probe.cadence is not None]
        for name in settings.probes:
            if name not in known:
                yield Complaint(f"nothing of that name is read; there are {', '.join(known)}", f"probes.{name}")


def paced(probes: Iterable[Probe], factors: Mapping[str, float]) -> tuple[Probe, ...]:
    """The probes, those that the settings name read less often by that factor."""
    return tuple(
        replace(probe, cadence=probe.cadence * factors[probe.name])
        if probe.name in factors and probe.cadence is not None
        else probe
        for probe in probes
    )


def granted(settings: Settings | None) -> tuple[tuple[PaneView, ...], dict[str, str]]:
    """The panes and the keys that are wanted, as far as there are such; the usual ones without settings."""
    wanted = settings or Settings()
    return granted_panes(wanted)[0], granted_keys(wanted)[0]


def granted_panes(settings: Settings) -> tuple[tuple[PaneView, ...], list[Complaint]]:
    """The panes with the columns and the order that are wanted, as far as there are such."""
    from leaktop.view.panes import PANES

    if not settings.columns and not settings.sort:
        return PANES, []
    from leaktop.view.personal import with_columns, with_order

    panes = {pane.name: pane for pane in PANES}
    complaints = []
    for table, wishes in (("columns", settings.columns), ("sort", settings.sort)):
        for name, wish in wishes.items():
            try:
                if name not in panes:
                    raise ValueError(f"there is no such pane; there are {', '.join(panes)}")
                pane = panes[name]
                panes[name] = with_order(pane, wish) if isinstance(wish, str) else with_columns(pane, wish)
            except ValueError as error:
                complaints.append(Complaint(str(error), f"{table}.{name}"))
    return tuple(panes.values()), complaints


def granted_keys(settings: Settings) -> tuple[dict[str, str], list[Complaint]]:
    """What to bind (see leaktop.view.keys.key_map), as far as it can be."""
    if not settings.keys:
        return {}, []
    from leaktop.view.keys import key_map

    keymap, refused = key_map(settings.keys)
    return keymap, [Complaint(words, f"keys.{name}") for name, words in refused]
