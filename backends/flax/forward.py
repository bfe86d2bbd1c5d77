"""The body of `__call__`: which expressions share a line, and what variables are called.

A chain such as convolution, normalisation, activation is one line. The main flow is
`x`; a branch beside it is `y`, several branches are `branch1`, `branch2`, ...; a value
that something far away reads has its label's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cnndsl.emitter import Group as Bracket
from cnndsl.emitter import Piece, flat, layout
from cnndsl.escape import python_string
from cnndsl.record import Record

from .code import Apply, Either, Expr, Join, Own, Ref, Scope, Text, line, render, rewrite, walk
from .naming import Names, identifier
from .plan import substitute, uses
from .planned import ClassPlan, Group, Member

LONGEST_LINE = 88
LONGEST_OPERAND = 48
LONGEST_MERGE = 76
LETTERS = ("x", "y", "z", "u", "v", "w")
CARRIERS = ("conv", "linear", "norm", "merge", "call", "activation", "regular")
"""Families of steps whose result an activation may take on the same line."""


class Statement(Record):
    """One assignment, or one loop.

    Arguments:
        targets: values it makes.
        expr: what it assigns; of a loop, one round.
        members: positions of the steps in it, in order.
        loop: the attribute that a loop runs over.
        group: position of the optional group that it is in.
        starts: of a loop, the values before the first round; in `expr` stand the targets.
    """

    targets: tuple[int, ...]
    expr: Expr
    members: tuple[int, ...]
    loop: str | None = None
    group: int | None = None
    starts: tuple[int, ...] = ()

    @property
    def member(self) -> int:
        """Position of its last step."""
        return self.members[-1]

    @property
    def reads(self) -> tuple[int, ...]:
        """Values it reads, in order, each once."""
        read = [value for value in _refs(self.expr) if not self.loop or value not in self.targets]
        return tuple(dict.fromkeys([*self.starts, *read]))


class Body:
    """`__call__` of a class."""

    def __init__(self, cls: ClassPlan, is_model: bool) -> None:
        self.cls = cls
        self.is_model = is_model
        self.members = cls.members
        self.group_of = {
            i: number
            for number, group in enumerate(cls.groups)
            for i in range(group.first, group.last + 1)
        }
        self.maker = {v: i for i, m in enumerate(self.members) for v in m.outputs}
        self.outputs = cls.graph.outputs
        self.main_results = [
            value
            for value, output in zip(cls.outputs, self.outputs, strict=True)
            if not (is_model and output.training)
        ]
        self.training = [
            (output.name, value)
            for value, output in zip(cls.outputs, self.outputs, strict=True)
            if is_model and output.training
        ]
        self.trees: dict[int, Expr] = {}
        self.within: dict[int, tuple[int, ...]] = {}
        statements = self._statements()
        needed = self._needed(statements, self.main_results)
        early = [s for s in statements if needed & set(s.targets)]
        trained = self._needed(statements, [value for _, value in self.training])
        late = [s for s in statements if trained & set(s.targets) and s not in early]
        self.inline = self._inline_results(early, late)
        self.statements = [*early, *late]
        self.late_from = len(early)
        self._liveness()
        self._roles()

    # -------------------------------------------------------------- statements

    def _statements(self) -> list[Statement]:
        """One statement for each step that is not part of a later line."""
        readers: dict[int, list[int]] = {}
        for index, member in enumerate(self.members):
            for value in member.inputs:
                readers.setdefault(value, []).append(index)
        kept = {*self.cls.outputs, *(g.result for g in self.cls.groups)}
        kept |= {g.bypass for g in self.cls.groups}
        found: list[Statement] = []
        for index, member in enumerate(self.members):
            starts: tuple[int, ...] = ()
            values = [self.trees.get(value, Ref(value)) for value in member.inputs]
            if member.step.is_loop:
                starts = member.inputs[: len(member.outputs)]
                values[: len(starts)] = map(Ref, member.outputs)
            expr = substitute(_owned(member), values)
            inside = [i for value in member.inputs for i in self.within.get(value, ())]
            only = readers.get(member.outputs[0], [])
            if (
                len(member.outputs) == 1
                and member.outputs[0] not in kept
                and len(only) == 1
                and self._joins(index, only[0], expr)
            ):
                self.trees[member.outputs[0]] = expr
                self.within[member.outputs[0]] = (*inside, index)
                continue
            loop = member.name if member.step.is_loop else None
            group = self.group_of.get(index)
            found.append(Statement(member.outputs, expr, (*inside, index), loop, group, starts))
        return found

    def _joins(self, index: int, reader: int, expr: Expr) -> bool:
        """Whether a step is said inside the line of the step that reads it."""
        one, other = self.members[index], self.members[reader]
        if self.group_of.get(index) != self.group_of.get(reader):
            return False
        if one.step.is_loop or other.step.is_loop:
            return False
        position = other.inputs.index(one.outputs[0])
        if uses(other.apply, position) != 1:
            return False
        length = len(_text(expr))
        if other.step.family == "merge":
            values = [self.trees.get(value, Ref(value)) for value in other.inputs]
            values[position] = expr
            whole = len(_text(substitute(other.apply, values)))
            return whole <= LONGEST_MERGE and _is_operand(expr, length, other)
        if length + 16 > LONGEST_LINE or one.step.family not in CARRIERS:
            return False
        if other.step.family == "activation":
            return True
        same_row = one.step.place == other.step.place
        if other.step.family == "norm":
            return one.step.family in ("conv", "linear") and bool(other.name)
        return other.step.family == "regular" and same_row

    def _needed(self, statements: Sequence[Statement], results: Sequence[int]) -> set[int]:
        """Values that some outputs need."""
        needed = set(results)
        for statement in reversed(statements):
            targets = set(statement.targets)
            if statement.group is not None:
                group = self.cls.groups[statement.group]
                if group.result in needed:
                    needed.add(group.bypass)
            if targets & needed:
                needed |= {*statement.targets, *statement.reads}
        return needed

    def _inline_results(
        self, early: Sequence[Statement], late: Sequence[Statement]
    ) -> dict[int, Expr]:
        """Results that are said in the `return`."""
        every = [*early, *late]
        read = {value for statement in every for value in statement.reads}
        counts = {value: self.cls.outputs.count(value) for value in self.cls.outputs}
        found: dict[int, Expr] = {}
        for statements, results in (
            (early, self.main_results),
            (late, [value for _, value in self.training]),
        ):
            for statement in statements:
                value = statement.targets[0]
                if (
                    len(statement.targets) == 1
                    and value in results
                    and value not in read
                    and counts[value] == 1
                    and statement.loop is None
                    and statement.group is None
                    and (
                        (len(results) == 1 and not self.training and statement is every[-1])
                        or _is_simple_call(statement.expr)
                    )
                ):
                    if statements is early and self.training:
                        continue  # it is returned in two places
                    found[value] = statement.expr
        return found

    # ---------------------------------------------------------------- liveness

    def _liveness(self) -> None:
        """The last statement that reads each value."""
        self.last: dict[int, int] = {}
        self.readers: dict[int, list[int]] = {}
        for index, statement in enumerate(self.statements):
            for value in statement.reads:
                self.last[value] = index
                self.readers.setdefault(value, []).append(index)
            group = self._group_ending(index)
            if group is not None:
                self.last[group.bypass] = max(self.last.get(group.bypass, 0), index)
        end = len(self.statements)
        returned = [*self.cls.outputs]
        for value in self.cls.outputs:
            if value in self.inline:
                returned += _refs(self.inline[value])
        for value in returned:
            self.last[value] = end
        for value in self.cls.outputs:
            self.readers.setdefault(value, []).append(end)

    def _group_ending(self, index: int) -> Group | None:
        """The optional group whose last statement this is."""
        here = self.statements[index].group
        after = self.statements[index + 1].group if index + 1 < len(self.statements) else None
        return self.cls.groups[here] if here is not None and here != after else None

    # ------------------------------------------------------------------- roles

    def _roles(self) -> None:
        """What each value would like to be called."""
        self.tapped = self._tapped()
        self.result_names = self._result_names()
        self.roles: dict[int, str] = {}
        exit_ = len(self.statements)
        meet = self._meeting_points(exit_)
        for index in reversed(range(len(self.statements))):
            for value in self.statements[index].targets:
                self.roles[value] = self._role(value, meet)

    def _role(self, value: int, meet: Mapping[int, int]) -> str:
        if value in self.result_names:
            return self.result_names[value]
        readers = self._flow(value)
        exit_ = len(self.statements)
        if not readers or readers == [exit_]:
            return "x"
        if len(readers) > 1:
            index = meet[min(readers)]
            for reader in readers:
                index = _common(meet, index, reader)
            if index == exit_:
                return "x"
            return self.roles.get(self.statements[index].targets[0], "x")
        statement = self.statements[readers[0]]
        after = self.roles.get(statement.targets[0], "x")
        word = self._merge_word(statement)
        if word is None:
            return after
        results = {group.result for group in self.cls.groups}
        private = [
            v
            for v in statement.reads
            if self._flow(v) == [readers[0]] and v in self._made and v not in results
        ]
        if value not in private:
            return after
        if len(private) == 1:
            others = [v for v in statement.reads if v != value]
            return after if all(v in self.tapped for v in others) else _next_letter(after)
        position = private.index(value)
        if len(private) == 2 and word == "add":
            lengths = [self._chain(v) for v in private]
            if lengths[0] != lengths[1]:
                short = lengths[position] < lengths[1 - position]
                return "shortcut" if short else _next_letter(after)
        if after.startswith("branch"):
            return f"{after}{'abcdefghijklmnopqrstuvwxyz'[position % 26]}"
        return f"branch{position + 1}"

    def _merge_word(self, statement: Statement) -> str | None:
        """The merge in a statement, if there is one."""
        words = [self.members[i].step.word for i in statement.members
                 if self.members[i].step.family == "merge"]  # fmt: skip
        return words[-1] if words else None

    @property
    def _made(self) -> set[int]:
        return {value for statement in self.statements for value in statement.targets}

    def _flow(self, value: int) -> list[int]:
        """The statements that a value flows to; an optional group counts as its bypass does."""
        found = list(self.readers.get(value, []))
        for index, statement in enumerate(self.statements):
            if statement.group is not None and self._group_ending(index) is not None:
                group = self.cls.groups[statement.group]
                if group.bypass == value and index not in found:
                    found.append(index)
        return sorted(found)

    def _chain(self, value: int) -> int:
        """Number of statements in the branch that ends in a value."""
        count = 0
        while value in self._made:
            index = next(i for i, s in enumerate(self.statements) if value in s.targets)
            count += 1
            reads = self.statements[index].reads
            private = [v for v in reads if len(self._flow(v)) == 1]
            if len(private) != 1:
                break
            value = private[0]
        return count

    def _meeting_points(self, exit_: int) -> dict[int, int]:
        """For each statement, the next one through which everything it makes passes."""
        meet: dict[int, int] = {exit_: exit_}
        for index in reversed(range(exit_)):
            after = {r for v in self.statements[index].targets for r in self._flow(v)}
            after.discard(index)
            point: int | None = None
            for reader in sorted(after) or [exit_]:
                point = reader if point is None else _common(meet, point, reader)
            meet[index] = exit_ if point is None else point
        return meet

    def _result_names(self) -> dict[int, str]:
        """Results of calls that give several, by the names of the block's outputs."""
        found: dict[int, str] = {}
        for member in self.members:
            cls = member.step.cls
            if cls is None or len(member.outputs) < 2:
                continue
            for value, output in zip(member.outputs, cls.graph.outputs, strict=True):
                if not output.name.startswith("output"):
                    found[value] = identifier(output.name, "output")
        return found

    def _tapped(self) -> dict[int, str]:
        """Values with a name of their own: labels that are read more than once, outputs."""
        graph = self.cls.graph
        numbers: dict[str, tuple[int, Member]] = {}
        for member in self.members:
            step = member.steps[0]
            if step is not None:
                values = zip(step.outputs, member.outputs, strict=True)
                numbers.update((name, (value, member)) for name, value in values)
        found: dict[int, str] = {}
        for label, name in graph.labels:
            if name not in numbers:
                continue
            value, member = numbers[name]
            reads = sum(
                _refs(s.expr).count(value) for s in self.statements if value not in s.targets
            )
            if reads > 1 or len(self.readers.get(value, [])) > 1:
                cls = member.step.cls
                prefix = cls.definition if cls is not None else member.step.family
                found.setdefault(value, identifier(label, prefix))
        if len(self.outputs) > 1:
            for output, value in zip(self.outputs, self.cls.outputs, strict=True):
                if value >= self.cls.inputs and not output.name.startswith("output"):
                    found.setdefault(value, identifier(output.name, "output"))
        return found

    # ---------------------------------------------------------------- emission

    def lines(self, comments: Mapping[int, str]) -> list[str]:
        """The body, indented as a method's. `comments` stand behind the step of that number."""
        return _Writer(self, comments).lines()


