"""The tail in memory gives exactly what the file would, or says that it does not know."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.journal.sqlite.framing import entries, pack, stamp
from connectors.journal.sqlite.state import Appended
from connectors.journal.sqlite.tail import Tail
from connectors.ports.journal import NewRecord

RECORDS = st.builds(NewRecord, kind=st.text(max_size=3), payload=st.binary(max_size=9), key=st.text(max_size=3))


@given(
    commits=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=12),
    most=st.integers(0, 60),
    dropped=st.integers(0, 12),
)
def test_a_read_from_the_tail_is_whole_or_none(commits: list[tuple[str, int]], most: int, dropped: int) -> None:
    tail = Tail(most)
    heads = {"a": 0, "b": 0}
    for stream, count in commits:
        records = [NewRecord("signal", b"%d" % (heads[stream] + n + 1)) for n in range(count)]
        tail.extend([Appended(stream, heads[stream] + 1, 7, records, 5 * count)])
        heads[stream] += count
    tail.drop("a", dropped)
    assert tail.bytes <= most
    for stream, head in heads.items():
        floor = dropped if stream == "a" else 0
        for after in range(floor, head):
            for limit in (1, 2, 100):
                found = tail.read(stream, after, limit)
                expected = list(range(after + 1, min(head, after + limit) + 1))
                assert found is None or [(e.offset, int(e.payload)) for e in found] == [(o, o) for o in expected]
    newest = commits[-1] if commits else ("a", 0)
    if commits and 5 * newest[1] <= most and heads[newest[0]] - newest[1] >= dropped:
        assert tail.read(newest[0], heads[newest[0]] - 1, 1) is not None


@given(records=st.lists(RECORDS, min_size=1, max_size=8), above=st.integers(0, 12), limit=st.integers(0, 9))
def test_packed_records_come_back_as_they_were(records: list[NewRecord], above: int, limit: int) -> None:
    every = stamp("s", 4, 7, records)
    assert entries("s", 4, 7, pack(records)) == every
    assert entries("s", 4, 7, pack(records), above=above, limit=limit) == [e for e in every if e.offset > above][:limit]
