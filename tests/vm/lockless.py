#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# lockless.py: every variable that the kernel modules or the provider access
# without its lock, by its macro or a barrier, must be named in the section
# "Lockless accesses" of docs/locking.md; a barrier by the function it is in. And
# every name in the first column of a table there must still be such a variable.
#
#   tests/vm/lockless.py [TOP]

import pathlib
import re
import sys

TOP = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                   pathlib.Path(__file__).resolve().parents[2])
DOC = "docs/locking.md"
HEAD = "## Lockless accesses"
SOURCES = ("kernel/prxe/*.[ch]", "kernel/dma-buf-pfn/*.[ch]",
           "kernel/softgpu/*.[ch]", "kernel/vfio-pci-pfn/*.[ch]",
           "providers/prxe/*.[ch]")
# of the argument that is the variable
SECOND = re.compile(r"(set|clear|test|change|test_and_\w+)_bit$")
ACCESS = re.compile(
    r"\b(READ_ONCE|WRITE_ONCE|data_race|smp_load_acquire|smp_store_release|"
    r"smp_store_mb|smp_cond_load_\w+|xchg|try_cmpxchg\w*|cmpxchg\w*|"
    r"atomic\w*_\w+|__atomic_(?:load|store|fetch|exchange|compare)\w*|"
    r"set_bit|clear_bit|test_and_\w+_bit|rcu_dereference\w*|rcu_assign_\w+|"
    r"rcu_access_pointer|kref_get_unless_zero|refcount_\w+)\(")
BARRIER = re.compile(r"\b(smp_(?:mb|rmb|wmb)|smp_mb__\w+|__atomic_thread_fence)\(")
FUNCTION = re.compile(r"^[A-Za-z_][^;=]*?\b(\w+)\(")
# types, headers, the user's memory, and what is no access
IGNORED = re.compile(r"atomic_(?:t|long_t|int)$|cmpxchg64$|atomic64_|atomic_set$|prxe_mr_atomic|rd_atomic|"
                     r"atomic_ack|atomic_wr|rcu_assign_sk_user_data$|"
                     r"rcu_dereference_sk_user_data$")


def arguments(text, at):
    """The arguments of the call whose opening parenthesis is before @at."""
    depth, start, args = 1, at, []
    for i in range(at, len(text)):
        c = text[i]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if not depth:
                return args + [text[start:i]]
        elif c == "," and depth == 1:
            args.append(text[start:i])
            start = i + 1
    return args


def name_of(expression):
    """The last component: per_cpu_ptr(h, cpu)->obj[slot] is obj."""
    e = re.sub(r"\s+", "", expression)
    while e.endswith("]"):
        e = e[:e.rindex("[")]
    found = re.search(r"(\w+)\)*$", e)
    return found.group(1) if found else e


def without_comments(text):
    """Comments become blanks, lines stay lines."""
    return re.sub(r"/\*.*?\*/|//[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def accesses(text):
    """Yield (line number, name) for each."""
    code = without_comments(text)
    for match in ACCESS.finditer(code):
        call = match.group(1)
        if IGNORED.search(call):
            continue
        args = arguments(code, match.end())
        which = 1 if SECOND.search(call) else 0
        if call.startswith("atomic") and len(args) > 1 and "&" in args[1]:
            which = 1
        name = name_of(args[which])
        # data_race(READ_ONCE(x)): the inner one will be found
        if call == "data_race" and "READ_ONCE" in args[0]:
            continue
        yield code.count("\n", 0, match.start()) + 1, name
    function = "?"
    for number, line in enumerate(code.split("\n"), 1):
        started = FUNCTION.match(line)
        if started and not line.startswith("#"):
            function = started.group(1)
        if BARRIER.search(line):
            yield number, function


def main():
    doc = (TOP / DOC).read_text()
    if HEAD not in doc:
        sys.exit(f"{DOC}: no section \"{HEAD}\"")
    section = doc.split(HEAD, 1)[1].split("\n## ", 1)[0]
    known = {word for name in re.findall(r"`([^`]+)`", section)
             for word in re.findall(r"\w+", name)}
    listed = set()
    for line in section.split("\n"):
        if line.startswith("| `"):
            listed |= set(re.findall(r"`(?:[\w.>-]*[.>])?(\w+)(?:\[\])?(?:\(\))?`",
                                     line.split("|")[1]))
    seen, bad = set(), 0
    for pattern in SOURCES:
        for path in sorted(TOP.glob(pattern)):
            for number, name in accesses(path.read_text()):
                seen.add(name)
                if name not in known:
                    print(f"{path.relative_to(TOP)}:{number}: {name} is accessed "
                          f"without a lock and not in {DOC}")
                    bad = 1
    for name in sorted(listed - seen):
        print(f"{DOC}: nobody accesses {name} without a lock")
        bad = 1
    if "-v" in sys.argv:
        print(sorted(seen))
    if not seen:
        sys.exit("found no access at all")
    sys.exit(bad)


main()