class _Writer:
    """Gives variables to values, statement by statement, and writes the lines."""

    def __init__(self, body: Body, comments: Mapping[int, str]) -> None:
        self.body = body
        self.comments = comments
        self.names: dict[int, str] = {}
        self.holder: dict[str, int] = {}
        self.out: list[str] = []
        self.inputs = input_names(body.cls)
        for value, name in enumerate(self.inputs):
            self.names[value] = name
            self.holder[name] = value
        self.reserved = {*body.tapped.values()}
        self.shown = ""
        self.tested = ""

    def lines(self) -> list[str]:
        body = self.body
        self._run(0, body.late_from)
        if body.training:
            self.out.append("        if self.deterministic:")
            self._return(body.main_results, 3)
            self._run(body.late_from, len(body.statements))
            self._return_training()
        else:
            self._return(body.main_results, 2)
        return self.out

    def _run(self, start: int, stop: int) -> None:
        index = start
        while index < stop:
            statement = self.body.statements[index]
            if statement.targets[0] in self.body.inline:
                index += 1
                continue
            if statement.group is None:
                self.tested = ""
                self._statement(index, 2)
                index += 1
                continue
            end = index
            while end < stop and self.body.statements[end].group == statement.group:
                end += 1
            self._group(self.body.cls.groups[statement.group], range(index, end))
            index = end

    # --------------------------------------------------------------- statements

    def _statement(self, index: int, indent: int, forced: str | None = None) -> None:
        statement = self.body.statements[index]
        if statement.loop is not None:
            self._loop(index, indent, forced)
            return
        scope = self._scope()
        piece = render(statement.expr, scope)
        targets = [self._name(value, index, forced) for value in statement.targets]
        self._assign(targets, piece, statement, indent)

    def _assign(
        self, targets: Sequence[str], piece: Piece, statement: Statement, indent: int
    ) -> None:
        for value, target in zip(statement.targets, targets, strict=True):
            if target != "_":
                self._hold(target, value)
        before = f"{', '.join(targets)} = "
        if flat(piece) == before.removesuffix(" = "):
            return
        self._put(layout(piece, indent, before), statement.member)

    def _put(self, lines: list[str], member: int) -> None:
        comment = self._comment(member)
        if comment and len(lines[0]) + len(comment) + 4 <= 100 and len(lines) == 1:
            lines = [f"{lines[0]}  # {comment}"]
        self.out += lines

    def _comment(self, member: int) -> str:
        """The shape after a step where it is another one than before."""
        text = self.comments.get(member, "")
        before, self.shown = self.shown, text
        return text if text != before and len(text) <= 40 else ""

    def _loop(self, index: int, indent: int, forced: str | None) -> None:
        """The values before the first round under the names of the results, and the rounds."""
        statement = self.body.statements[index]
        member = self.body.members[statement.member]
        begun = [self.names[value] for value in statement.starts]
        invariant = {self.names[v] for v in statement.reads if v not in statement.starts}
        before, self.reserved = self.reserved, self.reserved | invariant
        targets: list[str] = []
        for value in statement.targets:
            name = self._name(value, index, forced, loop=True)
            targets.append(name)
            self.reserved = self.reserved | {name}
        self.reserved = before
        margin = "    " * indent
        moves = [(t, b) for t, b in zip(targets, begun, strict=True) if t != b]
        if moves:
            names, values = zip(*moves, strict=True)
            self.out.append(f"{margin}{', '.join(names)} = {', '.join(values)}")
        taken = {*self.holder, *self.reserved, *(p.name for p in self.body.cls.parameters)}
        cls = member.step.cls
        assert cls is not None
        item = Names([*taken, *targets]).new(identifier(cls.definition))
        for value, target in zip(statement.targets, targets, strict=True):
            self._hold(target, value)
        piece = render(_own_as(statement.expr, item), Scope(self.names, item, "self."))
        head = f"{margin}for {item} in self.{statement.loop}:"
        comment = self._comment(statement.member)
        self.out.append(f"{head}  # {comment}" if comment else head)
        self.out += layout(piece, indent + 1, f"{', '.join(targets)} = ")

    def _group(self, group: Group, indices: range) -> None:
        """Optional steps: an `if`, or a conditional expression where both values live on."""
        body = self.body
        condition, opposite = group.test, group.negated and self.tested == group.name
        bypass = self.names[group.bypass]
        last = indices[-1]
        if body.last.get(group.bypass, -1) <= last and group.bypass not in body.tapped:
            start = len(self.out)
            self.out.append("        else:" if opposite else f"        if {condition}:")
            for index in indices:
                self._statement(index, 3, bypass if index == last else None)
            self.tested = "" if group.negated else group.name
            if opposite:
                self._join_branches(start, f"        {bypass} = ")
            return
        self.tested = ""
        statement = body.statements[last]
        target = self._name(group.result, last)
        if len(indices) == 1 and statement.loop is None:
            chosen = Either(statement.expr, Text(condition), Text(bypass))
            text = f"        {target} = {line(chosen, self._scope())}"
            if len(text) <= 100:
                self._hold(target, group.result)
                self.out.append(text)
                return
        self.out.append(f"        {target} = {bypass}")
        self.out.append(f"        if {condition}:")
        before = self.reserved
        self.reserved = before | {target}
        for index in indices:
            self._statement(index, 3, target if index == last else None)
        self.reserved = before

    def _join_branches(self, start: int, before: str) -> None:
        """An `if` and its `else` of one assignment each as one line, if that fits."""
        lines = self.out[start - 2 :]
        yes, no = lines[1][4:], lines[-1][4:]
        short = len(lines) == 4 and yes.startswith(before) and no.startswith(before)
        if short and lines[0].startswith("        if "):
            test = lines[0][len("        if ") : -1]
            text = f"{yes} if {test} else {no[len(before) :]}"
            if len(text) <= 100:
                self.out[start - 2 :] = [text]

    # -------------------------------------------------------------------- names

    def _scope(self) -> Scope:
        return Scope(self.names, "", "self.")

    def _hold(self, name: str, value: int) -> None:
        self.names[value] = name
        self.holder[name] = value

    def _name(self, value: int, index: int, forced: str | None = None, loop: bool = False) -> str:
        """A variable for a value that statement `index` makes."""
        if forced is not None:
            return forced
        if value not in self.body.last and not loop:
            return "_"
        tapped = self.body.tapped.get(value)
        if tapped is not None and self._is_free(tapped, index):
            return tapped
        role = self.body.roles.get(value, "x")
        letters = LETTERS[LETTERS.index(role) :] if role in LETTERS else LETTERS
        for name in (role, *letters, *LETTERS):
            if name not in self.reserved and self._is_free(name, index):
                self._hold(name, value)
                return name
        number = 2
        while not self._is_free(f"x{number}", index):
            number += 1
        self._hold(f"x{number}", value)
        return f"x{number}"

    def _is_free(self, name: str, index: int) -> bool:
        """Whether nothing after statement `index` reads what the variable holds."""
        holder = self.holder.get(name)
        return holder is None or self.body.last.get(holder, -1) <= index

    # ------------------------------------------------------------------ returns

    def _return(self, results: Sequence[int], indent: int) -> None:
        self.out += layout(self._result(results), indent, "return ")

    def _result(self, results: Sequence[int]) -> Piece:
        """One value as it is; several by name from a model, in a tuple from a block."""
        pieces = [self._value(value) for value in results]
        if len(pieces) == 1:
            return pieces[0]
        if not self.body.is_model:
            flat_pieces = ", ".join(map(flat, pieces))
            short = len(flat_pieces) <= LONGEST_LINE
            return flat_pieces if short else Bracket("(", tuple(pieces))
        names = [o.name for o in self.body.outputs if not o.training]
        return _dictionary(zip(names, pieces, strict=True))

    def _return_training(self) -> None:
        main = self._result(self.body.main_results)
        extra = _dictionary((name, self._value(value)) for name, value in self.body.training)
        line = f"        return {flat(main)}, {flat(extra)}"
        if len(line) <= 100:
            self.out.append(line)
        else:
            self.out += layout(extra, 2, "auxiliary = ")
            self.out.append(f"        return {flat(main)}, auxiliary")

    def _value(self, value: int) -> Piece:
        tree = self.body.inline.get(value)
        return render(tree, self._scope()) if tree is not None else self.names[value]


