"""What a commit does, by the lines it takes away and adds."""

import pytest

from processors.evidence.diffs import changed_lines, effect_of
from processors.evidence.values import CommitRead


def traits(diff: str, *files: str, title: str = "change it") -> frozenset[str]:
    return effect_of(CommitRead("ab" * 20, 0, title, "s/0", "", files or ("src/a.go",), diff)).traits


@pytest.mark.parametrize(
    ("diff", "trait"),
    [
        ("-  ORDER BY score LIMIT 50\n+  ORDER BY score", "removes_bound"),
        ("-\tif user == nil {\n-\t\treturn nil\n-\t}\n return user.Name", "removes_guard"),
        ("-    if order is None:\n-        return 0\n     return order.total", "removes_guard"),
        ("-\tdefer rows.Close()\n \tfor rows.Next() {", "removes_release"),
        ("+\tfor _, id := range ids {\n+\t\titem, err := repo.GetItem(ctx, id)\n+\t}", "work_in_loop"),
        ("+    for each in ids:\n+        rows.append(db.execute(q, each))", "work_in_loop"),
        ("-const maxConns = 50\n+const maxConns = 5", "lowers_limit"),
        ("-  timeout: 2s\n+  timeout: 50ms", "lowers_limit"),
        ("-\tMaxRetries: 2,\n+\tMaxRetries: 20,", "raises_load"),
        ("+ALTER TABLE a ADD COLUMN b text;", "touches_schema"),
        ('+\turl := os.Getenv("MAIL_URL")', "reads_setting"),
        ("-    @lru_cache(maxsize=10)\n     def f():", "removes_cache"),
        ("+\tmu.Lock()\n+\tdefer mu.Unlock()", "adds_lock"),
        ('-\tID int `json:"id"`\n+\tID int `json:"identifier"`', "changes_format"),
    ],
)
def test_a_trait_is_told_from_what_is_gone_and_what_is_new(diff: str, trait: str) -> None:
    assert trait in traits(diff)


@pytest.mark.parametrize(
    "files",
    [
        ("docs/a.md",),
        ("pkg/a_test.go",),
        ("web/a.css",),
        (".github/workflows/ci.yml",),
        ("CODEOWNERS",),
        ("deploy/staging/tls.yaml",),
        ("tests/test_a.py", "README.md"),
    ],
)
def test_what_does_not_run_in_production_is_inert(files: tuple[str, ...]) -> None:
    assert "inert" in traits("-a\n+b", *files)


def test_a_change_of_comments_alone_is_inert() -> None:
    assert "inert" in traits("-// old words\n+// new words")
    assert changed_lines("-// old\n+# new\n+x := 1\n--- a/x\n+++ b/x") == ([], ["x := 1"])


def test_the_same_words_in_another_order_are_rearranged() -> None:
    assert "rearranged" in traits("-\ta := f(x)\n-\tb := g(y)\n+\tb := g(y)\n+\ta := f(x)")


def test_a_bound_that_goes_is_no_mere_rearrangement() -> None:
    found = traits("-\tSELECT a FROM t WHERE x ORDER BY y LIMIT 5\n+\tSELECT a FROM t WHERE x ORDER BY y")
    assert "removes_bound" in found and "rearranged" not in found


def test_numbers_that_differ_are_read_with_their_units() -> None:
    effect = effect_of(
        CommitRead(
            "ab" * 20, 0, "t", "s/0", "", ("a.go",), "-\ttimeout = 2 * time.Second\n+\ttimeout = 1 * time.Minute"
        )
    )
    assert [(old, new) for _, old, new in effect.numbers] == [(2.0, 60.0)]


def test_a_manifest_alone_changes_a_dependency() -> None:
    assert "bumps_dependency" in traits("-\tx v1.0\n+\tx v2.0", "go.mod", "go.sum")
    assert "bumps_dependency" not in traits("-\tx v1.0\n+\tx v2.0", "go.mod", "main.go")
