"""The form of stages that read files."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from etl.generator.params import Group, Text
from etl.pipeline.fields import Encoding, Mark, NameOr, StageColumn


class StageModel(Group):
    """Keys of all stages."""

    table: Text | None = Field(default=None, description="The table to fill, if not the one with the stage's name.")
    internal: bool = Field(default=False, description="True for a stage that fills no table.")


class SourceFile(Group):
    """A file of reference data."""

    file: Text = Field(description="The file.")


class CsvFile(SourceFile):
    """A CSV file, and how it is written."""

    member: Text | None = Field(default=None, description="If the file is a zip: the CSV file in it.")
    delimiter: Mark = Field(default=",", description="The character between cells.")
    quote: Mark = Field(default='"', description="The character around cells with delimiters in them; two mean one.")
    encoding: Encoding = Field(default="utf-8", description="The encoding of its text, such as latin-1.")
    nulls: list[str] = Field(
        default_factory=list, description="Texts of unquoted cells that are null, such as NA; an empty one always is."
    )
    nullable: bool = Field(default=False, description="Whether cells may be null where no table says it.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote must differ")
        return self


class SqliteFile(SourceFile):
    """A table of a SQLite file."""

    table: Text = Field(description="The table.")


class SourceStage(StageModel):
    """Keys of stages that read reference data."""

    like: Text | None = Field(default=None, description="For an internal stage: a table whose rules apply here, too.")
    references: dict[str, StageColumn] = Field(
        default_factory=dict, description="Columns whose cells must occur in a column of another file."
    )


class CsvStage(SourceStage):
    """Reference data from a CSV file."""

    csv: Annotated[CsvFile, NameOr()] = Field(description="The CSV file, alone or with options.")


class JsonStage(SourceStage):
    """Reference data from a JSON file: an array of objects, or one object per line."""

    json_: Annotated[SourceFile, NameOr()] = Field(alias="json", description="The JSON file.")


class ParquetStage(SourceStage):
    """Reference data from a Parquet file."""

    parquet: Annotated[SourceFile, NameOr()] = Field(description="The Parquet file.")


class SqliteStage(SourceStage):
    """Reference data from a table of a SQLite file."""

    sqlite: SqliteFile = Field(description="The SQLite file and the table.")


SOURCE_KINDS: dict[str, type[SourceStage]] = {
    "csv": CsvStage,
    "json": JsonStage,
    "parquet": ParquetStage,
    "sqlite": SqliteStage,
}
