"""Runs over whole systems: links, backfills, rounds of reconciling."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_matches",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("run", "value", "field", "system", "external_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_rows",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("etag", sa.String(length=255), nullable=True),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("partner", sa.String(length=255), nullable=True),
        sa.Column("found", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("record", sa.String(length=32), nullable=True),
        sa.Column("was_linked", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", "system", "external_id"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("run_rows", schema=None) as batch_op:
        batch_op.create_index("run_rows_verdict", ["run", "verdict", "system", "external_id"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("systems", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("runs_kind", ["kind", "created_at"], unique=False)
        batch_op.create_index(
            "runs_open",
            ["object"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("held", schema=None) as batch_op:
        batch_op.add_column(sa.Column("run", sa.String(length=32), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("held", schema=None) as batch_op:
        batch_op.drop_column("run")

    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_open")
        batch_op.drop_index("runs_kind")

    op.drop_table("runs")
    with op.batch_alter_table("run_rows", schema=None) as batch_op:
        batch_op.drop_index("run_rows_verdict")

    op.drop_table("run_rows")
    op.drop_table("run_matches")
