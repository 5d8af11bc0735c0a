#!/usr/bin/env python3
"""usage: programs.py PAGE SECTION LANGUAGE TEMPLATE OUTPUT

Makes a program of a table of docs/guide/languages.md: the statements of each row in that language, and a check of what its last column
says. They take the place of the line @ROWS@ of the template. A row that lacks the language is an error, unless it says so: "—".
"""
import re
import sys

FORMS = {  # of a statement, of a check, before and after a row, and of the literals true and false
    "C++": ("  {};", "  {};", "  {{\n  row = {};", "  }}", ("true", "false")),
    "C": ("  {};", "  {};", "  {{\n  row = {};", "  }}", ("true", "false")),
    "Fortran": ("  {}", "  call {}", "  block\n  row = {}", "  end block", (".true.", ".false.")),
    "Python": ("{}", "{}", "row = {}", "", ("True", "False")),
}


def fail(text):
    sys.exit(f"programs.py: {text}")


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def tables(page, section):
    """Returns the rows of the table in that section, the first one of which has the names of its columns."""
    parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2]):
        if title == section:
            lines = [line for line in text.splitlines() if line.startswith("|")]
            return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|--")]
    return fail(f"there is no section '{section}'")


def check(then, literals):
    words = spans(then)
    if len(words) != 2 or not re.fullmatch(r"`[^`]+` (is|has) `[^`]+`", then):
        fail(f"'{then}' is no check: `what` is `value`")
    what, value = words
    value = {"true": literals[0], "false": literals[1]}.get(value, value)
    if what.startswith('"'):
        return f"named_is({what}, {value})"
    if what == "text":
        return f'text_has("{value}")'
    return f"{what}_is({value})"


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    page, section, language, template, output = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        rows = tables(file.read(), section)
    statement, of_check, begin, end, literals = FORMS[language]
    column = rows[0].index(language)
    lines = []
    for row in rows[1:]:
        if len(row) != len(rows[0]):
            fail(f"the row '{row[0]}' has {len(row)} cells of {len(rows[0])}")
        if row[column] == "—":
            continue
        code = spans(row[column])
        if not code:
            fail(f"the row '{row[0]}' has nothing in {language}")
        text = '"' + row[0] + '"'
        lines.append(begin.format(text))
        for one in code:
            if language == "C" and one.startswith("locum_"):
                one = f"ok({one})"
            lines.append(statement.format(one))
        lines.append(of_check.format(check(row[-1], literals)))
        lines.append(end.format())
    with open(template, encoding="utf-8") as file:
        text = file.read()
    if text.count("@ROWS@\n") != 1:
        fail(f"{template} has no line @ROWS@")
    with open(output, "w", encoding="utf-8") as file:
        indent = "    " if language == "Python" and re.search(r"\n    [^\n]*\n@ROWS@", text) else ""
        file.write(text.replace("@ROWS@\n", "".join(f"{indent}{line}\n" for line in lines)))


main()
