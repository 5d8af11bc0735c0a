# Checks that no two headers named on the command line define a type of one name in one namespace: a program with both is
# undefined (one definition rule), even if no unit includes both, and no compiler says so.
#
# Reads what clang-format writes: namespaces and definitions begin a line; an indented type belongs to another one, a
# specialization has arguments.

/^namespace / { namespace = $2 }
/^(struct|class) / {
  name = $2 == "[[nodiscard]]" ? $3 : $2
  if ($0 ~ /;$/ || name !~ /^[A-Za-z0-9_]+$/) next
  whole = namespace "::" name
  if (whole in place && FILENAME != file[whole]) {
    printf "%s:%d: %s\n  defines %s, as %s does: rename one\n", FILENAME, FNR, $0, whole, place[whole]
    violations = 1
  }
  place[whole] = FILENAME ":" FNR
  file[whole] = FILENAME
}
END { exit violations }
