"""What a run says at its end."""

from __future__ import annotations

from run import Kind, Outcome


def text(outcome: Outcome, examples: int = 0) -> str:
    """For a person who has to mend something; with so many cases of each kind beside the shortest."""
    peers = ", ".join(f"{name} {number}" for name, number in sorted(outcome.peers.items()))
    lines = [
        f"{outcome.cases} cases; whole requests reached the app in: Doorward {outcome.forwarded}, {peers}",
        *(kind(name, one, examples) for name, one in sorted(outcome.kinds.items(), key=lambda item: item[1].soft)),
    ]
    for case, finding in outcome.once[:20]:
        lines.append(
            f"\nseen once and not again: {finding.kind} ({finding.way}), {case.name}\n    {finding.detail[:600]}\n{pieces(case.pieces)}"
        )
    broken = outcome.broken
    lines.append(f"\n{len(broken)} promises broken: {'; '.join(broken)}" if broken else "\nno promise broken")
    return "\n".join(lines)


def kind(name: str, one: Kind, examples: int) -> str:
    """One kind of finding with its shortest example."""
    assert one.case and one.finding and one.traces
    ways = ", ".join(f"{way} {number}" for way, number in one.ways.most_common())
    heard = "; ".join(f"{way}: {trace.seen.statuses}" for way, trace in one.traces.items())
    others = "".join(
        f"\n  {finding.way}, {case.name}: {finding.detail[:300]}\n{pieces(case.pieces)}"
        for case, finding in sorted(one.examples, key=lambda pair: len(pair[0].data))[:examples]
    )
    return (
        f"\n{'worth a look' if one.soft else 'BROKEN'}: {name} ({one.count} times: {ways})\n"
        f"  shortest case: {one.case.name}{', the canary in the last piece' if one.case.in_one else ''}{', a slow app' if one.case.slow else ''}\n"
        f"{pieces(one.case.pieces)}\n  {one.finding.way}: {one.finding.detail[:1500]}\n  answers (* not by the app): {heard}{others}"
    )


def pieces(all_: tuple[bytes, ...]) -> str:
    """The bytes, one line for each TCP segment."""
    return "\n".join(f"    {one[:600]!r}{' ...' if len(one) > 600 else ''}" for one in all_)
