"""Classification and split outputs, one set of rows a stage."""

from __future__ import annotations

from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.extraction import add_insights
from extend_source.tables.paths import ROOT
from extend_source.tables.reading import DriftLog, Extra, ObjectReader

_CLASSIFICATION = ObjectReader.of(schemas.CLASSIFICATIONS)
_SPLIT = ObjectReader.of(schemas.SPLITS)


class StageTables:
    """Writes classifications and splits."""

    def __init__(self, tables: TableSet, drift: DriftLog) -> None:
        """Start a load."""
        self._tables = tables
        self._drift = drift

    def add_classification(self, run_id: str, stage: str, output: dict[str, Any]) -> Extra | None:
        """Add the class of a classification run at one stage.

        Args:
            run_id: the run.
            stage: final, initial or reviewed.
            output: ``{id, type, confidence, insights}`` (docs "Classification output type").

        Returns:
            Nothing: what the columns do not hold is in the row's own ``extra``.
        """
        if not output:
            return None
        values, extra = _CLASSIFICATION.read(output, self._drift)
        insights = output.get("insights")
        if isinstance(insights, list) and all(isinstance(insight, dict) for insight in insights):
            builder = self._tables[schemas.OUTPUT_INSIGHTS]
            add_insights(builder, self._drift, run_id, stage, ROOT, insights)
        elif insights is not None:
            self._drift.unexpected_type("classification", "insights", insights)
            extra = {**(extra or {}), "insights": insights}
        self._tables[schemas.CLASSIFICATIONS].add(values, extra, run_id=run_id, stage=stage)
        return None

    def add_splits(self, run_id: str, stage: str, output: dict[str, Any]) -> Extra | None:
        """Add the parts of a splitter run at one stage.

        Args:
            run_id: the run.
            stage: final, initial or reviewed.
            output: ``{splits, isExternal}`` (docs "Splitter output type"; what isExternal means is not
                documented, so it stays in the run's ``extra``).

        Returns:
            What of the output no table holds.
        """
        splits = output.get("splits")
        if not isinstance(splits, list) or not all(isinstance(split, dict) for split in splits):
            return output or None
        for position, split in enumerate(splits):
            values, extra = _SPLIT.read(split, self._drift)
            self._tables[schemas.SPLITS].add(values, extra, run_id=run_id, stage=stage, position=position)
        return {key: value for key, value in output.items() if key != "splits"} or None
