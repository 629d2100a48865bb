"""psycopg 3 against the server of the PG* environment: types, transactions,
server-side parameters, COPY, errors. Exits 0 when everything holds."""
import datetime
import decimal
import uuid

import psycopg

with psycopg.connect() as conn:
    cur = conn.cursor()
    values = [True, 7, 2**40, 1.5, decimal.Decimal("12.340"), "héllo", b"\x00\xff",
              datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3),
              uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), [1, 2, 3], None]
    types = ["bool", "int4", "int8", "float8", "numeric", "text", "bytea", "date", "timestamp", "uuid",
             "int4[]", "text"]
    for binary in (False, True):
        cur = conn.cursor(binary=binary)
        for value, typ in zip(values, types):
            got = cur.execute(f"SELECT %s::{typ}", [value]).fetchone()[0]
            assert got == value, (typ, binary, got, value)
    cur.execute("CREATE TABLE psy (id int PRIMARY KEY, name text)")
    with cur.copy("COPY psy FROM STDIN") as copy:
        for row in [(1, "one"), (2, None), (3, "tab\t")]:
            copy.write_row(row)
    assert cur.execute("SELECT * FROM psy ORDER BY id").fetchall() == [(1, "one"), (2, None), (3, "tab\t")]
    cur.executemany("INSERT INTO psy VALUES (%s, %s)", [(i, str(i)) for i in range(10, 20)])
    assert cur.execute("SELECT count(*) FROM psy").fetchone() == (13,)
    conn.commit()
    try:
        with conn.transaction():
            cur.execute("DELETE FROM psy")
            cur.execute("INSERT INTO psy VALUES (1, 'a'), (1, 'b')")
        raise AssertionError("no error for a duplicate key")
    except psycopg.errors.UniqueViolation as e:
        assert e.diag.constraint_name == "psy_pkey", e.diag.constraint_name
    assert cur.execute("SELECT count(*) FROM psy").fetchone() == (13,)
    with conn.cursor().copy("COPY psy TO STDOUT") as copy:
        assert sum(1 for _ in copy.rows()) == 13
print("psycopg", psycopg.__version__, "ok")