def input_names(cls: ClassPlan) -> list[str]:
    """Parameters of `__call__`: `x` for one input, else the inputs' names."""
    if cls.inputs == 1:
        return ["x"]
    names = Names()
    return [names.new(identifier(value.name)) for value in cls.graph.inputs]


def _dictionary(items: Iterable[tuple[str, Piece]]) -> Bracket:
    entries = []
    for name, piece in items:
        key = f"{python_string(name)}: "
        if isinstance(piece, Bracket):
            entries.append(Bracket(key + piece.head, piece.items))
        else:
            entries.append(key + flat(piece))  # type: ignore[arg-type]
    return Bracket("{", tuple(entries))


def _owned(member: Member) -> Expr:
    """The step's expression with its module's attribute filled in."""
    if member.name is None or member.step.is_loop:
        return member.apply
    return _own_as(member.apply, f"self.{member.name}")


def _own_as(expr: Expr, text: str) -> Expr:
    return rewrite(expr, lambda e: Text(text) if isinstance(e, Own) else None)


def _refs(expr: Expr) -> list[int]:
    """The values that an expression reads."""
    return [part.value for part in walk(expr) if isinstance(part, Ref)]


def _text(expr: Expr) -> str:
    """The expression on one line, with short names for all variables."""
    return line(expr, Scope(dict.fromkeys(_refs(expr), "branch1"), "", "self."))


def _is_simple_call(expr: Expr) -> bool:
    """A module applied to variables."""
    return (
        isinstance(expr, Apply)
        and isinstance(expr.function, Text)
        and expr.function.text.startswith("self.")
        and all(isinstance(a, Ref) for a in expr.arguments)
    )


def _is_operand(expr: Expr, length: int, merge: Member) -> bool:
    """Whether a merge says this input in its own line."""
    if length > LONGEST_OPERAND:
        return False
    if isinstance(merge.apply, Join):
        return isinstance(expr, Apply) and not isinstance(expr.function, Join)
    return _is_simple_call(expr)


def _next_letter(after: str) -> str:
    if after in LETTERS[:-1]:
        return LETTERS[LETTERS.index(after) + 1]
    return "y" if after in LETTERS else after


def _common(meet: Mapping[int, int], a: int, b: int) -> int:
    """The first statement that both lead to."""
    while a != b:
        if a < b:
            a = meet[a]
        else:
            b = meet[b]
    return a
