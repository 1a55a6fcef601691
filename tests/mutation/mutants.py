"""Which small defects a file can have."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NOTHING = ast.Pass()
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: a piece of a file's text, and what stands there instead."""

    file: str
    function: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        """Name it, without its line, which moves."""
        return f"{self.file} {self.function}: {self.before} -> {self.after}"

    def applied(self, source: bytes) -> bytes:
        """Return the file's text with the defect."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutants(root: Path, file: str) -> list[Mutant]:
    """Return all defects of *file*, a path below *root*, in the order of its text."""
    source = (root / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[Mutant] = []
    for node, function in _nodes(ast.parse(source), ""):
        for part, changed in _changes(node):
            start = starts[part.lineno - 1] + part.col_offset
            end = starts[(part.end_lineno or 0) - 1] + (part.end_col_offset or 0)
            before = " ".join(source[start:end].decode().split())
            after = ast.unparse(ast.fix_missing_locations(changed))
            if isinstance(part, ast.expr):
                after = f"({after})"
            found.append(Mutant(file, function, part.lineno, start, end, before, after))
    return sorted(found, key=lambda one: (one.start, one.end, one.after))


_Node = ast.expr | ast.stmt


def _nodes(node: ast.AST, function: str) -> Iterator[tuple[_Node, str]]:
    """Yield what can have a defect, with the function or class that it is in."""
    for name, value in ast.iter_fields(node):
        # Types are the type checkers' to test, and so is what runs for them alone.
        if name in ("annotation", "returns", "type_params", "decorator_list"):
            continue
        children: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
        for child in children:
            if not isinstance(child, ast.AST) or _is_typing(child):
                continue
            inner = function
            if isinstance(child, _Function | ast.ClassDef):
                inner = f"{function}.{child.name}".lstrip(".")
            if isinstance(child, ast.expr | ast.stmt):
                yield child, inner
            # In the text of an f-string nothing has a place of its own.
            if not isinstance(child, ast.JoinedStr):
                yield from _nodes(child, inner)


def _is_typing(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: _Node) -> Iterator[tuple[_Node, ast.AST]]:
    """Yield what may stand in the place of a node, or of a part of it."""
    if isinstance(node, ast.If | ast.While) and not isinstance(
        node.test, ast.Compare | ast.UnaryOp
    ):
        yield node.test, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.stmt):
        yield from ((node, one) for one in _instead_of_statement(node))
    else:
        yield from ((node, one) for one in _instead_of_expression(node))


def _instead_of_expression(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [first, *others], operands) if type(first) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(first)](), *others], operands)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(test, body, other):
            yield ast.IfExp(test, other, body)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case _:
            pass


def _instead_of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.AugAssign() | ast.Break() | ast.Continue() | ast.Delete():
            yield _NOTHING
        case ast.Expr(ast.Call() | ast.Await()):
            yield _NOTHING
        case ast.Assign([ast.Attribute() | ast.Subscript()], _):
            yield _NOTHING
        case _:
            pass


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
